"""Projects when a sale will be sold out and when its line will be empty, from what went on lately.

The simplest model that is right on average: what happened in the last WINDOW_MS goes on at the same
rate. Orders come by chance, one independent of another (a Poisson process), so as many as k of them
are known to about the root of k; an order is of several units, which widens the interval by its
mean size. `earliest` and `latest` are the ends of an interval that holds four times in five as long
as the rate stays what it was; that buyers become fewer, or an operator changes the rate, it cannot
know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from holdfast_lua.history import Point

WINDOW_MS: Final = 300_000
DEVIATIONS: Final = 1.2816
"""of a normal distribution, between which four in five values lie"""
LONGEST_SECONDS: Final = 7 * 24 * 3600
"""What would take longer is not known."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Seconds until something happens; `latest` is None where it may never happen."""

    earliest: float
    expected: float
    latest: float | None


def sell_out(points: Sequence[Point], left: int) -> Projection | None:
    """Until the last of `left` units is sold; None when none is left or nothing was sold lately."""
    window = _window(points)
    if window is None or left <= 0:
        return None
    before, now, seconds = window
    units, orders = now.booked - before.booked, now.confirmed - before.confirmed
    if units <= 0:
        return None
    # Orders that are confirmed and not booked yet, or refunds, may make one of the two fall short.
    deviation = units / sqrt(max(1, min(orders, units)))
    return _projected(left, units / seconds, deviation / seconds)


def line_over(points: Sequence[Point], waiting: int) -> Projection | None:
    """Until nobody waits any more; None when nobody does, or the line does not grow shorter."""
    window = _window(points)
    if window is None or waiting <= 0:
        return None
    before, now, seconds = window
    called, joined = now.called - before.called, now.joined - before.joined
    if called <= joined:
        return None
    return _projected(waiting, (called - joined) / seconds, sqrt(called + joined) / seconds)


def _window(points: Sequence[Point]) -> tuple[Point, Point, float] | None:
    """The first and the last point of the last WINDOW_MS, and the seconds between them."""
    recent = [point for point in points if point.at_ms >= points[-1].at_ms - WINDOW_MS]
    if len(recent) < 2:
        return None
    return recent[0], recent[-1], (recent[-1].at_ms - recent[0].at_ms) / 1000


def _projected(amount: int, rate: float, deviation: float) -> Projection | None:
    """How long an amount takes at a rate that is known to a deviation, both a second."""
    expected = amount / rate
    if expected > LONGEST_SECONDS:
        return None
    slowest = rate - DEVIATIONS * deviation
    latest = amount / slowest if slowest > 0 else None
    if latest is not None and latest > LONGEST_SECONDS:
        latest = None
    return Projection(amount / (rate + DEVIATIONS * deviation), expected, latest)
