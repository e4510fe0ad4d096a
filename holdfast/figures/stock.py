"""Counts seats and area units by category and by area, from a seat map."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from holdfast_inventory.holds.seat_map import SeatMap
from holdfast_inventory.plan.plan import Plan
from holdfast_lua.calls.records import SeatState

PLANS_KEPT: Final = 64
SeatRanges = tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class Stock:
    """Units by category, and those of each area, both by state. What is set aside counts by its
    seats' state: free ones are free.
    """

    categories: Mapping[str, Mapping[str, int]]
    areas: Mapping[str, Mapping[str, int]]


def count_stock(seat_map: SeatMap) -> Stock:
    """The stock of a map."""
    plan, settings, reading = seat_map.plan, seat_map.settings, seat_map.reading
    names = dict.fromkeys((*plan.categories, *(area.category for area in settings.areas)))
    categories = {name: {state.word: 0 for state in SeatState} for name in names}
    for first, end, category in category_ranges(plan):
        counts = categories[category]
        for state in SeatState:
            counts[state.word] += reading.states.count(state.byte, first, end)
    areas = {}
    for area, (free, held) in zip(settings.areas, reading.areas, strict=True):
        units = {"free": free, "held": held, "booked": area.capacity - free - held}
        areas[area.id] = units
        for word, count in units.items():
            categories[area.category][word] += count
    return Stock(categories, areas)


@lru_cache(maxsize=PLANS_KEPT)
def category_ranges(plan: Plan) -> SeatRanges:
    """Ranges of seats of one category in plan order, as (first, end, category)."""
    segments = sorted(plan.segments, key=lambda segment: segment.first)
    grouped = groupby(segments, key=lambda segment: plan.kinds[segment.kind].category)
    runs = ((category, list(run)) for category, run in grouped)
    return tuple((run[0].first, run[-1].first + run[-1].length, name) for name, run in runs)
