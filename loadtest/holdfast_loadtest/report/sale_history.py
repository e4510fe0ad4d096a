"""What the events of a sale say of its units and passes, over time."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from holdfast_loadtest.audit.evidence import Evidence
from holdfast_loadtest.audit.facts import (
    HOLD_BEGINS,
    HOLD_ENDS,
    Units,
    VisitorCall,
    at_ms,
    hold_id,
    line_facts,
    units_of,
)
from holdfast_loadtest.wire import Event, SeatMap

SESSIONS: Final = {"pass.issued": 1, "pass.ended": -1}


@dataclass(slots=True)
class StepCurve:
    """A count that changes at moments, in seconds since 1970."""

    times: list[float] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    _values: list[int] = field(default_factory=list)

    def change(self, at: float, by: int) -> None:
        self.times.append(at)
        self.changes.append(by)

    def at(self, moment: float) -> int:
        """The count after all changes up to a moment; times must have been told in order."""
        if len(self._values) != len(self.changes):
            self._values = list(accumulate(self.changes))
        before = bisect_right(self.times, moment)
        return self._values[before - 1] if before else 0

    def most(self, since: float) -> int:
        """The largest count from a moment on."""
        return max(self.at(since), *(self.at(at) for at in self.times if at > since), 0)


@dataclass(slots=True)
class SaleHistory:
    """The units of a sale over time, and the moments of passes and orders."""

    total: int
    held: StepCurve = field(default_factory=StepCurve)
    booked: StepCurve = field(default_factory=StepCurve)
    last_call: float | None = None
    """until then somebody had not been called"""
    passes: list[float] = field(default_factory=list)
    inside: StepCurve = field(default_factory=StepCurve)
    """sessions that have begun and not ended"""
    orders: list[float] = field(default_factory=list)
    lapsed: int = 0
    resold: int = 0
    sold_out_at: float | None = None


def read_history(evidence: Evidence) -> SaleHistory:
    """Follows the stream once, hold by hold."""
    history = SaleHistory(_total(evidence.seat_map))
    for _, fact in line_facts(evidence.events):
        if isinstance(fact, VisitorCall):
            history.last_call = fact.at_ms / 1000
        else:
            history.passes.append(fact.at_ms / 1000)
    follower = _Follower(history, evidence.seat_map)
    for event in evidence.events:
        follower.follow(event, at_ms(event) / 1000)
    history.resold += follower.resold_in_areas()
    return history


def _total(seat_map: SeatMap) -> int:
    blocked = seat_map.states.count("x")
    return len(seat_map.states) - blocked + sum(area.capacity for area in seat_map.areas.values())


class _Follower:
    """Which hold has which units, and which units have come back before."""

    def __init__(self, history: SaleHistory, seat_map: SeatMap) -> None:
        self._history = history
        self._capacities = {area: counts.capacity for area, counts in seat_map.areas.items()}
        self._held: dict[str, Units] = {}
        self._known: dict[str, Units] = {}
        self._booked = 0
        self._returned_seats: set[str] = set()
        self._returned: Counter[str] = Counter()
        self._sold: Counter[str] = Counter()

    def follow(self, event: Event, at: float) -> None:
        if event.type in SESSIONS:
            self._history.inside.change(at, SESSIONS[event.type])
            return
        hold = hold_id(event)
        if event.type in HOLD_BEGINS:
            self._end(hold, at)
            self._held[hold] = self._known[hold] = units_of(event)
            self._history.held.change(at, self._held[hold].count)
        elif event.type in HOLD_ENDS:
            self._come_back(self._end(hold, at))
        elif event.type == "order.confirmed":
            self._end(hold, at)
            self._book(units_of(event) or self._known.get(hold, Units()), at)
        elif event.type == "order.refunded":
            units = units_of(event) or self._known.get(hold, Units())
            self._booked -= units.count
            self._history.booked.change(at, -units.count)

    def resold_in_areas(self) -> int:
        """Units of an area are alike: those that must have been sold after they had come back."""
        return sum(
            min(returned, max(0, self._sold[area] + returned - self._capacities.get(area, 0)))
            for area, returned in self._returned.items()
        )

    def _end(self, hold: str, at: float) -> Units:
        units = self._held.pop(hold, Units())
        if units:
            self._history.held.change(at, -units.count)
        return units

    def _come_back(self, units: Units) -> None:
        self._history.lapsed += units.count
        self._returned_seats.update(units.seats)
        self._returned.update(units.areas)

    def _book(self, units: Units, at: float) -> None:
        history = self._history
        self._booked += units.count
        self._sold.update(units.areas)
        history.orders.append(at)
        history.booked.change(at, units.count)
        history.resold += sum(seat in self._returned_seats for seat in units.seats)
        if history.sold_out_at is None and self._booked >= history.total > 0:
            history.sold_out_at = at


def pace(times: Sequence[float]) -> float | None:
    """Things a second between the first and the last; None where that says nothing."""
    if len(times) < 2 or times[-1] <= times[0]:
        return None
    return (len(times) - 1) / (times[-1] - times[0])
