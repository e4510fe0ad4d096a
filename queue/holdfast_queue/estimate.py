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


def estimate_wait(ahead: int, status: LineStatus, now_ms: int) -> Wait | None:
    """The wait of somebody with `ahead` people in front; None when nobody can tell."""
    per_second = expected_per_minute(status, now_ms) / 60
    if per_second <= 0 or not _moves(status):
        return None
    share = status.show_share or 1.0
    mean = ahead * share
    by_chance = mean * (1 - share)
    by_share = ahead * ahead * share * (1 - share) / _SHARE_SAMPLE
    by_rate = (_RATE_UNCERTAINTY * mean) ** 2
    late = mean + _P90_DEVIATIONS * sqrt(by_chance + by_share + by_rate)
    return Wait(round(mean / per_second), round(late / per_second + _NOTICE_SECONDS))


def _moves(status: LineStatus) -> bool:
    return (
        status.phase == "open"
        and status.lifecycle in {"live", "draining"}
        and not status.queue_all
        and status.free > 0
    )
