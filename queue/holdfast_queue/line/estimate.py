"""How long a visitor will wait: a median and a bound that nine in ten keep.

A visitor with `ahead` people in front is called when all of them who show up could be admitted.
How many show up is binomial in the share that does, and that share is known from the calls of
about the last minute only: few on a slow line, and none when it has just begun. The admission meets
the set rate closely (advance_line.lua), so the set rate is the one to divide by. A wait ends when
its visitor notices the call, a jittered poll later at most.

Where the cap on active users binds, a visitor is called when slots have come free for all in front
and for them: the free slots first, then as many as sessions end, cap over the measured time of a
session. That time is known once as many sessions have ended as there are inside; before it, and
where it would be more than a day, nobody can tell. Nor can anybody where the units that are left
would go to those in front: they may be sold, or not. So the later of rate and cap decides, and
stock says whether it is known at all.

The line's own measure of the share begins with a few visitors made up who all show up: that calls
too few rather than too many, but it would tell everybody too long a wait where the line is slow and
few come. So they are taken out again here.

Where nobody can tell (not open, paused, all units held) the answer is None: no number at all is
kinder than one that is wrong.
"""

from dataclasses import dataclass
from math import exp, inf, sqrt
from typing import Final

import msgspec

from holdfast_lua.calls.line_status import LineMode, LineStatus

PACE_MS: Final = 30_000.0
"""Time constant of the measured rate, as in include/line/line.lua."""

_MIN_AGE_MS: Final = 5_000.0
_P90_DEVIATIONS: Final = 1.2816
_RATE_UNCERTAINTY: Final = 0.01
_SHARE_RANGES: Final = 64.0
"""How far back the share is measured: LOOK_BACK ranges of a second in include/line/calls.lua."""
_MADE_UP: Final = 10
"""SHARE_PRIOR in include/line/calls.lua."""
_SHARE_MIN: Final = 0.02
_NOTICE_SECONDS: Final = 1.3
_NOTICE_DEVIATION: Final = 1.0
"""Until a called visitor asks again: polls near the front are 2 to 2.6 seconds apart."""
_ENDS_MIN: Final = 5
_LONGEST_SECONDS: Final = 24 * 3600
"""What slots would take longer for than this is not known."""


class Wait(msgspec.Struct, frozen=True, gc=False):
    """Seconds until the call."""

    p50: int
    p90: int


def measured_per_minute(status: LineStatus, now_ms: int) -> float:
    """ClaimService per minute over about the last half minute.

    The store keeps an exponentially decaying count; a count that has just begun holds less than its
    share of the time constant, which the last factor makes up for.
    """
    if status.pace <= 0:
        return 0.0
    decayed = status.pace * exp(-max(0, now_ms - status.pace_ms) / PACE_MS)
    age_ms = max(_MIN_AGE_MS, float(now_ms - status.pace_since_ms))
    return decayed * 60_000 / (PACE_MS * (1 - exp(-age_ms / PACE_MS)))


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a line moves at one moment, from which any number of waits are worked out."""

    per_second: float
    """the set rate"""
    share: float
    sample: float
    """How many calls the share is known from."""
    slots: float
    """that are free, less those who were called and found none"""
    ends: float
    """How many ended sessions `ends_per_second` is known from; 0 where it is not known."""
    ends_per_second: float
    stock: float
    """visitors for whom there are units"""

    def wait(self, ahead: int) -> Wait | None:
        """The wait of somebody with `ahead` people in front; None when nobody can tell."""
        mean = ahead * self.share
        if mean >= self.stock:
            return None
        by_share = mean * (1 - self.share) * (1 + ahead / self.sample)
        by_rate = _RATE_UNCERTAINTY * mean
        rate = self.per_second
        by_notice = _NOTICE_DEVIATION * rate
        late = _P90_DEVIATIONS * sqrt(by_share + by_rate * by_rate + by_notice * by_notice)
        p50, p90 = mean / rate, (mean + late) / rate
        ends = mean + 1 - self.slots
        if ends > 0:
            if not self.ends:
                return None
            # Sessions end by chance, and how long they last is known from so many only.
            late = _P90_DEVIATIONS * sqrt(by_share + ends + ends * ends / self.ends)
            p50 = max(p50, ends / self.ends_per_second)
            p90 = max(p90, (ends + late) / self.ends_per_second)
            if p90 > _LONGEST_SECONDS:
                return None
        return Wait(round(p50), round(p90 + _NOTICE_SECONDS))


def forecast(status: LineStatus) -> Forecast | None:
    """How the line moves; None when nobody can tell."""
    if status.rate_per_minute <= 0 or not _moves(status):
        return None
    if status.mode is LineMode.THROUGH:
        share, sample = _share(status, inf)
        return Forecast(status.rate_per_minute / 60, share, sample, inf, 0.0, 0.0, inf)
    ends, ends_per_second = _session_ends(status)
    share, sample = _share(status, ends_per_second if ends else inf)
    slots = status.cap - status.active - status.deferred
    stock = status.stock - status.deferred
    return Forecast(status.rate_per_minute / 60, share, sample, slots, ends, ends_per_second, stock)


def _session_ends(status: LineStatus) -> tuple[float, float]:
    """How many ended sessions are known, and how many end in a second of a full house."""
    if status.stays < max(_ENDS_MIN, status.active) or status.stays_ms <= 0 or status.cap <= 0:
        return 0.0, 0.0
    return status.stays, status.cap * status.stays * 1000 / status.stays_ms


def _share(status: LineStatus, ends_per_second: float) -> tuple[float, float]:
    """The share of the called who show up, without those made up, and from how many it is known."""
    measured = status.show_share or 1.0
    # A range holds the calls of a second, and one at least: LOOK_BACK of them are looked at.
    per_range = max(1.0, min(status.rate_per_minute / 60, ends_per_second) / measured)
    called = min(status.called, _SHARE_RANGES * per_range)
    sample = called + _MADE_UP
    if called < _MADE_UP:
        return measured, sample
    return max(_SHARE_MIN, (measured * sample - _MADE_UP) / called), sample


def estimate_wait(ahead: int, status: LineStatus) -> Wait | None:
    """The wait of somebody with `ahead` people in front; None when nobody can tell."""
    moves = forecast(status)
    return None if moves is None else moves.wait(ahead)


def _moves(status: LineStatus) -> bool:
    return (
        status.phase == "open"
        and status.lifecycle in {"live", "draining"}
        and not status.queue_all
        and status.free > 0
        and status.stock > 0
    )
