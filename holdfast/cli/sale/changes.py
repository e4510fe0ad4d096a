"""`holdfast sale set|copy|delete`."""

import sys
from typing import Any

import click

from holdfast.api_client import ApiRefused, Document, sale_path
from holdfast.cli.remote.command import RemoteService, remote_command
from holdfast.cli.remote.consent import ask, yes_option
from holdfast.cli.remote.output import cell
from holdfast.cli.sale.argument import sale_argument


def _complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[Any]:
    from holdfast.cli.sale.field_values import complete_field

    return list(complete_field(context, parameter, begun))


fields_argument = click.argument(
    "fields", nargs=-1, metavar="[FIELD=VALUE]...", shell_complete=_complete
)


@click.command("set")
@sale_argument()
@fields_argument
@remote_command
def set_fields(service: RemoteService, sale: str, fields: tuple[str, ...]) -> None:
    """Change fields of SALE while people wait, all that are named or none.

    Texts are written as they are, lists and objects in JSON; an empty value takes a text or a time
    away. A time without a zone is in that of this machine. docs/api.md lists the fields.

    \b
    Examples:
      holdfast sale set gala new_users_per_minute=1200
      holdfast sale set gala 'message=Doors open at seven.' total_active_users=2000
      holdfast sale set gala event_end_time=2027-03-01T22:00
    """
    if not fields:
        raise click.UsageError("name at least one FIELD=VALUE")
    from holdfast.cli.sale.field_values import read_fields, suggestion

    changes = read_fields(fields)
    before = service.api.get(sale_path(sale))
    try:
        after = service.api.call("PATCH", sale_path(sale), changes)
    except ApiRefused as error:
        field = str(error.document.get("field", ""))
        if field not in before and (meant := suggestion(field)):
            document = {**error.document, "detail": f"{error} {meant}"}
            raise ApiRefused(error.status, document) from None
        raise
    service.show(after, "\n".join(_changed(name, before, after) for name in changes))


def _changed(name: str, before: Document, after: Document) -> str:
    was, now = before.get(name), after.get(name)
    return (
        f"{name}: {cell(was)} -> {cell(now)}" if was != now else f"{name}: {cell(now)}, as before"
    )


@click.command()
@sale_argument("sale")
@click.argument("to", metavar="NEW")
@fields_argument
@remote_command
def copy(service: RemoteService, sale: str, to: str, fields: tuple[str, ...]) -> None:
    """Create the sale NEW with plan and settings of SALE, but for the fields given.

    It needs a start unless that of SALE lies ahead; event_start_time=null opens it at once.

    \b
    Example:
      holdfast sale copy gala gala-2 'name=Second night' event_start_time=2027-03-08T10:00
    """
    from holdfast.cli.sale.field_values import read_fields

    made = service.api.call("POST", sale_path(sale, "copy"), {"to": to, **read_fields(fields)})
    kind = ", a test sale" if made.get("test") else ""
    service.show(made, f"{made['sale']} ({made['name']}){kind} is {made['state']}")


@click.command()
@sale_argument()
@click.option(
    "--orders",
    type=click.IntRange(0),
    help="How many orders the sale has: needed where it has any.",
)
@yes_option
@remote_command
def delete(service: RemoteService, sale: str, orders: int | None, *, yes: bool) -> None:
    """Delete SALE, which must be closed; its orders stay in the ledger.

    Of a sale with orders their number is asked for, so that no sale is deleted for another.
    """
    ask(f"{sale} will be gone from the service.", yes=yes)
    try:
        service.api.call("DELETE", sale_path(sale), query={"orders": orders})
    except ApiRefused as error:
        count = error.document.get("orders")
        if orders is not None or not isinstance(count, int) or not sys.stdin.isatty():
            raise
        named = click.prompt(f"{sale} has {count:,} orders. Type their number", type=int, err=True)
        service.api.call("DELETE", sale_path(sale), query={"orders": named})
    done = {"sale": sale, "deleted": True}
    service.show(done, f"{sale} is deleted; its orders stay in the ledger")
