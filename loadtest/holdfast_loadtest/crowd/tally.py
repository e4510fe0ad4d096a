"""Where everybody is and how it ended: the figures a display shows while the crowd runs.

Each visitor is in exactly one state at a time; the sum over states is the crowd. Admissions are
also kept as times, so that the realised rate over the last moments can be shown beside the rate
that was set.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from enum import Enum
from typing import Final

RATE_SPAN_SECONDS: Final = 15.0
MIN_RATE_SPAN_SECONDS: Final = 5.0
MAX_RECENT: Final = 20_000


class VisitorState(Enum):
    """A visitor's whereabouts; the value is how a display names it."""

    TO_COME = "to come"
    WAITING = "waiting"
    INSIDE = "in the shop"
    HOLDING = "holding"
    BOOKED = "bought"
    LAPSED = "let their hold lapse"
    REFUNDED = "paid too late, refunded"
    LEFT = "left without buying"
    EMPTY_HANDED = "found nothing they wanted"
    NO_SHOW = "missed the call"
    QUIT = "quit the line"
    SOLD_OUT = "told it is sold out"
    TURNED_AWAY = "turned away"
    TIMED_OUT = "still there at the end"
    FAILED = "met an error"


UNDER_WAY: Final = (
    VisitorState.TO_COME,
    VisitorState.WAITING,
    VisitorState.INSIDE,
    VisitorState.HOLDING,
)


class Tally:
    """Counts of one crowd."""

    def __init__(self, visitors: int, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.visitors = visitors
        self.states: Counter[VisitorState] = Counter({VisitorState.TO_COME: visitors})
        self.happenings: Counter[str] = Counter()
        self._admitted_at: deque[float] = deque(maxlen=MAX_RECENT)

    @property
    def arrived(self) -> int:
        return self.visitors - self.states[VisitorState.TO_COME]

    @property
    def done(self) -> int:
        return self.visitors - sum(self.states[state] for state in UNDER_WAY)

    def move(self, before: VisitorState, after: VisitorState) -> VisitorState:
        self.states[before] -= 1
        self.states[after] += 1
        return after

    def count(self, happening: str) -> None:
        self.happenings[happening] += 1

    def admitted(self) -> None:
        self.count("admitted")
        self._admitted_at.append(self._now())

    def admitted_per_minute(self) -> float:
        """Passes a minute over the last moments; over less while the crowd is newer than that."""
        if not self._admitted_at:
            return 0.0
        now = self._now()
        span = min(RATE_SPAN_SECONDS, max(MIN_RATE_SPAN_SECONDS, now - self._admitted_at[0]))
        recent = sum(1 for moment in self._admitted_at if moment >= now - span)
        return recent * 60.0 / span
