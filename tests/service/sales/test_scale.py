"""Many who look, several workers: polls cost the store nothing, and the workers tell one story."""

import asyncio
import itertools
import os
import statistics
import time

import aiohttp
import redis.asyncio
from support.api_client import STUCK_SECONDS, Api, create, in_time
from support.service.running import Service, StartService

from holdfast_lua.embedded.store import EmbeddedStore

TICK_SECONDS = 0.25
SPAN_SECONDS = 2.0
CALLS_PER_TICK_MAX = 4  # a step of the line, and what else comes due now and then
CONNECTIONS = 40
MIN_POLLS = 400
AGREE_SECONDS = 0.5


async def commands(store: redis.asyncio.Redis) -> tuple[int, int]:
    """Scripts, and commands of any kind (those inside scripts too), that the store ran so far."""
    stats: dict[str, dict[str, int]] = await store.info("commandstats")
    return stats["cmdstat_evalsha"]["calls"], sum(one["calls"] for one in stats.values())


async def poll_for(api: Api, sale: str, ticket: str, seconds: float) -> int:
    """Status polls and visitors' views over many connections; how many were answered."""
    end, answered = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        shown = await asyncio.gather(
            *(api.get(f"/v1/sales/{sale}/status") for _ in range(CONNECTIONS // 2)),
            *(
                api.call("GET", f"/v1/sales/{sale}/ticket", None, {"Holdfast-Ticket": ticket})
                for _ in range(CONNECTIONS // 2)
            ),
        )
        assert {answer.status for answer in shown} == {200}
        answered += len(shown)
    return answered


async def test_polls_cost_the_store_nothing(
    start_service: StartService, http: aiohttp.ClientSession, name: str
) -> None:
    """Given two spans of time, one quiet and one full of polls, the store runs as much in both."""
    service = start_service("--workers", "2")
    operator = Api(http, service.url, service.operator_key)
    await create(operator, name, new_users_per_minute=1, burst=1)
    visitor = operator.as_(None)
    tickets = [await visitor.join(name) for _ in range(5)]
    await poll_for(visitor, name, tickets[-1], 0.1)  # both workers have loaded the sale
    store = redis.asyncio.Redis.from_url(EmbeddedStore(service.data_dir).url)
    async with store:
        before, started = await commands(store), time.monotonic()
        await asyncio.sleep(SPAN_SECONDS)
        between, quiet_seconds = await commands(store), time.monotonic() - started
        started = time.monotonic()
        polls = await poll_for(visitor, name, tickets[-1], SPAN_SECONDS)
        while polls < MIN_POLLS:
            polls += await poll_for(visitor, name, tickets[-1], SPAN_SECONDS)
        after, busy_seconds = await commands(store), time.monotonic() - started
    ticks = 2 * (busy_seconds / TICK_SECONDS + 2)
    assert after[0] - between[0] <= ticks * CALLS_PER_TICK_MAX
    quiet = (between[1] - before[1]) / quiet_seconds
    assert after[1] - between[1] <= 1.5 * quiet * busy_seconds + polls / 4


async def reach_every_worker(service: Service, api: Api, path: str) -> None:
    """Opens connections, which the client keeps, until each worker has some of them."""
    before = {pid: open_files(pid) for pid in service.workers()}
    for round_ in range(1, 11):
        await asyncio.gather(*(api.get(path) for _ in range(CONNECTIONS * round_)))
        if all(open_files(pid) > count for pid, count in before.items()):
            return
        await asyncio.sleep(0.5)  # one that stands still accepts nothing
    raise AssertionError("one worker took all connections")


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


async def seconds_until_all_show(api: Api, path: str, issued: int) -> float:
    started = time.monotonic()
    while True:
        shown = await asyncio.gather(*(api.get(path) for _ in range(CONNECTIONS)))
        if {answer.body["issued"] for answer in shown} == {issued}:
            return time.monotonic() - started
        assert time.monotonic() - started < STUCK_SECONDS
        await asyncio.sleep(0.01)


async def test_workers_agree_within_half_a_second(
    shared_service: Service, operator: Api, name: str
) -> None:
    """Given connections to both workers, a join at either is soon in what each of them shows."""
    await create(operator, name, new_users_per_minute=1, burst=1)
    visitor, path = operator.as_(None), f"/v1/sales/{name}/status"
    await reach_every_worker(shared_service, visitor, path)
    issued = itertools.count(1)

    async def mostly(_turn: int) -> float:
        taken = []
        for _ in range(7):
            await visitor.join(name)
            taken.append(await seconds_until_all_show(visitor, path, next(issued)))
        return statistics.median(taken)

    await in_time(mostly, AGREE_SECONDS)
