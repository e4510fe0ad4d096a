"""Reads a seating plan in the pretix format and says exactly what is wrong with one that is not.

The format: zones hold rows, rows hold seats; the positions of zone, row and seat are offsets that
add up; a seat names a category of the plan's list by its name. Drawn shapes (`areas` of a zone) are
scenery: kept for display, never sold. Other fields, of this and later versions of the format, are
kept untouched. One field is ours: `accessible: true` on a seat.

Parsing is one pass of a typed decoder. Only when that fails is the plan walked again, slowly, to
name the exact path, such as `zones[2].rows[0].seats[7].category`.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec

from holdfast_web.errors import ErrorCode, HoldfastError

PLAN_BYTES_MAX: Final = 32 * 1024 * 1024
SEATS_MAX: Final = 250_000
ROWS_MAX: Final = 50_000
CATEGORIES_MAX: Final = 60

Text = Annotated[str, msgspec.Meta(max_length=200)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Length = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]


class Offset(msgspec.Struct, frozen=True, gc=False):
    """An offset, in the plan's own units."""

    x: Length
    y: Length


ORIGIN: Final = Offset(0, 0)


class SeatEntry(msgspec.Struct, frozen=True, gc=False):
    """A seat as the file has it."""

    seat_guid: Name
    category: Name
    position: Offset
    seat_number: Text = ""
    accessible: bool = False


class RowEntry(msgspec.Struct, frozen=True):
    """A row as the file has it."""

    seats: list[SeatEntry]
    row_number: Text = ""
    position: Offset = ORIGIN


class ShapeText(msgspec.Struct, frozen=True):
    """Writing on a drawn shape."""

    text: Text = ""


class ShapeEntry(msgspec.Struct, frozen=True):
    """A drawn shape; only its position and its text are used."""

    position: Offset = ORIGIN
    text: ShapeText | Text | None = None


class ZoneEntry(msgspec.Struct, frozen=True):
    """A zone as the file has it."""

    rows: list[RowEntry]
    name: Text = ""
    zone_id: Text = ""
    position: Offset = ORIGIN
    areas: list[ShapeEntry] = []


class CategoryEntry(msgspec.Struct, frozen=True):
    """A category; its name is what seats and prices refer to."""

    name: Name
    color: Text = ""


class PlanEntry(msgspec.Struct, frozen=True):
    """A whole plan as the file has it."""

    categories: list[CategoryEntry]
    zones: list[ZoneEntry]
    name: Text = ""


_decoder = msgspec.json.Decoder(PlanEntry)
_Shape = TypeVar("_Shape", bound=msgspec.Struct)


def plan_error(path: str, detail: str) -> HoldfastError:
    """400 `invalid_plan` that names the path in the plan."""
    return HoldfastError(ErrorCode.INVALID_PLAN, f"{path}: {detail}", field=f"plan.{path}")


def read_plan(text: bytes) -> PlanEntry:
    """Reads and checks the plan in `text`; HoldfastError `invalid_plan` when it is not valid."""
    if len(text) > PLAN_BYTES_MAX:
        raise plan_error("$", f"the plan is larger than {PLAN_BYTES_MAX} bytes")
    try:
        plan = _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise _locate(text, error) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise plan_error("$", f"not JSON: {error}") from None
    _check_sizes(plan)
    _check_categories(plan)
    _check_seats(plan)
    return plan


def _check_sizes(plan: PlanEntry) -> None:
    rows = [row for zone in plan.zones for row in zone.rows]
    seats = sum(len(row.seats) for row in rows)
    if seats == 0:
        raise plan_error("zones", "the plan has no seats")
    if seats > SEATS_MAX:
        raise plan_error("zones", f"{seats} seats are too many; at most {SEATS_MAX}")
    if len(rows) > ROWS_MAX:
        raise plan_error("zones", f"{len(rows)} rows are too many; at most {ROWS_MAX}")
    if len(plan.categories) > CATEGORIES_MAX:
        raise plan_error(
            "categories", f"{len(plan.categories)} are too many; at most {CATEGORIES_MAX}"
        )


def _check_categories(plan: PlanEntry) -> None:
    seen: dict[str, int] = {}
    for at, category in enumerate(plan.categories):
        first = seen.setdefault(category.name, at)
        if first != at:
            path = f"categories[{at}].name"
            raise plan_error(path, f"{category.name!r} is also the name of categories[{first}]")


def _check_seats(plan: PlanEntry) -> None:
    """Checks that every category is known and that every guid is there once."""
    known = {category.name for category in plan.categories}
    seats = [seat for zone in plan.zones for row in zone.rows for seat in row.seats]
    if len({seat.seat_guid for seat in seats}) == len(seats) and known.issuperset(
        {seat.category for seat in seats}
    ):
        return
    first_seen: dict[str, str] = {}
    for path, seat in _seats_with_path(plan):
        if seat.category not in known:
            raise plan_error(f"{path}.category", f"unknown category {seat.category!r}")
        first = first_seen.setdefault(seat.seat_guid, path)
        if first != path:
            raise plan_error(f"{path}.seat_guid", f"{seat.seat_guid!r} is also the guid of {first}")


def _seats_with_path(plan: PlanEntry) -> list[tuple[str, SeatEntry]]:
    return [
        (f"zones[{z}].rows[{r}].seats[{s}]", seat)
        for z, zone in enumerate(plan.zones)
        for r, row in enumerate(zone.rows)
        for s, seat in enumerate(row.seats)
    ]


def _locate(text: bytes, error: msgspec.ValidationError) -> HoldfastError:
    """The error with the exact path, found by converting the plan piece by piece."""
    try:
        whole = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as broken:
        return plan_error("$", f"not JSON: {broken}")
    if not isinstance(whole, dict):
        return plan_error("$", "a plan is an object with `zones` and `categories`")
    for at, category in enumerate(_items(whole, "categories")):
        if found := _complaint(category, CategoryEntry, f"categories[{at}]"):
            return found
    for z, zone in enumerate(_items(whole, "zones")):
        if found := _locate_in_zone(zone, f"zones[{z}]"):
            return found
    return _in_words(error, "")


def _locate_in_zone(zone: object, path: str) -> HoldfastError | None:
    for r, row in enumerate(_items(zone, "rows")):
        for s, seat in enumerate(_items(row, "seats")):
            if found := _complaint(seat, SeatEntry, f"{path}.rows[{r}].seats[{s}]"):
                return found
        if found := _complaint(row, RowEntry, f"{path}.rows[{r}]"):
            return found
    for a, shape in enumerate(_items(zone, "areas")):
        if found := _complaint(shape, ShapeEntry, f"{path}.areas[{a}]"):
            return found
    return _complaint(zone, ZoneEntry, path)


def _items(parent: object, name: str) -> list[object]:
    items = parent.get(name) if isinstance(parent, dict) else None
    return items if isinstance(items, list) else []


def _complaint(value: object, shape: type[_Shape], path: str) -> HoldfastError | None:
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        return _in_words(error, path)
    return None


def _in_words(error: msgspec.ValidationError, path: str) -> HoldfastError:
    """msgspec says "Expected `str`, got `int` - at `$.category`": its path goes after ours."""
    detail, _, place = str(error).partition(" - at `$")
    inner = place.rstrip("`").lstrip(".")
    joined = ".".join(part for part in (path, inner) if part)
    return plan_error(joined or "$", detail)
