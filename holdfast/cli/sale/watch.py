"""`holdfast sale watch`: the live figures of a sale, as a panel on a terminal, else as lines."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import click

from holdfast.api_client import ApiUnreachable, Document, sale_path
from holdfast.cli.remote.command import RemoteService, remote_command
from holdfast.cli.sale.argument import sale_argument

CLOSED: Final = "closed"
LINES_EVERY_SECONDS: Final = 5.0
PANEL_EVERY_SECONDS: Final = 1.0


@click.command()
@sale_argument()
@click.option(
    "--every",
    type=click.FloatRange(1, 3600),
    metavar="SECONDS",
    help="How often figures are read.  [default: 1 on a terminal, else 5]",
)
@click.option("--once", is_flag=True, help="Show the figures of now, and end.")
@remote_command
def watch(service: RemoteService, sale: str, every: float | None, *, once: bool) -> None:
    """Watch SALE: the line, the rates, the stock, the money, and what is wrong.

    On a terminal a panel that redraws itself, else a line every few seconds; with --json a document
    a line. Ends when the sale is closed, or with Ctrl-C.

    \b
    Examples:
      holdfast sale watch gala
      holdfast sale watch gala --json --every 60 >> gala.jsonl
    """
    on_terminal = sys.stdout.isatty() and not service.as_json and not once
    seconds = every or (PANEL_EVERY_SECONDS if on_terminal else LINES_EVERY_SECONDS)
    readings = _readings(service, sale, seconds, once=once)
    with suppress(KeyboardInterrupt):
        if service.as_json:
            for live in readings:
                click.echo(json.dumps(live, ensure_ascii=False))
        elif on_terminal:
            _show_panel(readings)
        else:
            _print_lines(readings)


def _readings(
    service: RemoteService, sale: str, seconds: float, *, once: bool
) -> Iterator[Document]:
    """The figures, again and again until the sale is closed.

    While the service does not answer there are none; the first reading has to succeed.
    """
    path = sale_path(sale, "live")
    live = service.api.get(path)
    yield live
    while not once and live["state"] != CLOSED:
        time.sleep(seconds)
        try:
            live = service.api.get(path)
        except ApiUnreachable as error:
            click.echo(f"{error}; trying again", err=True)
            continue
        yield live


def _print_lines(readings: Iterator[Document]) -> None:
    from holdfast.cli.sale.live_view import heading, line_of

    lines_per_heading = 20
    for number, live in enumerate(readings):
        if number % lines_per_heading == 0:
            click.echo(heading())
        click.echo(line_of(live))


def _show_panel(readings: Iterator[Document]) -> None:
    from rich.console import Console
    from rich.live import Live

    from holdfast.cli.bars import FRAMES_PER_SECOND
    from holdfast.cli.sale.live_view import panel_of

    with Live(console=Console(), refresh_per_second=FRAMES_PER_SECOND) as shown:
        for live in readings:
            shown.update(panel_of(live))
