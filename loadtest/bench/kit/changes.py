"""Compares a later run with the kept one: which ratio has left its interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from bench.kit.results import Compared, Result
from bench.kit.spread import Spread

WORDS: Final = {-1: "slower", 0: "as before", 1: "faster"}


class Change(NamedTuple):
    """A ratio of the kept result and of a later one."""

    comparison: str
    side: str
    by: str
    kept: Spread
    later: Spread

    @property
    def direction(self) -> int:
        """-1 where the later interval lies wholly below the kept one, 1 above, else 0.

        Intervals are compared, not medians: a run on a noisy machine has a wide one, and so no
        change.
        """
        return self.later.apart_from(self.kept)

    def __str__(self) -> str:
        what = f"{self.comparison}: {self.side} by {self.by}"
        return f"{what:52} {self.kept!s:>20} {self.later!s:>20}  {WORDS[self.direction]}"


HEAD: Final = f"{'ratio':52} {'kept':>20} {'now':>20}"


def changes(kept: Result, later: Result) -> list[Change]:
    """The changes of every ratio that both results have."""
    pairs = {compared.name: compared for compared in kept.comparisons}
    found: list[Change] = []
    for compared in later.comparisons:
        if (before := pairs.get(compared.name)) is not None:
            found += _of_sides(before, compared)
    return found


def _of_sides(kept: Compared, later: Compared) -> Iterator[Change]:
    known = {side.name: side for side in kept.sides}
    for side in later.sides:
        before = known.get(side.name)
        if before is None or kept.yardstick != later.yardstick:
            continue
        for by in ("rate", "cpu"):
            one, other = before.ratio(by), side.ratio(by)
            if one is not None and other is not None:
                yield Change(later.name, side.name, by, one, other)


def missing(kept: Result, later: Result) -> list[str]:
    """Comparisons that the kept result has and the later does not."""
    names = {compared.name for compared in later.comparisons}
    return [compared.name for compared in kept.comparisons if compared.name not in names]
