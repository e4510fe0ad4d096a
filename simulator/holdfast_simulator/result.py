"""What a simulation, a load test or a rehearsal came to, under the same names.

The load test adds what only a run has (`holdfast_loadtest.report`). All times are seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

SERIES_POINTS_MAX: Final = 7_200
"""of a series: a longer one has fewer, evenly further apart"""


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """How many came how far. `empty_handed` wanted to buy, were patient, and got nothing."""

    arrived: int = 0
    joined: int = 0
    called: int = 0
    admitted: int = 0
    held: int = 0
    paying: int = 0
    confirmed: int = 0
    left: int = 0
    empty_handed: int = 0


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """Quantiles of waits; None where nobody's wait has ended."""

    count: int = 0
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    max: float | None = None


class Peaks(msgspec.Struct, frozen=True, kw_only=True):
    """The most at any moment, and in any second."""

    waiting: int = 0
    active: int = 0
    polls_per_s: float = 0.0
    joins_per_s: float = 0.0


class SeatCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Units: in all, sold, of holds that lapsed or were given back, and of those sold after it."""

    total: int = 0
    booked: int = 0
    lapsed: int = 0
    resold: int = 0


class SeriesPoint(msgspec.Struct, frozen=True, kw_only=True):
    """How it stood at a moment: `waiting` and `held` then, all else since the beginning."""

    at_s: float
    arrived: int = 0
    waiting: int = 0
    called: int = 0
    admitted: int = 0
    held: int = 0
    booked: int = 0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result. Waits are from join to call, or from the opening for those who joined earlier."""

    kind: Literal["run", "simulation"]
    scenario: str
    sale: str
    started_at: str | None = None
    seconds: float = 0.0
    funnel: Funnel = Funnel()
    waits: Waits = Waits()
    admission_waits: Waits = Waits()
    sold_out_after_s: float | None = None
    peaks: Peaks = Peaks()
    seats: SeatCounts = SeatCounts()
    series: Sequence[SeriesPoint] = ()


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of all values, in order, does not exceed."""
    if not ordered:
        return None
    at = -int(-share * len(ordered) // 1)  # rounded up
    return ordered[max(0, min(len(ordered), at) - 1)]


def summarise(waits: Sequence[float]) -> Waits:
    """The quantiles of waits in any order."""
    ordered = sorted(waits)
    return Waits(
        count=len(ordered),
        p50=quantile(ordered, 0.5),
        p90=quantile(ordered, 0.9),
        p99=quantile(ordered, 0.99),
        max=ordered[-1] if ordered else None,
    )
