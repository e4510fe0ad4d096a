"""Names are looked up together: so many questions, one query."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from holdfast.batched_lookup import QUERY_NAMES_MAX, WAITING_MAX, BatchedLookup
from holdfast_ledger import LedgerUnavailable
from holdfast_web.errors import ErrorCode, HoldfastError

NEVER = 3600.0
"""an interval after which no test is still there"""


class Table:
    """What is looked up in: each query is noted, and waits while the table is held."""

    def __init__(self, **rows: int) -> None:
        self.rows = rows
        self.queries: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fault: Exception | None = None

    async def read(self, names: Sequence[str]) -> Mapping[str, int]:
        self.queries.append(list(names))
        await self.open.wait()
        if self.fault is not None:
            raise self.fault
        return {name: self.rows[name] for name in names if name in self.rows}


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_those_who_ask_together_cost_one_query() -> None:
    table = Table(a=1)
    lookup = BatchedLookup(table.read, NEVER)
    names = ["a", "a", *(f"made-up-{number}" for number in range(QUERY_NAMES_MAX - 1))]
    found = await asyncio.gather(*(lookup.find(name) for name in names))
    assert found == [1, 1] + [None] * (QUERY_NAMES_MAX - 1)
    assert [len(query) for query in table.queries] == [QUERY_NAMES_MAX]


async def test_who_asks_after_a_query_has_begun_waits_for_the_next() -> None:
    """It may have read before what is asked for was made."""
    table = Table()
    table.open.clear()
    lookup = BatchedLookup(table.read, 0.0)
    first = asyncio.create_task(lookup.find("a"))
    await turns()
    table.rows["a"] = 1
    second = asyncio.create_task(lookup.find("a"))
    await turns()
    assert len(table.queries) == 1
    table.open.set()
    assert await second == 1
    await first
    assert table.queries == [["a"], ["a"]]


async def test_next_query_waits_for_its_time() -> None:
    table = Table()
    lookup = BatchedLookup(table.read, NEVER)
    await lookup.find("a")
    asking = [asyncio.create_task(lookup.find(f"b{number}")) for number in range(100)]
    await turns()
    assert len(table.queries) == 1
    await lookup.aclose()
    assert all(one.cancelled() for one in await settled(asking))


async def settled(tasks: list[asyncio.Task[int | None]]) -> list[asyncio.Task[int | None]]:
    await asyncio.gather(*tasks, return_exceptions=True)
    return tasks


async def test_fault_is_told_to_all_who_asked_and_the_next_round_is_another() -> None:
    table = Table(a=1)
    lookup = BatchedLookup(table.read, 0.0)
    table.fault = LedgerUnavailable()
    told = await asyncio.gather(
        *(lookup.find(f"b{number}") for number in range(2 * QUERY_NAMES_MAX)),
        return_exceptions=True,
    )
    assert told == [table.fault] * (2 * QUERY_NAMES_MAX)
    table.fault = None
    assert await lookup.find("a") == 1


async def test_names_take_no_memory_but_while_somebody_waits() -> None:
    table = Table(a=1)
    lookup = BatchedLookup(table.read, NEVER)
    await lookup.find("first")
    waiting = [asyncio.create_task(lookup.find(f"b{number}")) for number in range(WAITING_MAX)]
    await turns()
    with pytest.raises(HoldfastError) as refused:
        await lookup.find("one more")
    assert refused.value.code is ErrorCode.OVERLOADED
    known = asyncio.create_task(lookup.find("a", unbounded=True))
    again = asyncio.create_task(lookup.find("b1"))
    await turns()
    assert not known.done()
    assert not again.done()
    assert len(lookup._waiting) == WAITING_MAX + 1
    await lookup.aclose()
    await settled([*waiting, known, again])


async def test_who_gives_up_ends_it_for_nobody_else() -> None:
    table = Table(a=1)
    table.open.clear()
    lookup = BatchedLookup(table.read, 0.0)
    first = asyncio.create_task(lookup.find("a"))
    second = asyncio.create_task(lookup.find("a"))
    await turns()
    first.cancel()
    table.open.set()
    assert await second == 1
    assert len(table.queries) == 1
