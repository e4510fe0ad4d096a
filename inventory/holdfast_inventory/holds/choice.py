"""Compiles hold requests into what the scripts search with: the bytes of fitting row segments.

A row segment's byte is `kind * levels + longest free run` (capped at levels - 1), so the
segments of a category that have three free seats together are a small set of byte values, found by
memchr. The sets depend on plan, quantity and filters only and are compiled once; the search is in
include/seats/pick.lua.

A segment whose longest run is exactly one seat longer than asked for would leave a single seat over
in that run; it is only taken when no other segment fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from holdfast_inventory.holds.allotments import opened_names
from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_lua.calls.hold_terms import SeatChoice, SeatList
from holdfast_lua.calls.layouts import pack_array
from holdfast_lua.calls.records import RowSegment

CHOICES_KEPT: Final = 4096
CHOICES_KEPT_MIN: Final = 32
PLACES_KEPT: Final = 4_000_000
"""A choice of zones lists their row segments, at most five bytes each, and buyers may ask for any
zones: in a large plan fewer choices are remembered, so that all of them stay below 20 MB.
"""
CHANNELS_KEPT: Final = 256


class ChoiceCompiler:
    """Compiles and caches the choices of one sale."""

    def __init__(self, plan: Plan, settings: InventorySettings) -> None:
        self._plan = plan
        self._settings = settings
        self.choice = lru_cache(choices_kept(plan))(self._choice)
        self.opened = lru_cache(CHANNELS_KEPT)(self._opened)

    def seat_list(self, seats: Sequence[int], channels: frozenset[str] = frozenset()) -> SeatList:
        """Named seats by row segment, and the classes that these channels do not give."""
        segments = [
            (
                row.position,
                [seat - row.first + 1 for seat in members],
                [self._price(seat) for seat in members],
            )
            for row, members in group_by_row(self._plan, seats)
        ]
        return SeatList.of(self._withheld(channels), self._settings.prevent_orphans, segments)

    def _opened(self, channels: frozenset[str]) -> str:
        """What is set aside and open to a buyer with these channels."""
        return opened_names(self._plan, self._settings, channels)

    def _withheld(self, channels: frozenset[str]) -> list[int]:
        kinds = enumerate(self._plan.kinds)
        withheld = self._settings.withheld
        return [number for number, kind in kinds if withheld(kind.channel, channels)]

    def _price(self, seat: int) -> int:
        return self._settings.price(self._plan.kind(seat).category)

    def _choice(
        self,
        quantity: int,
        categories: frozenset[str],
        zones: frozenset[int],
        accessible: bool,
        prevent_orphans: bool,
        *,
        channels: frozenset[str] = frozenset(),
    ) -> SeatChoice:
        """Best available; empty filters mean all.

        Accessible seats are only given on request, those of an allotment only with its channel.
        """
        plan = self._plan
        kinds = [
            number
            for number, kind in enumerate(plan.kinds)
            if kind.accessible == accessible
            and (not categories or kind.category in categories)
            and not self._settings.withheld(kind.channel, channels)
        ]
        top = plan.levels - 1
        enough = [run for run in range(1, top + 1) if run >= min(quantity, top)]
        tidy = [run for run in enough if run != quantity + 1 or run == top]
        return SeatChoice(
            quantity,
            not prevent_orphans,
            self._bytes(kinds, tidy if prevent_orphans else enough),
            bytes(kinds),
            tuple(self._settings.price(kind.category) for kind in plan.kinds),
            self._places(kinds, zones),
        )

    def _bytes(self, kinds: Sequence[int], runs: Sequence[int]) -> bytes:
        """Segment bytes of these kinds and runs, the longest first: those are the most common."""
        levels = self._plan.levels
        return bytes(kind * levels + run for run in sorted(runs, reverse=True) for kind in kinds)

    def _places(self, kinds: Sequence[int], zones: frozenset[int]) -> bytes:
        if not zones or len(zones) == len(self._plan.zones):
            return b""
        places = [
            position
            for position, segment in enumerate(self._plan.segments, start=1)
            if segment.zone in zones and segment.kind in kinds
        ]
        return pack_array(places)


def choices_kept(plan: Plan) -> int:
    """How many compiled choices are cached."""
    fitting = PLACES_KEPT // max(1, len(plan.segments))
    return max(CHOICES_KEPT_MIN, min(CHOICES_KEPT, fitting))


def group_by_row(plan: Plan, seats: Sequence[int]) -> list[tuple[RowSegment, list[int]]]:
    """Seats by the row segment that they are in, segments and seats in plan order."""
    groups: dict[int, list[int]] = {}
    for seat in sorted(seats):
        groups.setdefault(plan.segment_of[seat], []).append(seat)
    return [(row_segment(plan, position), members) for position, members in groups.items()]


def row_segment(plan: Plan, position: int) -> RowSegment:
    """The segment at a position (from 0) as hold records have it, with positions from 1."""
    segment = plan.segments[position]
    return RowSegment(position + 1, segment.first, segment.length, segment.kind * plan.levels)
