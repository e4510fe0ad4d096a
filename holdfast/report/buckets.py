"""Sums over time in a bounded number of steps, however long the time turns out to be."""

from itertools import accumulate
from typing import Final

POINTS_MAX: Final = 240
FIRST_STEP_MS: Final = 1_000


class Buckets:
    """Amounts under names, by the step of time in which they fell.

    The steps begin at `start_ms`. When a time lies beyond the last of `POINTS_MAX` steps, each two
    steps become one of twice the length.
    """

    def __init__(self, start_ms: int, step_ms: int = FIRST_STEP_MS) -> None:
        self.start_ms = start_ms - start_ms % step_ms
        self.step_ms = step_ms
        self._sums: dict[str, list[int]] = {}
        self._length = 1

    def add(self, name: str, at_ms: int, amount: int) -> None:
        """Adds an amount; a time before the start counts as the start."""
        at = max(0, at_ms - self.start_ms) // self.step_ms
        while at >= POINTS_MAX:
            self._double()
            at //= 2
        self._length = max(self._length, at + 1)
        sums = self._sums.setdefault(name, [])
        sums += [0] * (at + 1 - len(sums))
        sums[at] += amount

    def running(self) -> dict[str, list[int]]:
        """For each name the total up to the end of each step, all of one length."""
        return {
            name: list(accumulate([*sums, *[0] * (self._length - len(sums))]))
            for name, sums in self._sums.items()
        }

    def _double(self) -> None:
        self.step_ms *= 2
        self._length = (self._length + 1) // 2
        for name, sums in self._sums.items():
            pairs = [sums[at : at + 2] for at in range(0, len(sums), 2)]
            self._sums[name] = [sum(pair) for pair in pairs]
