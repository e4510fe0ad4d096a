"""A median with its uncertainty, from few and noisy readings."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from random import Random
from typing import Final

import msgspec

RESAMPLES: Final = 1_000
SHARE: Final = 0.95
DIGITS: Final = 4
"""significant ones that are kept"""


class Spread(msgspec.Struct, frozen=True):
    """A median, its 95% interval, the quartiles, and of how many readings they are."""

    median: float
    low: float
    high: float
    quartiles: tuple[float, float]
    readings: int

    @classmethod
    def of(cls, readings: Sequence[float]) -> Spread:
        """The interval is the percentile bootstrap's: medians of as many readings, drawn again.

        Source: B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
        The seed is fixed, so equal readings have equal intervals.
        """
        if not readings:
            raise ValueError("there is no median of no readings")
        dice = Random(1)  # noqa: S311 - the same every time
        medians = sorted(
            statistics.median(dice.choices(readings, k=len(readings))) for _ in range(RESAMPLES)
        )
        tail = int((1 - SHARE) / 2 * RESAMPLES)
        first = third = readings[0]
        if len(readings) > 1:
            first, _, third = statistics.quantiles(readings, n=4, method="inclusive")
        return cls(
            rounded(statistics.median(readings)),
            rounded(medians[tail]),
            rounded(medians[-tail - 1]),
            (rounded(first), rounded(third)),
            len(readings),
        )

    def apart_from(self, other: Spread) -> int:
        """-1 where the whole interval lies below the other's, 1 above, 0 where they touch."""
        return (self.low > other.high) - (self.high < other.low)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


def rounded(value: float) -> float:
    """Rounds to the significant digits that are kept."""
    return float(f"{value:.{DIGITS}g}")
