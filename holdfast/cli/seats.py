"""`holdfast seats list|block|unblock`: what state seats are in, and taking them off sale."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Final, TextIO

import click

from holdfast.api_client import Document, sale_path
from holdfast.cli.remote.command import EXIT_STATUSES, RemoteService, remote_command
from holdfast.cli.remote.output import print_json, printable
from holdfast.cli.sale.argument import sale_argument

SEATS_OF_CALL: Final = 1000
"""that the API takes at once"""
STATES: Final = ("free", "held", "booked", "blocked")


@click.group(epilog=EXIT_STATUSES)
def seats() -> None:
    """List seats, take them off sale, put them back."""


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the ways in which seats are named; the command takes them as `**choice`."""
    return reduce(lambda made, add: add(made), reversed(_CHOICE), command)


_CHOICE: Final[tuple[Callable[..., Any], ...]] = (
    click.argument("guids", nargs=-1, metavar="[SEAT]..."),
    click.option("--row", "rows", multiple=True, metavar="ZONE/ROW", help="A whole row."),
    click.option("--zone", "zones", multiple=True, help="A whole zone, by name or id."),
    click.option(
        "--file",
        "-f",
        "file",
        type=click.File(encoding="utf-8"),
        help="File with a seat in each line; - is the standard input.",
    ),
)


@seats.command("list")
@sale_argument()
@click.option("--state", type=click.Choice(STATES), default="blocked", show_default=True)
@remote_command
def list_seats(service: RemoteService, sale: str, state: str) -> None:
    """List the seats of SALE in a state, one a line, as the other commands take them.

    A free seat that is set aside for a channel counts as blocked.
    """
    path = sale_path(sale, "seats")
    found = service.sales_floor.get(path, {"seats": "guids"})["seats"][state]
    if service.as_json:
        print_json(found)
        return
    for guid in found:
        click.echo(printable(guid))


@seats.command()
@sale_argument()
@choice_options
@remote_command
def block(service: RemoteService, sale: str, **choice: Any) -> None:
    """Take free seats of SALE off sale: by guid, row or zone.

    What somebody holds or has bought is left alone and named; the rest is blocked.

    \b
    Examples:
      holdfast seats block gala A-12 A-13
      holdfast seats block gala --row Stalls/A --zone Balcony
      holdfast seats list gala | holdfast seats unblock gala --file -
    """
    chosen = _chosen(service, sale, **choice)
    answers = _send(service, sale, "block", chosen)
    unavailable = [guid for answer in answers for guid in answer["unavailable"]]
    blocked = sum(answer["blocked"] for answer in answers)
    document = {"blocked": blocked, "unavailable": unavailable}
    done = f"{_counted(blocked)} off sale. Undo: holdfast seats unblock {sale} ..."
    service.show(document, done)
    if unavailable and not service.as_json:
        click.echo(
            f"{len(unavailable)} held or sold, not blocked: "
            + ", ".join(printable(guid) for guid in unavailable),
            err=True,
        )


@seats.command()
@sale_argument()
@choice_options
@remote_command
def unblock(service: RemoteService, sale: str, **choice: Any) -> None:
    """Put blocked seats of SALE back on sale: by guid, row or zone."""
    chosen = _chosen(service, sale, **choice)
    freed = sum(one["unblocked"] for one in _send(service, sale, "unblock", chosen))
    service.show({"unblocked": freed}, f"{_counted(freed)} on sale again")


def _send(service: RemoteService, sale: str, what: str, chosen: Sequence[str]) -> list[Document]:
    return [
        service.api.call(
            "POST",
            sale_path(sale, "seats", what),
            {"seats": chosen[at : at + SEATS_OF_CALL]},
        )
        for at in range(0, len(chosen), SEATS_OF_CALL)
    ]


def _chosen(
    service: RemoteService,
    sale: str,
    *,
    guids: Sequence[str],
    rows: Sequence[str],
    zones: Sequence[str],
    file: TextIO | None,
) -> list[str]:
    """The guids that are named in any way, each once; UsageError for a row that is none."""
    chosen = [*guids, *(name for line in file or () if (name := line.strip()))]
    if rows or zones:
        plan = service.sales_floor.get(sale_path(sale, "plan"))
        for row in rows:
            chosen += _of_plan(plan, *_zone_and_row(row))
        for zone in zones:
            chosen += _of_plan(plan, zone, None)
    if not chosen:
        raise click.UsageError("name seats: guids, --row, --zone or --file")
    return list(dict.fromkeys(chosen))


def _zone_and_row(text: str) -> tuple[str, str]:
    zone, slash, row = text.rpartition("/")
    if not slash:
        raise click.UsageError(f"--row {text}: write ZONE/ROW, such as Stalls/A")
    return zone, row


def _of_plan(plan: Document, zone: str, row: str | None) -> list[str]:
    found = [
        str(seat["seat_guid"])
        for one in plan["zones"]
        if zone in {one.get("name"), one.get("zone_id")}
        for line in one["rows"]
        if row is None or row == line["row_number"]
        for seat in line["seats"]
    ]
    if not found:
        raise click.UsageError(f"the plan has no seats in {zone}" + (f", row {row}" if row else ""))
    return found


def _counted(number: int) -> str:
    return "1 seat is" if number == 1 else f"{number:,} seats are"
