"""Estimates how long a visitor will wait: a median, and a bound that nine in ten visitors keep.

A visitor with `ahead` people in front is called when all of them who show up could be admitted.
How many show up is binomial in the share that does. That share is measured from the calls of about
the last minute only: few on a slow line, and none when it has just begun. The admission meets the
set rate closely (advance_line.lua), so the set rate is the divisor. A wait ends when its visitor
notices the call, a jittered poll later at most.

Where the cap on active users limits admission, a visitor is called when slots have come free for
all in front and for them: the free slots first, then as many as sessions end, which is the cap
divided by the measured length of a session. That length is known once as many sessions have ended
as are active; before that, and where the wait would be more than a day, the estimate is None. It is
None, too, where the units that are left may go to those in front. The later of the two times, by
rate and by cap, is the estimate.

The line's own measure of the share begins with `SHARE_PRIOR` imaginary visitors who all show up,
so that it calls too few rather than too many. On a slow line where few come that would make every
estimate too long, so here they are subtracted again.

Where the wait cannot be known (not open, paused, all units held) the estimate is None.
"""

from dataclasses import dataclass
from math import exp, inf, sqrt
from typing import Final

import msgspec

from holdfast_lua.calls.constants import LOOK_BACK, PACE_MS, SHARE_MIN, SHARE_PRIOR
from holdfast_lua.calls.line_status import LineMode, LineStatus

_MIN_AGE_MS: Final = 5_000.0
_P90_DEVIATIONS: Final = 1.2816
_RATE_UNCERTAINTY: Final = 0.01
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
    """Admissions per minute over about the last half minute.

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
    """The speed of a line at one moment, from which the wait of any visitor is computed."""

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
        """The wait of a visitor with `ahead` people in front; None when it cannot be known."""
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
    """The speed of the line; None when it does not move or cannot be known."""
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
    """How many ended sessions are known, and how many end per second when the cap is reached."""
    if status.stays < max(_ENDS_MIN, status.active) or status.stays_ms <= 0 or status.cap <= 0:
        return 0.0, 0.0
    return status.stays, status.cap * status.stays * 1000 / status.stays_ms


def _share(status: LineStatus, ends_per_second: float) -> tuple[float, float]:
    """The share of the called who show up, and from how many calls it is known."""
    measured = status.show_share or 1.0
    # A range holds the calls of a second, and one at least: LOOK_BACK of them are looked at.
    per_range = max(1.0, min(status.rate_per_minute / 60, ends_per_second) / measured)
    called = min(status.called, LOOK_BACK * per_range)
    sample = called + SHARE_PRIOR
    if called < SHARE_PRIOR:
        return measured, sample
    return max(SHARE_MIN, (measured * sample - SHARE_PRIOR) / called), sample


def _moves(status: LineStatus) -> bool:
    return (
        status.phase == "open"
        and status.lifecycle in {"live", "draining"}
        and not status.queue_all
        and status.free > 0
        and status.stock > 0
    )
