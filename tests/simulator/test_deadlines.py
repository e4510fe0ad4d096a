"""Deadlines in a calendar: what a plain table of them would answer."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from holdfast_simulator.rules.deadlines import SPAN_MS, Deadlines

BEGIN_MS = 1_800_000_000_000


class Table:
    """Deadlines by id, looked through one by one."""

    def __init__(self) -> None:
        self.at: dict[int, int] = {}

    def ahead(self, now_ms: int) -> int:
        return sum(at > now_ms for at in self.at.values())

    def next_ahead(self, now_ms: int) -> float:
        return min((at for at in self.at.values() if at > now_ms), default=inf)

    def passed(self, now_ms: int) -> list[int]:
        return [one for at, one in sorted((at, one) for one, at in self.at.items()) if at <= now_ms]


def _change(random: Random, now_ms: int, both: tuple[Deadlines, Table]) -> None:
    """Sets, extends or removes one; the moments meet each other and the ends of spans."""
    deadlines, table = both
    one = random.randrange(40)
    at_ms = now_ms + random.choice([1, 2, random.randrange(1, 40), SPAN_MS, 3 * SPAN_MS, 90_000])
    how = random.random()
    if how < 0.5:
        deadlines.set(one, at_ms)
        table.at[one] = at_ms
    elif how < 0.7:
        deadlines.extend(one, at_ms)
        if at_ms > table.at.get(one, at_ms):
            table.at[one] = at_ms
    else:
        assert deadlines.remove(one) is (table.at.pop(one, None) is not None)


@pytest.mark.parametrize("seed", range(20))
def test_calendar_answers_as_a_table_does(seed: int) -> None:
    random, now_ms = Random(seed), BEGIN_MS
    both = deadlines, table = Deadlines(), Table()
    for _ in range(400):
        now_ms += random.choice([0, 1, 7, 250, SPAN_MS, 4 * SPAN_MS, 200_000])
        for _ in range(random.randrange(6)):
            _change(random, now_ms, both)
        assert deadlines.count(now_ms) == table.ahead(now_ms)
        most = random.choice([0, 1, 3, 100])
        assert deadlines.passed(now_ms, most) == table.passed(now_ms)[:most]
        assert len(deadlines) == len(table.at)
        assert deadlines.next() == min(table.at.values(), default=0)
        assert deadlines.none_before() <= table.next_ahead(now_ms)
        one = random.randrange(40)
        assert deadlines.live(one, now_ms) is (table.at.get(one, 0) > now_ms)
