"""Callers that wait for their call and make the next, for as long as a turn lasts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bench.kit.clocks import Clock, Meter, Sample
from bench.kit.turns import Turn

OneCall = Callable[[], Awaitable[Any]]
Ways = dict[str, OneCall]


def calling(one_call: OneCall, callers: int, seconds: float, clocks: Mapping[str, Clock]) -> Turn:
    """`callers` loops of `one_call` for a while, each once at least.

    A call that answers False was refused; others have succeeded.
    """

    async def turn() -> Sample:
        done = refused = 0
        with Meter(clocks) as meter:
            stop_at = time.perf_counter() + seconds

            async def caller() -> None:
                nonlocal done, refused
                while True:
                    if await one_call() is False:
                        refused += 1
                    else:
                        done += 1
                    if time.perf_counter() >= stop_at:
                        return

            await asyncio.gather(*[caller() for _ in range(callers)])
        return meter.sample(done, refused)

    return turn
