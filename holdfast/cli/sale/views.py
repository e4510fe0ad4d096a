"""`holdfast sale list` and `holdfast sale show`."""

from typing import Any, Final

import click

from holdfast.api_client import Document, sale_path
from holdfast.cli.remote.command import RemoteService, remote_command
from holdfast.cli.remote.output import print_fields, print_json, when
from holdfast.cli.sale.argument import sale_argument
from holdfast_web.paths import SALES

COLUMNS: Final = ("sale", "state", "start", "waiting", "sold", "of", "a minute", "name")
DELETED_COLUMNS: Final = ("sale", "uid", "deleted", "name")
HIDDEN: Final = frozenset({"counts", "plan", "areas", "prices"})
"""members of a sale that are shown apart, or are too long to be shown"""


@click.command("list")
@click.option("--deleted", is_flag=True, help="Those that were deleted, by their uid.")
@remote_command
def list_sales(service: RemoteService, *, deleted: bool) -> None:
    """List the sales by name, with who waits and what is sold.

    The orders of a deleted sale are read by its uid: `holdfast orders list uid:k3v9w2q7xm4a`.
    """
    sales = service.api.items(SALES, {"deleted": "true" if deleted else None})
    columns, row = (DELETED_COLUMNS, _deleted_row) if deleted else (COLUMNS, _row)
    empty = "There is none. To make one: holdfast sale create"
    service.show_list(sales, columns, row, empty=empty)


def _deleted_row(sale: Document) -> tuple[Any, ...]:
    return sale["sale"], sale["uid"], when(sale["deleted_at"]), sale["name"]


def _row(sale: Document) -> tuple[Any, ...]:
    return (
        sale["sale"],
        sale["state"],
        when(sale.get("event_start_time")),
        *(sale.get(name) for name in ("waiting", "sold", "total", "rate_set")),
        f"{sale['name']} (test)" if sale.get("test") else sale["name"],
    )


@click.command()
@sale_argument()
@remote_command
def show(service: RemoteService, sale: str) -> None:
    """Show a sale: its settings, its state, what is free, held and sold."""
    found = service.api.get(sale_path(sale))
    if service.as_json:
        print_json(found)
        return
    counts = found["counts"]
    units = ", ".join(f"{counts[name]:,} {name}" for name in ("free", "held", "sold"))
    print_fields(
        {name: _shown(name, value) for name, value in found.items() if name not in HIDDEN}
        | {"units": units}
        | {f"price {category}": price for category, price in found["prices"].items()}
        | {f"area {area['id']}": _area(area) for area in found["areas"]}
    )


def _shown(name: str, value: object) -> object:
    return when(value) if name.endswith("_time") and isinstance(value, str) else value


def _area(area: Document) -> str:
    channel = f", for {area['channel']}" if area.get("channel") else ""
    return f"{area['name']}: {area['capacity']:,} of {area['category']}{channel}"
