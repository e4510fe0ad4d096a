"""Orders as the text of a file, CSV or JSON Lines: what console and command line export.

Text in orders comes from buyers and shops. A spreadsheet would run a cell that begins with `=`,
`+`, `-`, `@` or their wide forms as a formula, so such texts get an apostrophe in front, and texts
are quoted (https://owasp.org/www-community/attacks/CSV_Injection). JSON Lines has them as they are.

Orders are documents of the API. A file is made a few orders at a time, so none is ever kept.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any, Final

Document = Mapping[str, Any]

FORMULA_STARTS: Final = tuple(
    "=+-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}\t\r\n"
)
MEMBERS: Final = (
    "id",
    "status",
    "buyer",
    "order_ref",
    "payment_ref",
    "currency",
    "total",
    "amount",
    "refunded_amount",
    "reason",
    "created_at",
    "updated_at",
    "confirmed_at",
    "test",
)
"""members of an order that are columns as they are; amounts are in minor units"""
ORDER_COLUMNS: Final = (*MEMBERS, "units", "items")
ITEM_MEMBERS: Final = ("seat", "area", "label", "category", "price", "quantity", "refunded")
ITEM_COLUMNS: Final = (*MEMBERS, *ITEM_MEMBERS)


def csv_heading(*, by_item: bool = False, delimiter: str = ",") -> str:
    """The first line: the names of the columns."""
    return _csv([ITEM_COLUMNS if by_item else ORDER_COLUMNS], delimiter)


def csv_rows(orders: Iterable[Document], *, by_item: bool = False, delimiter: str = ",") -> str:
    """A line for each order, or for each of its items."""
    rows = (row for order in orders for row in (_item_rows(order) if by_item else [_row(order)]))
    return _csv(([defused(value) for value in row] for row in rows), delimiter)


def json_rows(orders: Iterable[Document]) -> str:
    """Each order as one line of JSON."""
    return "".join(json.dumps(order, ensure_ascii=False) + "\n" for order in orders)


def defused(value: object) -> object:
    """The value as a cell that no spreadsheet reads as a formula."""
    if value is None:
        return ""
    if isinstance(value, int):
        return value
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


def things_of(items: Sequence[Document]) -> str:
    """The items of an order or a hold in a few words."""
    named = (
        str(item["seat"]) if "seat" in item else f"{item['quantity']} x {item['area']}"
        for item in items
    )
    return ", ".join(named)


def _csv(rows: Iterable[Sequence[object]], delimiter: str) -> str:
    text = StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC).writerows(rows)
    return text.getvalue()


def _row(order: Document) -> list[object]:
    items = order["items"]
    units = sum(item["quantity"] for item in items)
    return [*_members(order, MEMBERS), units, things_of(items)]


def _item_rows(order: Document) -> Iterator[list[object]]:
    for item in order["items"]:
        yield [*_members(order, MEMBERS), *_members(item, ITEM_MEMBERS)]


def _members(document: Document, names: Iterable[str]) -> list[object]:
    return [document.get(name) for name in names]
