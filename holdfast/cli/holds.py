"""`holdfast holds list|release`: what is held and by whom, and giving it back."""

from typing import Any

import click

from holdfast.api_client import Document, sale_path
from holdfast.cli.remote.command import EXIT_STATUSES, RemoteService, remote_command
from holdfast.cli.remote.consent import ask, yes_option
from holdfast.cli.remote.output import counted, money, when
from holdfast.cli.sale.argument import sale_argument
from holdfast_web.exports.orders import things_of

COLUMNS = ("id", "age", "status", "buyer", "total", "expires", "units")


@click.group(epilog=EXIT_STATUSES)
def holds() -> None:
    """List what is held, and give it back."""


@holds.command("list")
@sale_argument()
@click.option("--older", type=click.IntRange(0), metavar="SECONDS", help="Only older ones.")
@remote_command
def list_holds(service: RemoteService, sale: str, older: int | None) -> None:
    """List the open holds of SALE, the oldest first."""
    found = service.shop.items(sale_path(sale, "holds"))
    chosen = (one for one in found if older is None or one["age_seconds"] > older)
    service.show_list(chosen, COLUMNS, _row, empty="Nothing is held")


def _row(hold: Document) -> tuple[Any, ...]:
    return (
        hold["id"],
        f"{hold['age_seconds']} s",
        "paying" if hold.get("paying") else hold.get("status", "active"),
        hold["buyer"],
        money(hold.get("total"), hold.get("currency", "EUR")),
        when(hold.get("expires_at")),
        things_of(hold.get("items", ())),
    )


@holds.command()
@sale_argument()
@click.argument("hold_ids", nargs=-1, required=True, metavar="HOLD...")
@yes_option
@remote_command
def release(service: RemoteService, sale: str, hold_ids: tuple[str, ...], *, yes: bool) -> None:
    """Give back what is held by HOLD: its units are on sale again, its buyer has lost them.

    While the buyer pays the order becomes void, and a payment that comes all the same is to be
    refunded.
    """
    ask(f"{counted(len(hold_ids), 'hold')} will be taken from their buyers.", yes=yes)
    for hold_id in hold_ids:
        done = service.shop.call("POST", sale_path(sale, "holds", hold_id, "release"))
        service.show(done, f"{hold_id} is released")
