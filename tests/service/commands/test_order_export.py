"""Orders as CSV and JSON Lines: what a spreadsheet makes of them, and in how much memory."""

import csv
import io
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.cli.orders.export import write_orders
from holdfast_web.exports.orders import defused

ORDER = {
    "id": "o1",
    "status": "confirmed",
    "buyer": "b",
    "order_ref": "A-1",
    "payment_ref": None,
    "currency": "EUR",
    "total": 13500,
    "amount": 13500,
    "refunded_amount": 0,
    "reason": None,
    "created_at": "2027-03-01T09:00:00.000Z",
    "updated_at": "2027-03-01T09:00:00.000Z",
    "confirmed_at": None,
    "items": [
        {
            "seat": "A-12",
            "label": "Row A",
            "category": "I",
            "price": 9000,
            "quantity": 1,
            "refunded": 0,
        },
        {
            "area": "floor",
            "label": "Floor",
            "category": "GA",
            "price": 4500,
            "quantity": 2,
            "refunded": 1,
        },
    ],
}


class Sink:
    """Counts what is written and keeps none of it."""

    written = 0

    def write(self, text: str) -> None:
        self.written += len(text)


def many(number: int) -> Iterator[dict[str, Any]]:
    return ({**ORDER, "id": str(at)} for at in range(number))


def rows_of(*orders: dict[str, Any], **how: Any) -> list[dict[str, str]]:
    file = io.StringIO()
    write_orders(orders, file, **how)
    return list(csv.DictReader(io.StringIO(file.getvalue()), delimiter=how.get("delimiter", ",")))


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "  ="]
)
def test_text_that_begins_like_a_formula_is_defused(start: str) -> None:
    text = f"{start}HYPERLINK(1)"
    assert defused(text) == f"'{text}"
    (row,) = rows_of({**ORDER, "buyer": text})
    assert row["buyer"] == f"'{text}"


@pytest.mark.parametrize("value", ["b", "A-1", "'x", "1=1", 0, -5, ""])
def test_other_values_stay_as_they_are(value: object) -> None:
    assert defused(value) == value


def test_order_is_one_row_with_its_units() -> None:
    (row,) = rows_of(ORDER)
    assert (row["units"], row["items"]) == ("3", "A-12, 2 x floor")
    assert (row["total"], row["payment_ref"]) == ("13500", "")


def test_items_are_rows_of_their_own() -> None:
    first, second = rows_of(ORDER, by_item=True)
    assert (first["id"], first["seat"], first["area"]) == ("o1", "A-12", "")
    assert (second["area"], second["quantity"], second["price"]) == ("floor", "2", "4500")


def test_text_cannot_break_out_of_its_cell() -> None:
    text = 'a;=1+1,"=2\n=3'
    for delimiter in (",", ";", "\t"):
        (row,) = rows_of({**ORDER, "buyer": text}, delimiter=delimiter)
        assert row["buyer"] == text


def test_text_is_quoted_where_a_spreadsheet_expects_another_delimiter() -> None:
    """Else `=1+1` would be a cell of its own in a country whose lists have semicolons."""
    file = io.StringIO()
    write_orders([{**ORDER, "buyer": "a;=1+1"}], file)
    assert '"a;=1+1"' in file.getvalue()


def test_memory_does_not_grow_with_the_orders() -> None:
    """Twenty times as many orders take no more at once."""

    def peak(number: int) -> int:
        tracemalloc.start()
        try:
            assert write_orders(many(number), Sink()) == number
            assert write_orders(many(number), Sink(), as_json=True) == number
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(10_000) < peak(500) + 16 * 1024
