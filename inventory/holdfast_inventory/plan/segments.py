"""Row segments: the unit in which seats are searched, and the order in which they are tried.

A row segment is as much of a row as can be given to one party: seats side by side without an aisle,
of one category, all accessible or none, set aside for one channel or for none. Segments are ordered
by the distance of their nearest seat from the focal point; the store keeps one byte for each, in
this order, so the best segment that has enough seats is the first byte that says so. Segments whose
distances differ by less than half a seat form a tier: they count as equal, and a request's seed
chooses among those with enough seats.

The scripts read a segment as a SEGMENT_RECORD; at most NEAR_MAX of its tier follow it there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from holdfast_inventory.plan.geometry import PlacedRow, Point, typical_pitch
from holdfast_inventory.plan.pretix import plan_error
from holdfast_lua.calls.records import SEGMENT_RECORD

NEAR_MAX: Final = 7
LEVELS_MAX: Final = 7
LEVELS_MIN: Final = 4
ROW_SEATS_MAX: Final = 65_535


@dataclass(frozen=True, slots=True)
class SeatClass:
    """What a segment's seats have in common, and what a request filters by."""

    category: str
    accessible: bool
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A row segment. `distance` is that of its nearest seat, `kind` the index of its class."""

    first: int
    length: int
    zone: int
    kind: int
    focus2: int
    distance: float
    near: int = 0

    def record(self) -> bytes:
        """The segment's record, as the scripts read it."""
        return SEGMENT_RECORD.pack(self.first, self.length, self.focus2, self.zone, self.near)


def make_segments(
    rows: Sequence[PlacedRow], focus: Point, channels: Sequence[str]
) -> tuple[tuple[SeatClass, ...], tuple[Segment, ...]]:
    """All segments in the order in which they are tried, and the classes that they refer to.

    `channels` has one for each seat, or is empty when nothing is set aside.
    """
    kinds: dict[SeatClass, int] = {}
    segments: list[Segment] = []
    row_start = 0
    for row in rows:
        theirs = channels[row_start : row_start + len(row.points)]
        for first, end in row.runs:
            for seat_class, start, stop in _same_class(row, first, end, theirs):
                kind = kinds.setdefault(seat_class, len(kinds))
                points = row.points[start:stop]
                segments.append(_segment(row.zone, kind, row_start + start, points, focus))
        row_start += len(row.points)
    if levels_for(len(kinds)) < LEVELS_MIN:
        raise plan_error("categories", f"{len(kinds)} kinds of seats are too many")
    segments.sort(key=lambda segment: (segment.distance, segment.first))
    return tuple(kinds), _tiers(segments, typical_pitch(rows) / 2)


def levels_for(kinds: int) -> int:
    """How many lengths of a run a segment's byte can distinguish, beside its class."""
    return min(LEVELS_MAX, 256 // max(1, kinds))


def _same_class(
    row: PlacedRow, first: int, end: int, channels: Sequence[str]
) -> Iterator[tuple[SeatClass, int, int]]:
    seats = row.entry.seats

    def class_of(at: int) -> tuple[str, bool, str]:
        return (seats[at].category, seats[at].accessible, channels[at] if channels else "")

    for members, group in groupby(range(first, end), class_of):
        positions = list(group)
        yield SeatClass(*members), positions[0], positions[-1] + 1


def _segment(zone: int, kind: int, first: int, points: Sequence[Point], focus: Point) -> Segment:
    if len(points) > ROW_SEATS_MAX:
        raise plan_error("zones", f"a row of {len(points)} seats is too long")
    distances = [math.dist(point, focus) for point in points]
    nearest = min(distances)
    at = distances.index(nearest)
    focus2 = 2 * (at + 1)
    # The focal point may lie in front of the middle of two seats: both are equally near.
    if at + 1 < len(points) and math.isclose(distances[at + 1], nearest, rel_tol=1e-6):
        focus2 += 1
    return Segment(first, len(points), zone, kind, focus2, nearest)


def _tiers(segments: list[Segment], tolerance: float) -> tuple[Segment, ...]:
    """Divides the sorted segments into tiers, each measured from its first segment."""
    tiered: list[Segment] = []
    start = 0
    while start < len(segments):
        limit = segments[start].distance + tolerance
        end = start + 1
        while end < len(segments) and segments[end].distance <= limit:
            end += 1
        tiered += (
            replace(segments[at], near=min(NEAR_MAX, end - 1 - at)) for at in range(start, end)
        )
        start = end
    return tuple(tiered)
