"""A seating plan by columns: what a map needs of it, in a fraction of the bytes.

The JSON document of a plan repeats the names of its members, and the name of its row, for every
seat. Here each member of all seats is one list, in plan order, and what follows a rule is the rule:

- `x` and `y`, absolute, in whole `unit`s: the first seat of a row as the difference from the first
  of the row before (from 0), the second as that from the first, each further one as the change of
  that step; so a straight row is zeros, and a curved one nearly so;
- `category`: runs of an index into `categories` and a number of seats;
- `accessible`: the seats that are, each as the difference from the one before;
- `zones[].rows`: columns of the zone's rows. `seat_numbers` and `seat_guids` have a series for each
  row: a list of texts, or `{"before", "from", "by", "after", "digits"}`, which says that the texts
  are `before`, a number that grows by `by`, padded with zeros to `digits`, and `after`. A series of
  guids without `from` has the seat's own number in its place. Random guids cannot be compressed, so
  there is a form without any, for clients that name seats by their index.

Invariants: the same plan always has the same columns; every text, category and count is that of
the document; a coordinate differs by half a `unit` at most, which is no more than a two-hundredth
of the usual distance of neighbours. Members of seats and rows that are named neither here nor by
`holdfast_inventory.plan.pretix` are left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Any, Final

import msgspec

from holdfast_inventory.plan.geometry import PlacedRow, typical_pitch
from holdfast_inventory.plan.pretix import PlanEntry, ZoneEntry

COLUMNS_FORM: Final = 1
"""Part of the ETag: one more when other columns are made of the same plan than by a release."""
STEPS_A_PITCH: Final = 100
"""at least so many units lie between two neighbours"""
COORDINATE_MAX: Final = 2**31
"""in units: what a client can add up without losing a digit"""
LENGTH_MIN: Final = 1e-200
"""a shorter length is taken for this one, since a float can be too small to be divided"""
# Not more digits than a client can count with.
_NUMBERED: Final = re.compile(r"(.*?)([0-9]{1,15})([^0-9]*)", re.DOTALL)
_NULL: Final = msgspec.Raw(b"null")
_EMPTY: Final = msgspec.Raw(b'""')
_ORIGIN: Final = msgspec.Raw(b'{"x":0,"y":0}')
_NOTHING: Final = msgspec.Raw(b"[]")

TextSeries = list[str] | dict[str, object]


class _Row(msgspec.Struct, frozen=True):
    row_number_position: msgspec.Raw = _NULL


class _Zone(msgspec.Struct, frozen=True):
    rows: list[_Row]
    name: msgspec.Raw = _EMPTY
    zone_id: msgspec.Raw = _EMPTY
    position: msgspec.Raw = _ORIGIN
    areas: msgspec.Raw = _NOTHING


class _Document(msgspec.Struct, frozen=True):
    """What of a document is not in its placed rows; values stay the bytes that they are."""

    zones: list[_Zone]
    categories: list[msgspec.Raw]
    name: msgspec.Raw = _NULL
    size: msgspec.Raw = _NULL
    focal_point: msgspec.Raw = _NULL
    currency: msgspec.Raw = _NULL
    prices: msgspec.Raw = _NULL
    areas: msgspec.Raw = _NULL
    plan_version: msgspec.Raw = _NULL


_decode: Final = msgspec.json.Decoder(_Document).decode


def plan_columns(
    document: bytes, entry: PlanEntry, rows: Sequence[PlacedRow]
) -> tuple[bytes, bytes]:
    """The columns of a plan as JSON, with the guids and without; `entry` and `rows` are what has
    been read from `document`.

    Takes some 0.2 s of processor time for 60,000 seats: not to be called on the event loop.
    """
    kept = _decode(document)
    seats = [seat for row in rows for seat in row.entry.seats]
    number_of = {category.name: at for at, category in enumerate(entry.categories)}
    unit = _unit(rows)
    zones = [_zone_members(zone, rest) for zone, rest in zip(entry.zones, kept.zones, strict=True)]
    columns = {
        **{name: getattr(kept, name) for name in kept.__struct_fields__ if name != "zones"},
        "seat_count": len(seats),
        "unit": unit,
        "zones": zones,
        "x": _steps(([x for x, _ in row.points] for row in rows), unit),
        "y": _steps(([y for _, y in row.points] for row in rows), unit),
        "category": _runs(number_of[seat.category] for seat in seats),
        "accessible": _differences(at for at, seat in enumerate(seats) if seat.accessible),
    }
    without_guids = msgspec.json.encode(columns)
    for zone, members in zip(entry.zones, zones, strict=True):
        members["rows"]["seat_guids"] = _guids(zone)
    return msgspec.json.encode(columns), without_guids


def _zone_members(zone: ZoneEntry, rest: _Zone) -> dict[str, Any]:
    """Those of a zone, without the guids of its seats."""
    numbers = _numbers(zone)
    return {
        "name": rest.name,
        "zone_id": rest.zone_id,
        "position": rest.position,
        "areas": rest.areas,
        "rows": {
            "row_number": [row.row_number for row in zone.rows],
            "row_number_position": [row.row_number_position for row in rest.rows],
            "seat_count": [len(row.seats) for row in zone.rows],
            "seat_numbers": [_progression(texts) or texts for texts in numbers],
        },
    }


def _guids(zone: ZoneEntry) -> list[TextSeries]:
    guids = [[seat.seat_guid for seat in row.seats] for row in zone.rows]
    return [
        _around(texts, within) or _progression(texts) or texts
        for texts, within in zip(guids, _numbers(zone), strict=True)
    ]


def _numbers(zone: ZoneEntry) -> list[list[str]]:
    return [[seat.seat_number for seat in row.seats] for row in zone.rows]


def _around(texts: Sequence[str], numbers: Sequence[str]) -> TextSeries | None:
    """The series of texts that are the numbers with the same text before and after each of them."""
    if not texts or not all(numbers):
        return None
    before, found, after = texts[0].rpartition(numbers[0])
    if not found or any(
        text != before + number + after for text, number in zip(texts, numbers, strict=True)
    ):
        return None
    return _named(before=before, after=after)


def _progression(texts: Sequence[str]) -> TextSeries | None:
    """The series of texts that differ in one number, which grows evenly; None for any others."""
    found = [_NUMBERED.fullmatch(text) for text in texts[:2]]
    if len(found) < 2 or found[0] is None or found[1] is None:
        return None
    before, digits, after = found[0].groups()
    first, by = int(digits), int(found[1][2]) - int(digits)
    width = len(digits) if digits.startswith("0") or found[1][2].startswith("0") else 0
    if first + by * (len(texts) - 1) < 0 or any(
        text != f"{before}{first + by * at:0{width}}{after}" for at, text in enumerate(texts)
    ):
        return None
    return {**_named(before=before, after=after, digits=width), "from": first, "by": by}


def _named(**members: object) -> dict[str, object]:
    """Those that say something."""
    return {name: value for name, value in members.items() if value}


def _unit(rows: Sequence[PlacedRow]) -> float:
    """The largest power of ten that is small beside the distance of neighbours."""
    points = [point for row in rows for point in row.points]
    reach = max((abs(value) for point in points for value in point), default=0.0)
    pitch, reach = max(typical_pitch(rows), LENGTH_MIN), max(reach, LENGTH_MIN)
    fine = 10.0 ** math.floor(math.log10(pitch / STEPS_A_PITCH))
    coarse = 10.0 ** math.ceil(math.log10(reach / COORDINATE_MAX))
    return max(fine, coarse)


def _steps(rows: Iterable[Sequence[float]], unit: float) -> list[int]:
    """One coordinate of all seats, see the module's docstring."""
    steps: list[int] = []
    row_start = 0
    for row in rows:
        last = row_start
        step = 0
        for at, value in enumerate(row):
            units = round(value / unit)
            if at == 0:
                steps.append(units - row_start)
                row_start = units
            else:
                steps.append(units - last - step)
                step = units - last
            last = units
    return steps


def _runs(values: Iterable[int]) -> list[int]:
    """Run lengths: value, count, value, count, ..."""
    return list(chain.from_iterable((value, len(list(run))) for value, run in groupby(values)))


def _differences(ascending: Iterable[int]) -> list[int]:
    return list(_each_difference(ascending))


def _each_difference(ascending: Iterable[int]) -> Iterator[int]:
    last = 0
    for value in ascending:
        yield value - last
        last = value
