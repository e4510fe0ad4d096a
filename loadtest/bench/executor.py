"""How much the micro-batching executor gains over a pool of connections, measured in one run.

    python loadtest/bench/executor.py [--seconds 3] [--rounds 3] [--callers 50 500]

Both sides run the same two-command script on the same embedded store, from the same number of
callers, in turns, so that a busy machine slows both. What counts is the ratio, not the figures:
calls per second and the CPU time of this process per call. The pool is redis-py's own, set up as it
would have to be for writes: waiting for a free connection, and no retries.
"""

from __future__ import annotations

import argparse
import asyncio
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


async def compare(url: str, directory: Path, options: argparse.Namespace) -> None:
    """Takes turns and prints the medians and their ratio."""
    (directory / "run_bench.lua").write_text(SCRIPT)
    bundle = load_bundle(extra=directory)
    script = bundle.script("run_bench")
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

    async def pooled() -> object:
        return await client.evalsha(script.sha, len(KEYS), *KEYS, *ARGS)

    async with Executor(url, bundle) as executor:

        async def batched() -> object:
            return await executor.run("run_bench", KEYS, ARGS)

        for callers in options.callers:
            turns = [
                (
                    await measure(pooled, callers, options.seconds),
                    await measure(batched, callers, options.seconds),
                )
                for _ in range(options.rounds)
            ]
            report(callers, [turn[0] for turn in turns], [turn[1] for turn in turns])
    await client.aclose()


def report(callers: int, pooled: list[Reading], batched: list[Reading]) -> None:
    """One line per side and one for the ratio."""
    rates, costs = [], []
    for name, readings in (("pool", pooled), ("executor", batched)):
        rates.append(statistics.median(one.calls_per_second for one in readings))
        costs.append(statistics.median(one.cpu_micros_per_call for one in readings))
        print(f"{callers:5} callers  {name:9} {rates[-1]:9,.0f} calls/s {costs[-1]:7.1f} us CPU")
    print(
        f"{callers:5} callers  ratio     {rates[1] / rates[0]:8.2f}x calls  "
        f"{costs[0] / costs[1]:6.2f}x less CPU"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, nargs="+", default=[50, 500])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with EmbeddedStore(directory / "data") as store:
            uvloop.run(compare(store.url, directory, options))


if __name__ == "__main__":
    main()
