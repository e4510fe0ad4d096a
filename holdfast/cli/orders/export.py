"""`holdfast orders export`: all orders as CSV or JSON Lines, a page in memory at a time.

A file gets its name when it is whole: until then it is beside it as `.part`.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TextIO

import click

from holdfast.api_client import Document, sale_path
from holdfast.cli.orders.filters import filter_options
from holdfast.cli.remote.command import RemoteService, remote_command
from holdfast.cli.remote.files import output_option, part_of
from holdfast.cli.sale.argument import sale_argument
from holdfast_web.exports.orders import csv_heading, csv_rows, json_rows

BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t"}


class _Writable(Protocol):
    """Where text is written to."""

    def write(self, text: str, /) -> object: ...


@click.command()
@sale_argument()
@filter_options
@click.option(
    "--format", "kind", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True
)
@click.option("--items", "by_item", is_flag=True, help="CSV: a row for each item of an order.")
@click.option("--bom", is_flag=True, help="CSV: begin with a byte order mark, for Excel.")
@click.option(
    "--delimiter", type=click.Choice(list(DELIMITERS)), default="comma", show_default=True
)
@output_option
@remote_command
def export(
    service: RemoteService,
    sale: str,
    kind: str,
    delimiter: str,
    output: Path | None,
    *,
    by_item: bool,
    bom: bool,
    **filters: str | None,
) -> None:
    """Write all orders of SALE, or those chosen, as CSV or JSON Lines.

    Memory stays the same however many there are. Amounts are in minor units, times in UTC. In CSV,
    text that a spreadsheet would take for a formula gets an apostrophe in front. --json is
    --format jsonl.

    \b
    Examples:
      holdfast orders export gala --bom --output orders.csv
      holdfast orders export gala --status confirmed --items --delimiter semicolon
      holdfast orders export gala --format jsonl | jq -r .order_ref
    """
    found = service.shop.items(sale_path(sale, "orders"), filters)
    with _opened(output) as file:
        as_json = kind == "jsonl" or service.as_json
        if bom and not as_json:
            file.write(BOM)
        count = write_orders(
            found, file, as_json=as_json, by_item=by_item, delimiter=DELIMITERS[delimiter]
        )
    if output is not None:
        click.echo(f"{count:,} orders are in {output}", err=True)


def write_orders(
    orders: Iterable[Document],
    file: _Writable,
    *,
    as_json: bool = False,
    by_item: bool = False,
    delimiter: str = ",",
) -> int:
    """Writes each order as a line of JSON, or as CSV with a row for it or its items; how many."""
    if not as_json:
        file.write(csv_heading(by_item=by_item, delimiter=delimiter))
    rows = json_rows if as_json else partial(csv_rows, by_item=by_item, delimiter=delimiter)
    count = 0
    for order in orders:
        file.write(rows([order]))
        count += 1
    return count


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """The file, or the standard output."""
    if output is None:
        yield sys.stdout
        return
    with part_of(output) as part, part.open("w", encoding="utf-8", newline="") as file:
        yield file
