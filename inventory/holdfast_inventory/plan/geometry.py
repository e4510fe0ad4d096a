"""Derives from the coordinates of a plan which seats are neighbours, and the focal point.

Seats of a row are neighbours in file order unless an aisle lies between them: a gap, measured in
two dimensions so that curved rows work, of more than AISLE_FACTOR times the row's usual pitch. The
usual pitch is the lower median of the row's gaps; a row of fewer than GAPS_FOR_PITCH gaps takes its
zone's, so that two single seats ten metres apart are not neighbours.

A file may list the seats of a row in another order than they stand in, such as 1 3 5 2 4 6. The
pitch is therefore measured in the order of the positions as well, and the smaller one counts: two
seats with another one between them are no neighbours, however regular their gap is in the file.

The focal point, unless the sale sets one: the position of a drawn shape whose text says stage; else
a point just outside the seats, on the side where the rows begin (row 1 is in front); else, when the
zones begin on different sides and so surround something, the middle.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from holdfast_inventory.plan.pretix import PlanEntry, RowEntry, ShapeEntry, ShapeText, ZoneEntry

AISLE_FACTOR: Final = 1.5
GAPS_FOR_PITCH: Final = 3
AGREEMENT: Final = 0.5

Point = tuple[float, float]

_STAGE: Final = re.compile(r"stage|bühne|buehne|scène|scene|escenario|palco|podium|舞台", re.I)


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row with the absolute positions of its seats and its runs.

    `runs` are half-open ranges of positions in the row: neighbours without an aisle.
    """

    zone: int
    entry: RowEntry
    points: tuple[Point, ...]
    runs: tuple[tuple[int, int], ...]


def place_rows(plan: PlanEntry) -> list[PlacedRow]:
    """All rows in plan order; offsets of zone, row and seat added up."""
    placed: list[PlacedRow] = []
    for number, zone in enumerate(plan.zones):
        points = [_points(zone, row) for row in zone.rows]
        zone_pitch = _pitch(points)
        for row, places in zip(zone.rows, points, strict=True):
            placed.append(PlacedRow(number, row, places, _runs(places, zone_pitch)))
    return placed


def typical_pitch(rows: Sequence[PlacedRow]) -> float:
    """The usual distance of neighbours in the whole plan; 1 when there are none."""
    gaps = [
        math.dist(row.points[at], row.points[at + 1])
        for row in rows
        for first, end in row.runs
        for at in range(first, end - 1)
    ]
    return _lower_median(gaps) or 1.0


def default_focus(plan: PlanEntry, rows: Sequence[PlacedRow]) -> Point:
    """The focal point that the plan suggests; see the module's docstring."""
    for zone in plan.zones:
        for shape in zone.areas:
            if _STAGE.search(_text(shape)):
                return (zone.position.x + shape.position.x, zone.position.y + shape.position.y)
    points = [point for row in rows for point in row.points]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    middle = ((left + right) / 2, (top + bottom) / 2)
    ahead_x, ahead_y = _ahead(rows)
    depth = typical_pitch(rows)
    if max(abs(ahead_x), abs(ahead_y)) < AGREEMENT:
        return middle
    if abs(ahead_y) >= abs(ahead_x):
        return (middle[0], top - depth if ahead_y < 0 else bottom + depth)
    return (left - depth if ahead_x < 0 else right + depth, middle[1])


def _text(shape: ShapeEntry) -> str:
    text = shape.text
    return text.text if isinstance(text, ShapeText) else text or ""


def _points(zone: ZoneEntry, row: RowEntry) -> tuple[Point, ...]:
    x, y = zone.position.x + row.position.x, zone.position.y + row.position.y
    return tuple((x + seat.position.x, y + seat.position.y) for seat in row.seats)


def _gaps(points: Sequence[Point]) -> list[float]:
    return [math.dist(one, other) for one, other in pairwise(points)]


def _by_place(points: Sequence[Point]) -> list[Point]:
    """The seats of a row, sorted along its longer extent."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if not points or max(xs) - min(xs) >= max(ys) - min(ys):
        return sorted(points)
    return sorted(points, key=lambda point: (point[1], point[0]))


def _pitch(rows: Sequence[Sequence[Point]]) -> float:
    """The usual distance of neighbours in these rows, in file order or by position."""
    listed = [gap for row in rows for gap in _gaps(row)]
    standing = [gap for row in rows for gap in _gaps(_by_place(row))]
    return min(_lower_median(listed), _lower_median(standing))


def _lower_median(values: list[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2] if values else 0.0


def _runs(points: Sequence[Point], zone_pitch: float) -> tuple[tuple[int, int], ...]:
    gaps = _gaps(points)
    pitch = _pitch([points]) if len(gaps) >= GAPS_FOR_PITCH else zone_pitch
    aisles = [at + 1 for at, gap in enumerate(gaps) if gap > pitch * AISLE_FACTOR]
    edges = [0, *aisles, len(points)]
    return tuple((first, end) for first, end in pairwise(edges) if end > first)


def _ahead(rows: Sequence[PlacedRow]) -> Point:
    """The mean direction from last row to first over the zones, weighted by their seats."""
    sum_x = sum_y = weight = 0.0
    zones: dict[int, list[PlacedRow]] = {}
    for row in rows:
        if row.points:
            zones.setdefault(row.zone, []).append(row)
    for members in zones.values():
        front, back = _centre(members[0].points), _centre(members[-1].points)
        distance = math.dist(front, back)
        if distance > 0:
            seats = sum(len(row.points) for row in members)
            sum_x += seats * (front[0] - back[0]) / distance
            sum_y += seats * (front[1] - back[1]) / distance
            weight += seats
    return (sum_x / weight, sum_y / weight) if weight else (0.0, -1.0)


def _centre(points: Sequence[Point]) -> Point:
    return (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))
