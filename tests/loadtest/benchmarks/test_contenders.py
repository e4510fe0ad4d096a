"""Each way to hold named seats sells each of them once, and one that does not is found out."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from bench.contenders import BUYERS, sell, wanted_by_four, wanted_once
from bench.holds import Sale
from bench.kit.clients.redis_py_ways import pooled_client
from bench.kit.clients.seat_holders import (
    HoldfastHolder,
    KeyHolder,
    LockHolder,
    SeatHolder,
    Seats,
    WatchHolder,
    doubly_sold,
)
from bench.kit.clocks import Meter, this_process
from bench.kit.plans import SETTINGS, plan_json
from bench.kit.servers.ranked_line import LINE, fill, ranks_differ
from holdfast_inventory.holds.inventory_image import make_image
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.plan.plan import compile_plan
from holdfast_lua import EmbeddedStore, Executor

PAIRS = 40
METER = Meter({"service": this_process})


@pytest.fixture
async def executor(tmp_path: Path) -> AsyncIterator[Executor]:
    with EmbeddedStore(tmp_path) as store:
        async with Executor(store.url) as opened:
            yield opened


@pytest.fixture
async def client(executor: Executor, tmp_path: Path) -> AsyncIterator[Redis]:
    async with pooled_client(path_of(tmp_path)) as opened:
        yield opened


def path_of(directory: Path) -> str:
    return EmbeddedStore(directory).url.removeprefix("unix://")


async def holder_of(kind: str, executor: Executor, client: Redis) -> SeatHolder:
    if kind == "locks":
        return LockHolder(client, kind)
    if kind == "watch":
        return WatchHolder(client, kind)
    plan = compile_plan(plan_json(1000), SETTINGS)
    sale = await Sale.install(executor, plan, make_image(plan, SETTINGS))
    return HoldfastHolder(SaleInventory("bench", sale.ref, plan, SETTINGS, sale.calls))


class CarelessHolder(KeyHolder):
    """Reads, then writes: somebody else may have read meanwhile."""

    async def hold(self, buyer: str, seats: Seats) -> bool:
        keys = [self.seat_key(seat) for seat in seats]
        if any(await self._client.mget(keys)):
            return False
        await self._client.mset(dict.fromkeys(keys, buyer))
        return True


@pytest.mark.parametrize("kind", ["holdfast", "locks", "watch"])
async def test_seats_that_four_want_are_held_once(
    kind: str, executor: Executor, client: Redis
) -> None:
    holder = await holder_of(kind, executor, client)
    sample = await sell(holder, wanted_by_four(PAIRS), METER)
    assert sample.done + sample.refused == 4 * PAIRS
    # At least every other pair has a buyer, whoever was first at its neighbours.
    assert PAIRS // 2 <= sample.done <= PAIRS
    owners = await holder.owners()
    assert len(owners) == 2 * sample.done


@pytest.mark.parametrize("kind", ["holdfast", "locks", "watch"])
async def test_seats_that_nobody_else_wants_are_all_held(
    kind: str, executor: Executor, client: Redis
) -> None:
    holder = await holder_of(kind, executor, client)
    sample = await sell(holder, wanted_once(PAIRS), METER)
    assert (sample.done, sample.refused) == (PAIRS, 0)


async def test_way_that_sells_twice_ends_the_run(client: Redis) -> None:
    """Catches a check that looks at nothing: the benchmark would praise a broken contender."""
    with pytest.raises(SystemExit, match=r"CarelessHolder: seat .* was given to"):
        await sell(CarelessHolder(client, "careless"), wanted_by_four(BUYERS), METER)


def test_what_was_answered_is_compared_with_the_store() -> None:
    answered: list[tuple[str, Seats]] = [("ann", (1, 2)), ("bob", (3, 4))]
    right = {1: "ann", 2: "ann", 3: "bob", 4: "bob"}
    assert doubly_sold(answered, right) == []
    assert doubly_sold(answered, right | {4: "ann"}) == [
        "seat 4: bob was told so, the store has ann"
    ]
    assert doubly_sold(answered, right | {5: "eve"}) == [
        "seat 5: None was told so, the store has eve"
    ]
    assert len(doubly_sold([*answered, ("eve", (2,))], right)) == 2


async def test_sorted_set_that_lost_its_order_is_found(executor: Executor, tmp_path: Path) -> None:
    def store() -> SyncRedis:
        return SyncRedis(unix_socket_path=path_of(tmp_path))

    def look() -> tuple[list[str], list[str]]:
        numbers = fill(store(), 1000)
        right = ranks_differ(store(), numbers)
        with store() as opened:
            opened.zadd(LINE, {"7": 2000})
        return right, ranks_differ(store(), numbers)

    right, wrong = await asyncio.to_thread(look)
    assert right == []
    assert len(wrong) > 100
