"""How answers are printed: tables for people, JSON for programs.

Text comes from visitors and shops, too. Whatever a terminal would take as a command is shown as
`?`, so no order reference moves the cursor or changes the window's title.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import click
from rich.cells import cell_len

from holdfast_web.money import Currency

LISTED: Final = 50
NOTHING: Final = "-"
NO_BREAK: Final = "\N{NO-BREAK SPACE}"
"""stands between a currency and its amount"""


limit_option = click.option(
    "--limit", type=click.IntRange(1), default=LISTED, show_default=True, help="How many at most."
)


def print_json(document: object) -> None:
    """A document as JSON."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_items(items: Iterable[object]) -> None:
    """A list as one JSON array, an item a line, without keeping more than one."""
    begun = False
    for item in items:
        click.echo(",\n " if begun else "[", nl=False)
        click.echo(json.dumps(item, ensure_ascii=False), nl=False)
        begun = True
    click.echo("]" if begun else "[]")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their widest text; numbers at the right."""
    shown = [[cell(value) for value in row] for row in rows]
    numeric = [
        all(row[at].replace(",", "").isdigit() or row[at] == NOTHING for row in shown)
        for at in range(len(columns))
    ]
    widths = [
        max(cell_len(text) for text in (column, *(row[at] for row in shown)))
        for at, column in enumerate(columns)
    ]
    for row in ([column.upper() for column in columns], *shown):
        parts = [
            _padded(text, width, right=right)
            for text, width, right in zip(row, widths, numeric, strict=True)
        ]
        click.echo("  ".join(parts).rstrip())


def print_fields(fields: Mapping[str, object]) -> None:
    """Names and values, one a line."""
    width = max(len(name) for name in fields)
    for name, value in fields.items():
        click.echo(f"{name:<{width}}  {cell(value)}")


def cell(value: object) -> str:
    """A value as one line of plain text."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple | dict):
        return printable(json.dumps(value, ensure_ascii=False)) if value else NOTHING
    return printable(str(value))


def printable(text: str) -> str:
    """`text` with `?` for each character that is not printed."""
    return "".join(char if char.isprintable() or char == NO_BREAK else "?" for char in text)


def counted(number: int, noun: str) -> str:
    """`1 hold`, `2 holds`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def money(minor: int | None, currency: str) -> str:
    """An amount in its currency."""
    return NOTHING if minor is None else Currency.of(currency).format(minor)


def when(timestamp: str | None) -> str:
    """A time of the API in the zone of this machine."""
    if timestamp is None:
        return NOTHING
    return datetime.fromisoformat(timestamp).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def _padded(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - cell_len(text))
    return f"{space}{text}" if right else f"{text}{space}"
