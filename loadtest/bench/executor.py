"""How much the micro-batching executor gains over redis-py used plainly, measured in one run.

    python loadtest/bench/executor.py [--seconds 3] [--rounds 3] [--callers 50 500] [--pumps 1 2]

All sides run the same two-command script on the same embedded store, from the same number of
callers, in turns, so that a busy machine slows all. What counts are the ratios, not the figures:
calls per second and the CPU time of this process per call.

- pool: redis-py's own pool, set up as it would have to be for writes: waiting for a free
  connection, and no retries;
- pump N: the least code that batches with redis-py: the calls that gathered while a pipeline was
  under way leave in the next one, over N connections;
- executor: ours.

All of them parse with hiredis.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop
from redis.asyncio import BlockingConnectionPool, Redis, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from holdfast_lua import EmbeddedStore, Executor, load_bundle

POOL_CONNECTIONS = 64
POOL_WAIT_SECONDS = 20
SCRIPT = """-- Benchmark script: two commands, the least that a useful script does.
-- KEYS
--   1 counter  STRING integer
--   2 last     STRING
-- ARGV
--   1 payload  text
-- Returns {code, count}: OK.

redis.call('SET', KEYS[2], ARGV[1])
return { CODE.OK, redis.call('INCR', KEYS[1]) }
"""
KEYS = ("hf:{bench}:counter", "hf:{bench}:last")
ARGS = ("a payload of forty bytes or thereabouts",)

Waiting = tuple[tuple[object, ...], asyncio.Future[object]]
OneCall = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Reading:
    """What one side did in one turn."""

    calls_per_second: float
    cpu_micros_per_call: float


async def measure(one_call: OneCall, callers: int, seconds: float) -> Reading:
    """Runs `callers` loops of `one_call` for a while."""
    calls = 0
    stop_at = time.perf_counter() + seconds

    async def caller() -> None:
        nonlocal calls
        while time.perf_counter() < stop_at:
            await one_call()
            calls += 1

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*[caller() for _ in range(callers)])
    elapsed, spent = time.perf_counter() - started, time.process_time() - cpu
    return Reading(calls / elapsed, 1e6 * spent / calls)


class Pump:
    """Micro-batching by redis-py's pipeline: one loop per connection, a queue they share.

    It tells a caller neither "not sent" from "outcome unknown", nor bounds anything, nor follows a
    Cluster: what is measured is the way of a call alone.
    """

    def __init__(self, client: Redis, connections: int) -> None:
        self._client = client
        self._waiting: list[Waiting] = []
        self._gathered = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(self._turn()) for _ in range(connections)]

    def run(self, *command: object) -> asyncio.Future[object]:
        """The reply to come."""
        future: asyncio.Future[object] = self._loop.create_future()
        self._waiting.append((command, future))
        self._gathered.set()
        return future

    async def aclose(self) -> None:
        """Ends the loops."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _turn(self) -> None:
        while True:
            await self._gathered.wait()
            self._gathered.clear()
            batch, self._waiting = self._waiting, []
            if not batch:
                continue
            pipeline = self._client.pipeline(transaction=False)
            for command, _ in batch:
                pipeline.execute_command(*command)
            replies = await pipeline.execute(raise_on_error=False)
            for (_, future), reply in zip(batch, replies, strict=True):
                if isinstance(reply, Exception):
                    future.set_exception(reply)
                else:
                    future.set_result(reply)


async def compare(url: str, directory: Path, options: argparse.Namespace) -> None:
    """Takes turns and prints the medians and their ratios."""
    (directory / "run_bench.lua").write_text(SCRIPT)
    bundle = load_bundle(extra=directory)
    script = bundle.script("run_bench")
    command = ("EVALSHA", script.sha, len(KEYS), *KEYS, *ARGS)
    pool = BlockingConnectionPool(
        connection_class=UnixDomainSocketConnection,
        path=url.removeprefix("unix://"),
        max_connections=POOL_CONNECTIONS,
        timeout=POOL_WAIT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    client = Redis.from_pool(pool)
    await client.script_load(script.source)
    pumps = {count: Pump(client, count) for count in options.pumps}

    async def pooled() -> object:
        return await client.evalsha(script.sha, len(KEYS), *KEYS, *ARGS)

    async def batched() -> object:
        return await executor.run("run_bench", KEYS, ARGS)

    def pumped(count: int) -> OneCall:
        return lambda: pumps[count].run(*command)

    async with Executor(url, bundle) as executor:
        sides: dict[str, OneCall] = {"executor": batched, "pool": pooled}
        sides |= {f"pump {count}": pumped(count) for count in options.pumps}
        for callers in options.callers:
            readings: dict[str, list[Reading]] = {name: [] for name in sides}
            for _ in range(options.rounds):
                for name, one_call in sides.items():
                    readings[name].append(await measure(one_call, callers, options.seconds))
            report(callers, readings)
    for pump in pumps.values():
        await pump.aclose()
    await client.aclose()


def report(callers: int, readings: dict[str, list[Reading]]) -> None:
    """One line per side: its median, and what it is of the executor's."""
    ours = median_of(readings["executor"])
    for name, turns in readings.items():
        one = median_of(turns)
        print(
            f"{callers:5} callers  {name:9} {one.calls_per_second:9,.0f} calls/s "
            f"{one.cpu_micros_per_call:7.1f} us CPU   "
            f"{one.calls_per_second / ours.calls_per_second:5.2f}x the executor's calls, "
            f"{one.cpu_micros_per_call / ours.cpu_micros_per_call:5.2f}x its CPU"
        )


def median_of(turns: list[Reading]) -> Reading:
    """The middle of several turns."""
    return Reading(
        statistics.median(turn.calls_per_second for turn in turns),
        statistics.median(turn.cpu_micros_per_call for turn in turns),
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, nargs="+", default=[50, 500])
    parser.add_argument("--pumps", type=int, nargs="*", default=[1, 2], help="connections each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with EmbeddedStore(directory / "data") as store:
            uvloop.run(compare(store.url, directory, options))


if __name__ == "__main__":
    main()
