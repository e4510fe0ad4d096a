"""Units by category and the holds on them (scripts/holds, scripts/orders)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from holdfast_simulator.rules.constants import EXPIRE_MAX, SWEEP_BEFORE_MAX
from holdfast_simulator.rules.deadlines import Deadlines

OK: Final = "OK"
SEAT_UNAVAILABLE: Final = "SEAT_UNAVAILABLE"
SOLD_OUT: Final = "SOLD_OUT"
SWEEP_AGAIN: Final = "SWEEP_AGAIN"
HOLD_EXPIRED: Final = "HOLD_EXPIRED"
HOLD_RELEASED: Final = "HOLD_RELEASED"
HOLD_STATE: Final = "HOLD_STATE"
UNCHANGED: Final = "UNCHANGED"
ACTIVE, PAYING, BOOKED, EXPIRED, RELEASED = range(5)


@dataclass(slots=True)
class SimulatedHold:
    """Units of one category that somebody has until a moment of the store's time.

    `again` of them somebody has had before.
    """

    category: str
    units: int
    expires_ms: int
    latest_ms: int
    again: int = 0
    status: int = ACTIVE


class SimulatedStock:
    """What is free, held and booked, of all and of each category; holds by number.

    `lapsed` are the units of holds that ran out or were given back, `resold` those that were sold
    after it.
    """

    __slots__ = (
        *("_due", "_returned_of", "booked", "expired", "free", "free_of", "held", "hold_max_ms"),
        *("hold_ms", "holds", "lapsed", "resold"),
    )

    def __init__(self, units: Mapping[str, int], hold_ms: int, hold_max_ms: int) -> None:
        self.hold_ms, self.hold_max_ms = hold_ms, hold_max_ms
        self.free_of = dict(units)
        self.free = sum(units.values())
        self.held = self.booked = self.expired = 0
        self.lapsed = self.resold = 0
        self._returned_of = dict.fromkeys(units, 0)
        self.holds: dict[int, SimulatedHold] = {}
        self._due = Deadlines()

    @property
    def sold_out(self) -> bool:
        """Nothing is free or held."""
        return self.free + self.held <= 0

    def hold(self, now_ms: int, id_: int, category: str, units: int) -> str:
        """Frees what is overdue, a bounded number, and holds so many units or none."""
        if self._overdue(now_ms):
            self._sweep(now_ms, SWEEP_BEFORE_MAX)
        if self.free_of[category] < units:
            code = SOLD_OUT if self.sold_out else SEAT_UNAVAILABLE
            return SWEEP_AGAIN if self._overdue(now_ms) else code
        self.free_of[category] -= units
        self.free -= units
        self.held += units
        expires_ms = now_ms + self.hold_ms
        # What came back was chosen before the rest, and is so again.
        again = min(units, self._returned_of[category])
        self._returned_of[category] -= again
        latest_ms = now_ms + self.hold_max_ms
        self.holds[id_] = SimulatedHold(category, units, expires_ms, latest_ms, again)
        self._due.set(id_, expires_ms)
        return OK

    def release(self, now_ms: int, id_: int) -> str:
        """Gives an active hold back, as its buyer may."""
        hold = self.holds[id_]
        if hold.status == RELEASED:
            return UNCHANGED
        if refused := self._refused(hold, now_ms):
            return refused
        if hold.status != ACTIVE:
            return HOLD_STATE
        self._end(id_, hold, RELEASED)
        return OK

    def begin_paying(self, now_ms: int, id_: int) -> str:
        """Begins paying: from here on the hold lasts as long as it may."""
        hold = self.holds[id_]
        if hold.status == PAYING and hold.expires_ms > now_ms:
            return UNCHANGED
        if refused := self._refused(hold, now_ms):
            return refused
        if hold.status != ACTIVE:
            return HOLD_STATE
        hold.status, hold.expires_ms = PAYING, hold.latest_ms
        self._due.set(id_, hold.latest_ms)
        return OK

    def book(self, now_ms: int, id_: int) -> str:
        """Confirms a hold that lives: its units are sold."""
        hold = self.holds[id_]
        if refused := self._refused(hold, now_ms):
            if hold.status <= PAYING:
                self._end(id_, hold, EXPIRED)
            return refused
        self._due.remove(id_)
        hold.status = BOOKED
        self.held -= hold.units
        self.booked += hold.units
        self.resold += hold.again
        return OK

    def expire(self, now_ms: int, most: int = EXPIRE_MAX) -> tuple[int, bool]:
        """Ends overdue holds; answers how many, and whether some are left."""
        ended = self._sweep(now_ms, most)
        return ended, self._overdue(now_ms)

    def _refused(self, hold: SimulatedHold, now_ms: int) -> str | None:
        if hold.status == EXPIRED or (hold.status <= PAYING and hold.expires_ms <= now_ms):
            return HOLD_EXPIRED
        return HOLD_RELEASED if hold.status == RELEASED else None

    def _overdue(self, now_ms: int) -> bool:
        return bool(self._due.passed(now_ms, 1))

    def _sweep(self, now_ms: int, most: int) -> int:
        overdue = self._due.passed(now_ms, most)
        for id_ in overdue:
            self._end(id_, self.holds[id_], EXPIRED)
        self.expired += len(overdue)
        return len(overdue)

    def _end(self, id_: int, hold: SimulatedHold, status: int) -> None:
        self._due.remove(id_)
        hold.status = status
        self.free_of[hold.category] += hold.units
        self.free += hold.units
        self.held -= hold.units
        self._returned_of[hold.category] += hold.units
        self.lapsed += hold.units
