"""How long a visitor will wait: a median and a bound that nine in ten keep.

A visitor with `ahead` people in front is called when all of them who show up could be admitted.
How many show up is binomial in the share that does, and that share is known from the calls of
about the last minute only: few on a slow line, and none when it has just begun. The admission meets
the set rate closely (advance_line.lua), so the set rate is the one to divide by. A wait ends when
its visitor notices the call, a jittered poll later at most. Only where the cap on active users
binds does the line move more slowly; then the measured rate tells how fast slots come free.

The line's own measure of the share begins with a few visitors made up who all show up: that calls
too few rather than too many, but it would tell everybody too long a wait where the line is slow and
few come. So they are taken out again here.

Where nobody can tell (not open, paused, all units held) the answer is None: no number at all is
kinder than one that is wrong.
"""

from dataclasses import dataclass
from math import exp, sqrt
from typing import Final

import msgspec

from holdfast_lua.line_status import LineStatus

PACE_MS: Final = 30_000.0
"""Time constant of the measured rate, as in include/line.lua."""

_MIN_AGE_MS: Final = 5_000.0
_P90_DEVIATIONS: Final = 1.2816
_RATE_UNCERTAINTY: Final = 0.01
_SHARE_SECONDS: Final = 64.0
"""How far back the share is measured: LOOK_BACK ranges of a second in include/calls.lua."""
_MADE_UP: Final = 10
"""SHARE_PRIOR in include/calls.lua."""
_SHARE_MIN: Final = 0.02
_NOTICE_SECONDS: Final = 1.3
_NOTICE_DEVIATION: Final = 1.0
"""Until a called visitor asks again: polls near the front are 2 to 2.6 seconds apart."""
_CAP_BINDS_FROM: Final = 0.95


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


def expected_per_minute(status: LineStatus, now_ms: int) -> float:
    """The rate at which the line will move."""
    if status.active < status.cap * _CAP_BINDS_FROM:
        return float(status.rate_per_minute)
    return min(float(status.rate_per_minute), measured_per_minute(status, now_ms))


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a line moves at one moment, from which any number of waits are worked out."""

    per_second: float
    share: float
    sample: float
    """How many calls the share is known from."""

    def wait(self, ahead: int) -> Wait:
        """The wait of somebody with `ahead` people in front."""
        mean = ahead * self.share
        by_share = mean * (1 - self.share) * (1 + ahead / self.sample)
        by_rate = _RATE_UNCERTAINTY * mean
        rate = self.per_second
        by_notice = _NOTICE_DEVIATION * rate
        late = _P90_DEVIATIONS * sqrt(by_share + by_rate * by_rate + by_notice * by_notice)
        return Wait(round(mean / rate), round((mean + late) / rate + _NOTICE_SECONDS))


def forecast(status: LineStatus, now_ms: int) -> Forecast | None:
    """How the line moves; None when nobody can tell."""
    per_second = expected_per_minute(status, now_ms) / 60
    if per_second <= 0 or not _moves(status):
        return None
    share, sample = _share(status)
    return Forecast(per_second, share, sample)


def _share(status: LineStatus) -> tuple[float, float]:
    """The share of the called who show up, without those made up, and from how many it is known."""
    measured = status.show_share or 1.0
    called = min(status.called, _SHARE_SECONDS * status.rate_per_minute / 60 / measured)
    sample = called + _MADE_UP
    if called < _MADE_UP:
        return measured, sample
    return max(_SHARE_MIN, (measured * sample - _MADE_UP) / called), sample


def estimate_wait(ahead: int, status: LineStatus, now_ms: int) -> Wait | None:
    """The wait of somebody with `ahead` people in front; None when nobody can tell."""
    moves = forecast(status, now_ms)
    return None if moves is None else moves.wait(ahead)


def _moves(status: LineStatus) -> bool:
    return (
        status.phase == "open"
        and status.lifecycle in {"live", "draining"}
        and not status.queue_all
        and status.free > 0
    )
