"""`holdfast sale create`: from a TOML or JSON file, from FIELD=VALUE, or by questions."""

import sys
from pathlib import Path
from typing import Any

import click

from holdfast.api_client import ApiClient, ApiRefused, Document, sale_path
from holdfast.cli.remote.command import RemoteService, remote_command
from holdfast.cli.sale.argument import sale_argument
from holdfast.cli.sale.changes import fields_argument
from holdfast.cli.sale.sale_files import read_file, read_plan


@click.command()
@sale_argument(required=False)
@fields_argument
@click.option(
    "--file",
    "-f",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML or JSON file with the fields of the sale.",
)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Seating plan, the JSON of the pretix seating-plan editor.",
)
@click.option("--strict", is_flag=True, help="Refuse a plan that has warnings.")
@click.option("--replace", is_flag=True, help="Replace a sale of that name that nobody has joined.")
@remote_command
def create(
    service: RemoteService,
    sale: str | None,
    fields: tuple[str, ...],
    file: Path | None,
    plan_file: Path | None,
    *,
    strict: bool,
    replace: bool,
) -> None:
    """Create SALE. Without a start time it opens at once.

    With neither a file nor fields the fields are asked for, one after the other, on a terminal.
    A file has the fields of docs/api.md, may name the sale (`sale = "gala"`), and may give `plan`
    as the path of a plan beside it. Fields of the command line win over it. Prices are in minor
    units.

    \b
    Examples:
      holdfast sale create
      holdfast sale create gala --file gala.toml
      holdfast sale create gala --plan hall.json 'name=Spring gala' 'prices={"I": 9000, "II": 6000}'
    """
    from holdfast.cli.sale.field_values import read_fields

    if sale is not None and "=" in sale:  # no name has it: the file names the sale
        fields, sale = (sale, *fields), None
    body = read_file(file) if file else {}
    named = body.pop("sale", None)
    body |= read_fields(fields)
    if plan_file is not None:
        body["plan"] = read_plan(plan_file)
    name = sale or named
    if not body:
        name, body = _asked(name)
    if not isinstance(name, str):
        raise click.UsageError("name the sale: holdfast sale create SALE")
    if not replace:
        _require_new(service.api, name)
    query = {"strict": "true"} if strict else {}
    made = service.api.call("PUT", sale_path(name), body, query=query)
    service.show(made, described(made))


def described(made: Document) -> str:
    """What was made, what is wrong with its plan, and what comes next."""
    units = made["counts"]["free"]
    kind = ", a test sale," if made.get("test") else ""
    lines = [
        f"{made['sale']} ({made['name']}){kind} is {made['state']}: {units:,} units are on sale"
    ]
    lines += [f"warning: {warning['detail']}" for warning in made.get("warnings", ())]
    lines += [
        f"Visitors:  /wait/{made['sale']} at the service's public address",
        f"Watch:     holdfast sale watch {made['sale']}",
    ]
    if made["state"] in {"scheduled", "lobby"}:
        lines.append(f"Open now:  holdfast sale open {made['sale']}")
    return "\n".join(lines)


def _require_new(api: ApiClient, sale: str) -> None:
    """Keeps a sale that exists from being replaced by mistake."""
    try:
        found = api.get(sale_path(sale))
    except ApiRefused as error:
        if error.code == "unknown_sale":
            return
        raise
    raise click.ClickException(
        f"{sale} exists ({found['name']}, {found['state']}). Take another name, or --replace it "
        "while nobody has joined."
    )


def _asked(name: str | None) -> tuple[str, dict[str, Any]]:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("give --file or FIELD=VALUE; questions need a terminal")
    from holdfast.cli.sale.prompts import ask_for_sale

    return ask_for_sale(name)
