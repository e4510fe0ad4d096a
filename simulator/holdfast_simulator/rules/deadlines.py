"""Who has until when: the sorted sets of the store that hold deadlines."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from heapq import heapify, heappop, heappush
from itertools import islice
from math import inf
from typing import Final

SPAN_BITS: Final = 10
SPAN_MS: Final = 1 << SPAN_BITS
"""of deadlines that are sorted together"""
SPANS_AHEAD: Final = 8
"""in which `none_before` looks for the next deadline"""


class Deadlines:
    """Deadlines by id, for a clock that never goes back. A passed one stays until it is removed.

    A calendar queue (Brown 1988): deadlines lie unsorted in spans of SPAN_MS, and one span is
    sorted when it comes. An entry counts as long as it is the newest of its id. A change takes the
    same time however many there are, and so does counting.
    """

    __slots__ = ("_ahead", "_at", "_due", "_next_ms", "_passed", "_span", "_spans")

    def __init__(self) -> None:
        self._at: dict[int, int] = {}
        self._spans: defaultdict[int, list[int]] = defaultdict(list)
        """the ids by span, of those after `_span`"""
        self._due: list[tuple[int, int]] = []
        """a heap: what lies in spans up to `_span` and has not passed"""
        self._passed: dict[int, None] = {}
        """in the order of deadlines, then of ids"""
        self._ahead = self._span = self._next_ms = 0

    def __len__(self) -> int:
        return len(self._at)

    def set(self, one: int, at_ms: int) -> None:
        """A deadline that lies ahead, new or moved."""
        if one not in self._at or self._passed.pop(one, 0) is None:
            self._ahead += 1
        self._at[one] = at_ms
        span = at_ms >> SPAN_BITS
        if span > self._span:
            self._spans[span].append(one)
        else:
            heappush(self._due, (at_ms, one))
            self._next_ms = min(self._next_ms, at_ms)

    def extend(self, one: int, at_ms: int) -> None:
        """Moves the deadline of an id that is there, never back."""
        known = self._at.get(one)
        if known is not None and at_ms > known:
            self.set(one, at_ms)

    def live(self, one: int, now_ms: int) -> bool:
        """Whether the deadline of this id lies ahead."""
        return self._at.get(one, 0) > now_ms

    def remove(self, one: int) -> bool:
        """Removes a deadline; returns whether there was one."""
        if self._at.pop(one, None) is None:
            return False
        if self._passed.pop(one, 0) is not None:
            self._ahead -= 1
        return True

    def count(self, now_ms: int) -> int:
        """How many lie ahead."""
        if now_ms >= self._next_ms:
            self._pass(now_ms)
        return self._ahead

    def passed(self, now_ms: int, most: int) -> list[int]:
        """The ids whose deadlines have passed, in order, at most so many."""
        if now_ms >= self._next_ms:
            self._pass(now_ms)
        return list(islice(self._passed, most)) if self._passed else []

    def none_before(self) -> int:
        """A moment before which none passes, though perhaps not the last such moment."""
        if self._due:
            return self._next_ms
        span = self._span + 1
        while span not in self._spans and span <= self._span + SPANS_AHEAD:
            span += 1
        return span << SPAN_BITS

    def next(self) -> int:
        """The earliest deadline of all that are there; 0 for none."""
        return min(self._at.values(), default=0)

    def _pass(self, now_ms: int) -> None:
        span = now_ms >> SPAN_BITS
        if span > self._span:
            self._turn_to(span)
        due, at = self._due, self._at
        while due and due[0][0] <= now_ms:
            at_ms, one = heappop(due)
            if at.get(one) == at_ms and one not in self._passed:
                self._passed[one] = None
                self._ahead -= 1
        self._next_ms = due[0][0] if due else (self._span + 1) << SPAN_BITS

    def _turn_to(self, span: int) -> None:
        """Takes what lies in all spans up to this one."""
        spans, at = self._spans, self._at
        begun = range(self._span + 1, span + 1)
        for number in begun if len(begun) < len(spans) else [one for one in spans if one <= span]:
            for one in spans.pop(number, ()):
                at_ms = at.get(one, 0)
                if at_ms >> SPAN_BITS == number:  # else it was removed, or moved
                    self._due.append((at_ms, one))
        heapify(self._due)
        self._span = span


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
        """Sets a time, new or moved."""
        self.remove(number)
        self._at[number] = at_ms
        insort(self._order, (at_ms, str(number)))

    def remove(self, number: int) -> None:
        """Removes a number, if it is there."""
        at_ms = self._at.pop(number, None)
        if at_ms is not None:
            del self._order[bisect_left(self._order, (at_ms, str(number)))]

    def none_before(self) -> float:
        """The earliest time; infinite where there is none."""
        return self._order[0][0] if self._order else inf

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
