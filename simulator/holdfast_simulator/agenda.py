"""What the people of a simulation do next, in the order of time."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final

CLAIM: Final = 4
"""what somebody does who was called; below it stands what people do inside"""
_WHAT_BITS, _NUMBER_BITS = 2, 24
_LATE: Final = 1 << (_WHAT_BITS + _NUMBER_BITS)
_MOMENT_SHIFT: Final = _WHAT_BITS + _NUMBER_BITS + 1
_NUMBERS: Final = (1 << _NUMBER_BITS) - 1


class Agenda:
    """A heap of (moment, number, what): at one moment claims come last, else lower numbers first.

    Each entry is one integer, whose comparison takes a third of that of a tuple.
    """

    __slots__ = ("_heap", "claims")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self.claims = 0
        """entries that are CLAIM"""

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at_ms: int, number: int, what: int) -> None:
        """Notes what somebody does at a moment."""
        entry = at_ms << _MOMENT_SHIFT | number << _WHAT_BITS
        if what == CLAIM:
            self.claims += 1
            heappush(self._heap, entry | _LATE)
        else:
            heappush(self._heap, entry | what)

    def next_ms(self, until_ms: int) -> int:
        """The moment of the next entry; the millisecond after `until_ms` where that is later."""
        if not self._heap:
            return until_ms + 1
        at_ms = self._heap[0] >> _MOMENT_SHIFT
        return at_ms if at_ms <= until_ms else until_ms + 1

    def take(self) -> tuple[int, int]:
        """Takes the next entry out: number, and what."""
        entry = heappop(self._heap)
        number = entry >> _WHAT_BITS & _NUMBERS
        if entry & _LATE:
            self.claims -= 1
            return number, CLAIM
        return number, entry & 3
