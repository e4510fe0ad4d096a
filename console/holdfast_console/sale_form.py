"""The form by which a sale is created: its fields, and the sale that they describe.

Amounts are written in units of the currency, as people do, and sent in its minor units. Times are
in UTC. What cannot be understood is a problem that names the field, like one of the API.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from holdfast_console.api import ApiProblem
from holdfast_console.texts import Texts
from holdfast_web.money import Currency

AREA_ROWS: Final = 4
MAX_AMOUNT: Final = Decimal(10**9)
NUMBERS: Final = (
    "new_users_per_minute", "total_active_users", "hold_seconds", "max_units_per_buyer",
)  # fmt: skip
TIMES: Final = ("prequeue_start_time", "event_start_time", "event_end_time")
DEFAULTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("sale", "name", "test", *TIMES, "prices", "return_origins", "message"), ""),
    "currency": "EUR",
    "queueing_method": "fifo",
    "new_users_per_minute": "600",
    "total_active_users": "1000",
    "hold_seconds": "900",
    "max_units_per_buyer": "6",
}
METHODS: Final = ("fifo", "random", "passthrough")
LABELS: Final[Mapping[str, str]] = {
    "sale": "field_sale",
    "name": "field_name",
    "currency": "field_currency",
    "prequeue_start_time": "field_prequeue",
    "event_start_time": "field_start",
    "event_end_time": "field_end",
    "queueing_method": "field_method",
    "new_users_per_minute": "rate",
    "total_active_users": "cap",
    "hold_seconds": "field_hold",
    "max_units_per_buyer": "field_max_units",
    "area_name": "field_area",
    "area_capacity": "field_capacity",
    "area_price": "field_price",
    "plan": "field_plan",
    "prices": "field_prices",
    "return_origins": "field_origins",
    "message": "message",
    "number": "visitor_number",
}
"""The text that stands at each field of a form; those of an area have the number of its row."""
_SEPARATOR: Final = re.compile(r"[=:\t]|\s(?=\S+\s*\Z)")


def sale_of(
    form: Mapping[str, str], every: Mapping[str, Sequence[str]], files: Mapping[str, bytes]
) -> dict[str, Any]:
    """The body of `PUT /v1/sales/{sale}`; raises ApiProblem that names a field."""
    currency = form.get("currency", "").strip().upper()
    prices = _prices(form.get("prices", ""), currency)
    areas = _areas(every, currency, prices)
    sale: dict[str, Any] = {
        "name": form.get("name", "").strip(),
        "test": form.get("test") == "yes",
        "currency": currency,
        "queueing_method": form.get("queueing_method", "fifo"),
        "return_origins": form.get("return_origins", "").split(),
        "areas": areas,
        "prices": prices,
    }
    sale |= {name: number(form[name], name) for name in NUMBERS if form.get(name, "").strip()}
    sale |= {name: utc_time(form[name], name) for name in TIMES if form.get(name, "").strip()}
    if form.get("message", "").strip():
        sale["message"] = form["message"].strip()
    if files.get("plan"):
        sale["plan"] = _plan(files["plan"])
    return sale


def number(text: str, field: str) -> int:
    """A whole number."""
    plain = text.strip().replace(",", "").replace(" ", "")
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 12):
        raise wrong(field)
    return int(plain)


def amount(text: str, currency: str, field: str) -> int:
    """An amount of money in minor units: 4500 of `45.00` euros."""
    digits = Currency.of(currency).digits
    try:
        value = Decimal(text.strip().replace(",", ".")) * 10**digits
    except InvalidOperation:
        raise wrong(field) from None
    if not value.is_finite() or value != value.to_integral_value() or not 0 <= value <= MAX_AMOUNT:
        raise wrong(field)
    return int(value)


def wrong(field: str) -> ApiProblem:
    """The problem of a field that cannot be understood."""
    return ApiProblem(400, {"code": "invalid_request", "field": field, "detail": field})


def label(texts: Texts, field: str) -> str:
    """What stands at a field: `Price in area 2` at `area_price_2`; else the field's name."""
    name, row = field, ""
    if field.startswith("area_") and field.rpartition("_")[2].isdecimal():
        name, _, row = field.rpartition("_")
    return texts(LABELS[name], n=row) if name in LABELS else field


def _areas(
    every: Mapping[str, Sequence[str]], currency: str, prices: dict[str, int]
) -> list[dict[str, Any]]:
    """The areas of the rows that are filled; each is a category of its own, whose price is set."""
    columns = [every.get(name, ()) for name in ("area_name", "area_capacity", "area_price")]
    areas: list[dict[str, Any]] = []
    for row, (name, capacity, price) in enumerate(zip(*columns, strict=False), 1):
        if not name.strip() and not capacity.strip():
            continue
        if not name.strip():
            raise wrong(f"area_name_{row}")
        title = name.strip()
        areas.append(
            {
                "id": _identifier(title, len(areas) + 1),
                "name": title,
                "capacity": number(capacity, f"area_capacity_{row}"),
                "category": title,
            }
        )
        prices[title] = amount(price or "0", currency, f"area_price_{row}")
    return areas


def _identifier(name: str, at: int) -> str:
    """An area's id: its name in plain letters, or its place in the list."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"{plain[:40]}-{at}" if plain else f"area-{at}"


def _prices(text: str, currency: str) -> dict[str, int]:
    """The prices of a plan's categories, one in each line: `Stalls 90.00`."""
    prices = {}
    for line in text.splitlines():
        if line.strip():
            parts = _SEPARATOR.split(line.strip(), maxsplit=1)
            if len(parts) != 2 or not parts[0].strip():
                raise wrong("prices")
            prices[parts[0].strip()] = amount(parts[1], currency, "prices")
    return prices


def utc_time(text: str, field: str) -> str:
    """A time of a `datetime-local` field, which is UTC here."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?", text.strip(), re.ASCII):
        raise wrong(field)
    return f"{text.strip()}{'' if text.strip().count(':') == 2 else ':00'}Z"


def _plan(content: bytes) -> msgspec.Raw:
    """The plan as it was uploaded; the API says what is wrong with it."""
    try:
        return msgspec.json.decode(content, type=msgspec.Raw)
    except msgspec.MsgspecError:
        raise wrong("plan") from None
