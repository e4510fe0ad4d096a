"""Percentiles of any number of values in little memory.

Values are counted in buckets whose bounds grow by a constant factor, so a percentile is wrong by at
most `RELATIVE_ERROR` of itself, and histograms of several workers add up to that of the whole: the
sketch of Masson, Rim and Lee, "DDSketch" (VLDB 2019), without its collapsing, which the bounds of
the values make needless.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

RELATIVE_ERROR: Final = 0.01
LEAST: Final = 1e-4
MOST: Final = 1e7
"""values are taken into this range; in seconds, from a tenth of a millisecond to months"""
_GROWTH: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GROWTH: Final = math.log(_GROWTH)
MAX_BUCKETS: Final = math.ceil(math.log(MOST / LEAST) / _LOG_GROWTH) + 1


class Histogram(msgspec.Struct):
    """Counts by bucket, and the largest value as it was."""

    buckets: dict[int, int] = {}
    largest: float = 0.0

    @property
    def count(self) -> int:
        return sum(self.buckets.values())

    def add(self, value: float) -> None:
        """Counts one value; one that is not positive counts as the least."""
        taken = min(max(value, LEAST), MOST)
        bucket = math.ceil(math.log(taken / LEAST) / _LOG_GROWTH - 1e-9)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.largest = max(self.largest, value)

    def merge(self, other: Histogram) -> None:
        """Counts everything that `other` has counted."""
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        self.largest = max(self.largest, other.largest)

    def percentile(self, share: float) -> float | None:
        """The value that `share` of all values do not exceed; None without values."""
        rank = max(1, math.ceil(share * self.count))
        for bucket in sorted(self.buckets):
            rank -= self.buckets[bucket]
            if rank <= 0:
                middle = LEAST * _GROWTH**bucket * 2 / (_GROWTH + 1)
                return 0.0 if bucket == 0 else min(middle, self.largest)
        return None
