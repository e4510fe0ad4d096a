"""What has happened in a sale so far: totals at moments, and what was added between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Protocol

FINE_MS: Final = 300_000
"""for so long before now every point is kept"""
COARSE_MS: Final = 60_000
"""between two older ones"""


class HistoryPoint(Protocol):
    """The totals of a sale at a moment, as `holdfast_lua.history.Point` has them.

    Numbers given, numbers called, passes given, visitors who have held something, and orders that
    were sold, all since the sale began; then the units that are held, booked and free now. `at_ms`
    is of any clock.
    """

    @property
    def at_ms(self) -> int: ...
    @property
    def joined(self) -> int: ...
    @property
    def called(self) -> int: ...
    @property
    def admitted(self) -> int: ...
    @property
    def held_once(self) -> int: ...
    @property
    def confirmed(self) -> int: ...
    @property
    def held(self) -> int: ...
    @property
    def booked(self) -> int: ...
    @property
    def free_by_category(self) -> Mapping[str, int]: ...


@dataclass(frozen=True, slots=True)
class Interval:
    """What was added within a time, which begun, was half over and ended so many seconds ago."""

    begun: float
    middle: float
    ended: float
    joined: int
    called: int
    admitted: int
    holders: int
    """who began to hold something"""
    confirmed: int

    def faster(self, pace: int) -> Interval:
        """The same where time goes so many times as fast."""
        begun, middle, ended = self.begun / pace, self.middle / pace, self.ended / pace
        return replace(self, begun=begun, middle=middle, ended=ended)


def intervals_of(points: Sequence[HistoryPoint], units_an_order: float) -> list[Interval]:
    """The intervals of a history, oldest first; the last point is now.

    Who holds by the shop's key is not counted among `held_once`: holders are at least those who
    have bought or hold something.
    """
    kept = _thinned(points)
    totals = [
        (
            one.at_ms,
            one.joined,
            one.called,
            one.admitted,
            max(one.held_once, round(one.confirmed + one.held / units_an_order)),
            one.confirmed,
        )
        for one in kept
    ]
    if len(kept) > 1 and 2 * kept[0].called <= kept[-1].called:
        # Before the first point the sale had just begun.
        totals.insert(0, (2 * kept[0].at_ms - kept[1].at_ms, 0, 0, 0, 0, 0))
    found = []
    for (before_ms, *had), (after_ms, *has) in pairwise(totals):
        begun, ended = ((kept[-1].at_ms - at_ms) / 1000 for at_ms in (before_ms, after_ms))
        if begun > ended:
            added = [max(0, later - earlier) for earlier, later in zip(had, has, strict=True)]
            found.append(Interval(begun, (begun + ended) / 2, ended, *added))
    return found


def _thinned(points: Sequence[HistoryPoint]) -> list[HistoryPoint]:
    """Keeps every point of the last FINE_MS, and of older ones one in COARSE_MS."""
    kept: list[HistoryPoint] = []
    for point in points:
        late = points[-1].at_ms - point.at_ms <= FINE_MS
        if late or not kept or point.at_ms - kept[-1].at_ms >= COARSE_MS:
            kept.append(point)
    return kept
