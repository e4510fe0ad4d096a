"""The questions of `holdfast sale create` on a terminal, for what most sales need.

Each answer is checked by the rules of the API at once, and asked for again when it breaks one.
Everything else has its default and can be changed by `holdfast sale set` afterwards.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from holdfast.cli.sale.field_values import FIELDS, read_value
from holdfast.cli.sale.sale_files import read_plan
from holdfast.sales.directory import SALE_NAME
from holdfast.sales.spec import AreaSpec, SaleSpec
from holdfast_web.money import Currency

QUESTIONS: Final[Mapping[str, str]] = {
    "event_start_time": "Start, such as 2027-03-01T20:00; empty: at once",
    "new_users_per_minute": "Visitors to let in per minute, as many as the shop can bear",
    "total_active_users": "Visitors inside at the same time",
    "max_units_per_buyer": "Seats and places that one buyer may have",
}
"""what is asked about, in this order; the defaults are those of the API"""


def ask_for_sale(name: str | None) -> tuple[str, dict[str, Any]]:
    """The sale's name and its fields, once the operator has said that they are right."""
    body: dict[str, Any] = {"name": _ask("What is on sale, as people read it", _field("name"))}
    sale = name or _ask("Its name in addresses", _sale_name, default=_slug(body["name"]))
    body["currency"] = _ask("Currency", _field("currency"), default="EUR")
    categories = _ask_for_stock(body)
    body["prices"] = _ask_for_prices(categories, body["currency"])
    for field, question in QUESTIONS.items():
        default = getattr(SaleSpec(name="-"), field)
        body[field] = _ask(question, _field(field), default="" if default is None else default)
    origin = "Origin of the shop that visitors return to, such as https://shop.example; empty: none"
    origins = _ask(origin, _origins, default="")
    body["return_origins"] = origins
    shown = {key: value for key, value in body.items() if key != "plan"}
    click.echo(json.dumps({"sale": sale, **shown}, indent=2, ensure_ascii=False), err=True)
    click.confirm("Create it?", default=True, abort=True, err=True)
    return sale, body


def _ask_for_stock(body: dict[str, Any]) -> list[str]:
    """A plan, areas or both, put into the body; the categories that are sold."""
    categories: list[str] = []
    if plan := _ask("Seating plan, a JSON file; empty: no numbered seats", _plan, default=""):
        body["plan"] = plan
        categories += [str(category["name"]) for category in plan.get("categories", ())]
    areas: list[dict[str, Any]] = []
    more = not categories or click.confirm("An area without numbers too?", err=True)
    while more:
        areas.append(_ask_for_area(categories))
        categories.append(areas[-1]["category"])
        more = click.confirm("Another area?", err=True)
    body["areas"] = areas
    return list(dict.fromkeys(categories))


def _ask_for_area(categories: list[str]) -> dict[str, Any]:
    name = _ask("Name of the area", _area_part("name"))
    capacity = _ask("Places in it", _area_part("capacity"))
    known = categories[-1] if categories else "GA"
    category = _ask("Its price category", _area_part("category"), default=known)
    return {"id": _slug(name), "name": name, "capacity": capacity, "category": category}


def _ask_for_prices(categories: list[str], currency: str) -> dict[str, int]:
    digits = Currency.of(currency).digits
    example = "45" + ("." + "5".ljust(digits, "0") if digits else "")

    def price(text: str) -> int:
        if re.fullmatch(rf"\d{{1,10}}(\.\d{{1,{max(digits, 1)}}})?", text) is None or (
            "." in text and not digits
        ):
            raise click.BadParameter(f"a price in {currency}, such as {example}")
        units, _, rest = text.partition(".")
        return int(units + rest.ljust(digits, "0"))

    return {one: _ask(f"Price of {one} in {currency}", price) for one in categories}


def _ask(question: str, read: Callable[[str], Any], *, default: object = None) -> Any:
    """Asks until the answer can be read."""
    return click.prompt(
        question,
        default=default,
        show_default=default not in {None, ""},
        value_proc=lambda text: read(str(text).strip()),
        err=True,
    )


def _field(name: str) -> Callable[[str], Any]:
    """Reads a field of a sale by the rules of the API."""

    def read(text: str) -> Any:
        try:
            value = read_value(name, text)
            msgspec.convert({"name": "-", **{name: value}}, SaleSpec)
        except (click.UsageError, msgspec.ValidationError) as error:
            raise click.BadParameter(_words(error)) from None
        return value

    assert name in FIELDS
    return read


def _area_part(name: str) -> Callable[[str], Any]:
    """Reads a member of an area by the rules of the API."""
    whole = {"id": "a", "name": "a", "capacity": 1, "category": "a"}

    def read(text: str) -> Any:
        value: Any = int(text) if name == "capacity" and text.isdecimal() else text
        try:
            msgspec.convert({**whole, name: value}, AreaSpec)
        except msgspec.ValidationError as error:
            raise click.BadParameter(_words(error)) from None
        return value

    return read


def _words(error: Exception) -> str:
    text = error.message if isinstance(error, click.UsageError) else str(error)
    return text.partition(" - at ")[0]


def _sale_name(text: str) -> str:
    if SALE_NAME.fullmatch(text) is None:
        raise click.BadParameter("1 to 63 of a-z, 0-9 and -, not beginning with -")
    return text


def _origins(text: str) -> list[str]:
    from holdfast_connector.origins import parse_origin

    if not text:
        return []
    try:
        return [parse_origin(text)]
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _plan(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        plan = read_plan(Path(text).expanduser())
    except click.UsageError as error:
        raise click.BadParameter(error.message) from None
    if not isinstance(plan, dict):
        raise click.BadParameter("a seating plan is an object")
    return plan


def _slug(name: str) -> str:
    """A name for addresses that is like a name for people."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "sale"
