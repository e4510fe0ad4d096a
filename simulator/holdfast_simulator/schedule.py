"""When visitors ask: the waits that the service tells them, and the polls that follow from these.

The estimate is that of holdfast_queue.line.estimate (its median), the interval that of
holdfast_queue.line.refresh_interval, the page's own part of it pollDelay in static/place.js. Tests
hold estimate and interval against the service's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from random import Random
from typing import Final

from holdfast_simulator.rules.constants import (
    LOOK_BACK,
    POLL_LEAST_MS,
    POLL_MS,
    POLLS_PER_WINDOW,
    SHARE_MIN,
    SHARE_PRIOR,
)
from holdfast_simulator.rules.line import SimulatedLine

MAX_INTERVAL_SECONDS: Final = 30.0
WAIT_DIVISOR: Final = 10.0
JITTER: Final = 0.3
LONGEST_SECONDS: Final = 24 * 3600
"""what takes longer is told as unknown"""
ENDS_MIN: Final = 5
OWN_VIEW_SECONDS: Final = 40.0
"""between two looks of a page at its own place"""
NEAR_THE_FRONT: Final = 100
NEAR_SECONDS: Final = 5.0
PAGE_LEAST: Final = 0.8
"""a page asks after this share of the interval, up to the whole of it"""
COUNTDOWN_SECONDS: Final = 15.0
"""how long a page in the lobby rests at most"""
BAND_GROWTH: Final = 1.4
"""from one band of the line to the next behind it"""


@dataclass(frozen=True, slots=True)
class ExpectedWaits:
    """The speed of a line at one moment; `moving` False where no wait can be told."""

    moving: bool = False
    per_second: float = 1.0
    share: float = 1.0
    slots: float = inf
    ends_per_second: float = 0.0
    """sessions that end, where the cap is reached; 0 where it is not known"""
    stock: float = inf

    def seconds(self, ahead: float) -> float | None:
        """Seconds until who has so many in front is called; None where it cannot be told."""
        mean = ahead * self.share
        if not self.moving or mean >= self.stock:
            return None
        wait = mean / self.per_second
        ends = mean + 1 - self.slots
        if ends > 0:
            if not self.ends_per_second:
                return None
            wait = max(wait, ends / self.ends_per_second)
        return wait if wait <= LONGEST_SECONDS else None


def expected_waits(line: SimulatedLine, now_ms: int) -> ExpectedWaits:
    """What the service tells about a line now."""
    terms, stock = line.terms, max(0, line.stock_for(now_ms))
    stands = line.lifecycle not in {"live", "draining"} or line.stopped_ms
    if terms.rate <= 0 or stands or not line.is_open(now_ms) or not stock or not line.stock.free:
        return ExpectedWaits()
    rate = terms.rate / 60
    if terms.through:
        return ExpectedWaits(True, rate, _share(line, inf))
    active, stays = line.active.count(now_ms), line.stays
    known = stays.ended >= max(ENDS_MIN, active) and stays.total_ms > 0 and terms.cap > 0
    ends = terms.cap * stays.ended * 1000 / stays.total_ms if known else 0.0
    slots = terms.cap - active - len(line.deferred)
    share = _share(line, ends or inf)
    return ExpectedWaits(True, rate, share, slots, ends, stock - len(line.deferred))


def _share(line: SimulatedLine, ends_per_second: float) -> float:
    """The measured share of called visitors who come, less the prior's."""
    measured = line.share or 1.0
    per_range = max(1.0, min(line.terms.rate / 60, ends_per_second) / measured)
    called = min(line.called, LOOK_BACK * per_range)
    if called < SHARE_PRIOR:
        return measured
    return max(SHARE_MIN, (measured * (called + SHARE_PRIOR) - SHARE_PRIOR) / called)


class PollSchedule:
    """How often pages ask, by the claim window of their sale."""

    def __init__(self, claim_window_seconds: float) -> None:
        third = claim_window_seconds / POLLS_PER_WINDOW
        self.floor = max(POLL_LEAST_MS / 1000, min(POLL_MS / 1000, third))
        self.ceiling = max(min(MAX_INTERVAL_SECONDS, third), self.floor)
        self._mean_of_unknown = {near: self._mean(None, near) for near in (False, True)}

    def told(self, wait: float | None, jitter: float = 0.5) -> float:
        """The interval that the service tells; `jitter` is its draw between 0 and 1."""
        base = self.ceiling if wait is None else wait / WAIT_DIVISOR
        return min(self.ceiling, max(self.floor, base) * (1 + JITTER * jitter))

    def mean(self, wait: float | None, ahead: float) -> float:
        """Seconds between two polls of a page, on average."""
        near = ahead <= NEAR_THE_FRONT
        return self._mean_of_unknown[near] if wait is None else self._mean(wait, near)

    def _mean(self, wait: float | None, near: bool) -> float:
        told = self.told(wait)
        rest = min(told, NEAR_SECONDS) if near else told
        return max(self.floor, rest) * (1 + PAGE_LEAST) / 2

    def until_noticed(self, known: bool, waited: float, random: Random) -> float:
        """Seconds from a call to the poll that finds it, for a page that was near the front.

        A page asks as it joins, `waited` seconds ago, and again after each rest: who is called
        within the first rest notices at its end.
        """
        near = self.told(0.0 if known else None, random.random())
        interval = max(self.floor, min(near, NEAR_SECONDS))
        rest = interval * (PAGE_LEAST + (1 - PAGE_LEAST) * random.random())
        left = rest * random.random()
        return left if waited >= rest else rest - waited

    def lobby_seconds(self, to_open: float) -> float:
        """Between two polls of a page that counts down, on average."""
        return min(COUNTDOWN_SECONDS, to_open + 0.2) + 0.5


@lru_cache(maxsize=1)
def bands(waiting: int) -> Sequence[tuple[int, int]]:
    """The line in bands that grow to the back, as (ahead of its first, how many)."""
    ahead, size, found = 0, 16, []
    while ahead < waiting:
        count = min(size, waiting - ahead)
        found.append((ahead, count))
        ahead += count
        size = max(size, int(ahead * (BAND_GROWTH - 1)))
    return tuple(found)
