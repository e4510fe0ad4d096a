"""Who has until when: the sorted sets of the store that hold deadlines."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from heapq import heappop, heappush


class Deadlines:
    """Deadlines by id where time never goes back. One that has passed stays until it is removed.

    A heap from which entries are taken lazily: an entry counts as long as it is the newest of its
    id. O(log n) for each change; counting is O(1).
    """

    __slots__ = ("_ahead", "_at", "_heap", "_passed")

    def __init__(self) -> None:
        self._at: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []
        self._passed: dict[int, int] = {}
        self._ahead = 0

    def __len__(self) -> int:
        return len(self._at)

    def set(self, one: int, at_ms: int) -> None:
        """A deadline that lies ahead, new or moved."""
        if one not in self._at or self._passed.pop(one, None) is not None:
            self._ahead += 1
        self._at[one] = at_ms
        heappush(self._heap, (at_ms, one))

    def extend(self, one: int, at_ms: int) -> None:
        """Moves the deadline of an id that is there, never back."""
        known = self._at.get(one)
        if known is not None and at_ms > known:
            self.set(one, at_ms)

    def live(self, one: int, now_ms: int) -> bool:
        """Whether the deadline of this id lies ahead."""
        return self._at.get(one, 0) > now_ms

    def remove(self, one: int) -> bool:
        """Whether it was there."""
        if self._at.pop(one, None) is None:
            return False
        if self._passed.pop(one, None) is None:
            self._ahead -= 1
        return True

    def count(self, now_ms: int) -> int:
        """How many lie ahead."""
        self._pass(now_ms)
        return self._ahead

    def passed(self, now_ms: int, most: int) -> list[int]:
        """The ids whose deadlines have passed, in order, at most so many."""
        self._pass(now_ms)
        if not self._passed:
            return []
        return sorted(self._passed, key=lambda one: (self._passed[one], one))[:most]

    def next(self) -> int:
        """The earliest deadline of all that are there; 0 for none."""
        if self._passed:
            return min(self._passed.values())
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else 0

    def _pass(self, now_ms: int) -> None:
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            at_ms, one = heappop(heap)
            if self._at.get(one) == at_ms and one not in self._passed:
                self._passed[one] = at_ms
                self._ahead -= 1


class ClockedDeadlines:
    """Times by number where the clock may go back, as the line's does when an outage is noticed.

    Sorted as the store does it: by time, then by the number's text. For few entries.
    """

    __slots__ = ("_at", "_order")

    def __init__(self) -> None:
        self._at: dict[int, int] = {}
        self._order: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._at)

    def get(self, number: int) -> int | None:
        """The time of this number."""
        return self._at.get(number)

    def set(self, number: int, at_ms: int) -> None:
        """New, or moved."""
        self.remove(number)
        self._at[number] = at_ms
        insort(self._order, (at_ms, str(number)))

    def remove(self, number: int) -> None:
        """Does nothing where it is not there."""
        at_ms = self._at.pop(number, None)
        if at_ms is not None:
            del self._order[bisect_left(self._order, (at_ms, str(number)))]

    def count_after(self, clock_ms: int) -> int:
        """How many are later than this."""
        return len(self._order) - self._up_to(clock_ms)

    def take(self, clock_ms: int, most: int) -> list[int]:
        """Removes those that are no later than this, in order, at most so many."""
        if not self._order or self._order[0][0] > clock_ms:
            return []
        until = min(most, self._up_to(clock_ms))
        taken = [int(text) for _, text in self._order[:until]]
        del self._order[:until]
        for number in taken:
            del self._at[number]
        return taken

    def _up_to(self, clock_ms: int) -> int:
        return bisect_right(self._order, (clock_ms, "\x7f"))
