"""How long a visitor will wait: a median and a bound that nine in ten keep.

A visitor with `ahead` people in front is called when all of them who show up could be admitted.
How many show up is binomial in the measured share, which itself is known from about _SHARE_SAMPLE
calls; the admission meets the set rate closely (advance_line.lua), so the set rate is the one to
divide by. A wait ends when its visitor notices the call, one poll later at most. Only where the cap
on active users binds does the line move more slowly; then the measured rate tells how fast slots
come free.

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
_RATE_UNCERTAINTY: Final = 0.02
_SHARE_SAMPLE: Final = 50
_NOTICE_SECONDS: Final = 2.0
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

    def wait(self, ahead: int) -> Wait:
        """The wait of somebody with `ahead` people in front."""
        mean = ahead * self.share
        by_share = mean * (1 - self.share) * (1 + ahead / _SHARE_SAMPLE)
        by_rate = _RATE_UNCERTAINTY * mean
        late = mean + _P90_DEVIATIONS * sqrt(by_share + by_rate * by_rate)
        rate = self.per_second
        return Wait(round(mean / rate), round(late / rate + _NOTICE_SECONDS))


def forecast(status: LineStatus, now_ms: int) -> Forecast | None:
    """How the line moves; None when nobody can tell."""
    per_second = expected_per_minute(status, now_ms) / 60
    if per_second <= 0 or not _moves(status):
        return None
    return Forecast(per_second, status.show_share or 1.0)


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
