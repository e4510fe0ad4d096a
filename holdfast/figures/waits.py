"""What visitors have really waited for their call, and how far that was from what they were told.

Both follow from the history: numbers are called in order, so whoever joined as the n-th was called
when the n-th call was made, and the wait is the distance in time between the curves `joined` and
`called`. A number that was drawn in a lobby counts as if the lobby had been in order of arrival, so
waits of a lobby are right on average. Between points, STEP_MS apart, the curves are taken to be
straight.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast_lua.calls.records import Point


@dataclass(frozen=True, slots=True)
class RealWait:
    """The wait of the last visitor of a point in line: real, and as they were told (None: not)."""

    seconds: float
    told_seconds: int | None

    @property
    def error_seconds(self) -> float | None:
        """By how much the call came later or earlier than told."""
        return None if self.told_seconds is None else abs(self.seconds - self.told_seconds)


def waits_ended(points: Sequence[Point], after_ms: int) -> list[RealWait]:
    """The waits that ended after a moment, of the last visitor of each point who had to wait."""
    ended = []
    totals = [point.called for point in points]
    for at, point in enumerate(points):
        if point.waiting == 0 or (at and point.joined == points[at - 1].joined):
            continue
        called_ms = _time_of(points, totals, point.joined)
        if called_ms is not None and called_ms > after_ms:
            ended.append(RealWait((called_ms - point.at_ms) / 1000, point.wait_s))
    return ended


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value that a share of all stays at or below; None for no values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _time_of(points: Sequence[Point], totals: Sequence[int], number: int) -> float | None:
    """When the call of this number was made; None when it has yet to be."""
    at = bisect_left(totals, number)
    if at == len(points):
        return None
    if at == 0:
        return None  # before the first point: nobody knows when
    before, after = points[at - 1], points[at]
    share = (number - before.called) / (after.called - before.called)
    return before.at_ms + share * (after.at_ms - before.at_ms)
