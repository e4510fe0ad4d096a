"""Calls that have not ended, and the share of the called who come (include/line/calls.lua)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import inf

from holdfast_simulator.rules.constants import (
    LOOK_BACK,
    RANGE_MS,
    SHARE_MEMORY,
    SHARE_MIN,
    SHARE_PRIOR,
    SWEEP_MAX,
)


@dataclass(slots=True)
class CallRange:
    """Numbers called within a second, and how many of them have come; times of the line's clock."""

    first: int
    last: int
    called_ms: int
    deadline_ms: int
    came: int = 0

    @property
    def count(self) -> int:
        """How many were called."""
        return self.last - self.first + 1


class CallRanges:
    """The ranges of a line, oldest first, and what ended ones left in memory."""

    __slots__ = ("_called", "_came", "_lasts", "_ranges")

    def __init__(self) -> None:
        self._ranges: list[CallRange] = []
        self._lasts: list[int] = []
        """the last number of each"""
        self._called = self._came = 0.0

    def find(self, number: int) -> CallRange | None:
        """The range of a number whose call has not ended."""
        ranges, at = self._ranges, bisect_left(self._lasts, number)
        if at == len(ranges) or ranges[at].first > number:
            return None
        return ranges[at]

    def add(self, first: int, last: int, claim_ms: int, clock_ms: int) -> None:
        """Numbers that are called now; deadlines never fall from one range to the next."""
        deadline_ms, newest = clock_ms + claim_ms, self._ranges[-1] if self._ranges else None
        if newest is not None:
            deadline_ms = max(deadline_ms, newest.deadline_ms)
            if clock_ms - newest.called_ms < RANGE_MS and newest.last + 1 == first:
                newest.last, newest.deadline_ms = last, deadline_ms
                self._lasts[-1] = last
                return
        self._ranges.append(CallRange(first, last, clock_ms, deadline_ms))
        self._lasts.append(last)

    def end(self, clock_ms: int) -> list[CallRange]:
        """Takes out the ranges whose deadline has passed, a bounded number."""
        ranges, until = self._ranges, 0
        most = min(SWEEP_MAX, len(ranges))
        while until < most and ranges[until].deadline_ms <= clock_ms:
            self._remember(ranges[until])
            until += 1
        ended = ranges[:until]
        del ranges[:until], self._lasts[:until]
        return ended

    def estimate(self, notice_ms: float, clock_ms: int) -> tuple[float, float]:
        """The share who come, and how many of the young calls are still expected."""
        mature_ms = clock_ms - notice_ms
        called, came = self._called + SHARE_PRIOR, self._came + SHARE_PRIOR
        young_called = young_came = 0
        for one in self._ranges[-LOOK_BACK:]:
            if one.called_ms <= mature_ms:
                called += one.last - one.first + 1
                came += one.came
            else:
                young_called += one.last - one.first + 1
                young_came += one.came
        share = max(SHARE_MIN, min(1.0, came / called))
        return share, max(0.0, young_called * share - young_came)

    def none_before(self, notice_ms: float, clock_ms: int) -> float:
        """The moment of the clock before which no range ends and the estimate stays as it is."""
        if not self._ranges:
            return inf
        until_ms: float = self._ranges[0].deadline_ms
        for one in reversed(self._ranges[-LOOK_BACK:]):
            if one.called_ms <= clock_ms - notice_ms:
                break
            until_ms = min(until_ms, one.called_ms + notice_ms - 1)
        return until_ms

    def _remember(self, one: CallRange) -> None:
        called, came = self._called + one.count, self._came + one.came
        scale = min(1.0, SHARE_MEMORY / max(1.0, called))
        # As the store keeps them, in decimals.
        self._called, self._came = float(f"{called * scale:.3f}"), float(f"{came * scale:.3f}")
