"""The form that creates a sale."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from holdfast_console.api import ApiProblem
from holdfast_console.sale_form import LABELS, amount, label, number, sale_of
from holdfast_console.texts import LANGUAGES, Texts

FIELDS = {"name": " Gala ", "currency": "eur", "queueing_method": "fifo"}


def sale(
    fields: dict[str, str], areas: Sequence[tuple[str, str, str]] = (), plan: bytes = b""
) -> dict[str, Any]:
    names, capacities, prices = zip(*areas, strict=True) if areas else ((), (), ())
    every = {"area_name": names, "area_capacity": capacities, "area_price": prices}
    return sale_of({**FIELDS, **fields}, every, {"plan": plan})


def refused(*args: Any, **more: Any) -> str:
    with pytest.raises(ApiProblem) as caught:
        sale(*args, **more)
    assert caught.value.status == 400
    return caught.value.field


def test_sale_is_what_was_written() -> None:
    fields = {
        "new_users_per_minute": "1,200",
        "event_start_time": "2027-03-01T09:00",
        "event_end_time": "2027-03-01T19:00:30",
        "return_origins": "https://a.example\r\nhttps://b.example",
        "message": " Soon ",
        "prices": "Stalls 90.00\nRow one, side = 45\nBox: 120,50\n\n",
    }
    made = sale(fields, [("Standing floor", "300", "45.5"), ("", "", "")], b'{"zones": []}')
    assert msgspec.json.decode(msgspec.json.encode(made)) == {
        "name": "Gala",
        "test": False,
        "currency": "EUR",
        "queueing_method": "fifo",
        "new_users_per_minute": 1200,
        "event_start_time": "2027-03-01T09:00:00Z",
        "event_end_time": "2027-03-01T19:00:30Z",
        "return_origins": ["https://a.example", "https://b.example"],
        "message": "Soon",
        "areas": [
            {
                "id": "standing-floor-1",
                "name": "Standing floor",
                "capacity": 300,
                "category": "Standing floor",
            }
        ],
        "prices": {
            "Stalls": 9000,
            "Row one, side": 4500,
            "Box": 12050,
            "Standing floor": 4550,
        },
        "plan": {"zones": []},
    }


def test_area_whose_name_has_no_plain_letters_has_an_id_all_the_same() -> None:
    assert sale({}, [("站席", "5", "")])["areas"][0]["id"] == "area-1"


def test_field_that_cannot_be_understood_is_named() -> None:
    assert refused({"hold_seconds": "ten"}) == "hold_seconds"
    assert refused({"event_start_time": "tomorrow"}) == "event_start_time"
    assert refused({"prices": "Stalls"}) == "prices"
    assert refused({"prices": "Stalls free"}) == "prices"
    assert refused({}, [("Floor", "many", "1")]) == "area_capacity_1"
    assert refused({}, [("Floor", "5", "1.005")]) == "area_price_1"
    assert refused({}, [("", "5", "1")]) == "area_name_1"
    assert refused({}, plan=b"not json") == "plan"


@pytest.mark.parametrize("text", ["", "-1", "NaN", "Infinity", "1e99", "1.001", "x"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ApiProblem):
        amount(text, "EUR", "price")


def test_amount_has_the_digits_of_its_currency() -> None:
    shown = [amount("12", currency, "price") for currency in ("EUR", "JPY", "KWD")]
    assert shown == [1200, 12, 12000]
    assert amount("0.29", "EUR", "price") == 29


@pytest.mark.parametrize("text", ["", "1.5", "-1", "²", "9" * 13])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ApiProblem):
        number(text, "cap")


def test_field_that_cannot_be_used_is_named_as_the_form_does() -> None:
    named = refused({}, [("Floor", "5", "1"), ("", "", ""), ("Balcony", "5", "much")])
    assert label(Texts("en"), named) == "Price in area 3"
    assert label(Texts("en"), "event_start_time") == "Sale from"
    assert label(Texts("en"), "theme") == "theme"
    for language in LANGUAGES:
        assert all(label(Texts(language), field) for field in LABELS)
