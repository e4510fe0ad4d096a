"""Callers that wait for their call and make the next, and several ways to call, taken in turns."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from bench.kit.contest import spread

WARM_UP_SECONDS: Final = 0.2

OneCall = Callable[[], Awaitable[Any]]
Ways = dict[str, OneCall]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one way did in one turn."""

    calls: int
    per_second: float
    cpu_us: float


async def measure(one_call: OneCall, callers: int, seconds: float) -> Reading:
    """Runs `callers` loops of `one_call` for a while, each once at least.

    Processor time is that of all threads.
    """
    calls = 0
    stop_at = time.perf_counter() + seconds

    async def caller() -> None:
        nonlocal calls
        while True:
            await one_call()
            calls += 1
            if time.perf_counter() >= stop_at:
                return

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*[caller() for _ in range(callers)])
    elapsed, spent = time.perf_counter() - started, time.process_time() - cpu
    return Reading(calls, calls / elapsed, 1e6 * spent / calls)


async def take_turns(
    ways: Ways, callers: int, rounds: int, seconds: float
) -> dict[str, list[Reading]]:
    """Readings of every way, each round in the other order; what warms up is thrown away."""
    readings: dict[str, list[Reading]] = {name: [] for name in ways}
    for one_call in ways.values():
        await measure(one_call, callers, WARM_UP_SECONDS)
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            readings[name].append(await measure(ways[name], callers, seconds))
    return readings


def report(callers: int, readings: dict[str, list[Reading]], ours: str) -> None:
    """One line for each way: its medians, and by round what they are of the reading of `ours`."""
    for name, turns in readings.items():
        pairs = list(zip(turns, readings[ours], strict=True))
        rate = spread([way.per_second / our.per_second for way, our in pairs])
        cpu = spread([way.cpu_us / our.cpu_us for way, our in pairs])
        print(
            f"{callers:4}  {name:20} {statistics.median(way.per_second for way in turns):8,.0f}/s"
            f" {statistics.median(way.cpu_us for way in turns):6.1f} us"
            f"   calls {rate}   cpu {cpu}",
            flush=True,
        )
