"""How people of the crowd wait and do two things at once, whichever loop runs them.

Visitors and shoppers are coroutines that await nothing but what a `Scheduler` and a `Caller` give
them. So one and the same visit runs on asyncio (demo, tests) and on gevent (Locust), where the
awaited calls block their greenlet and never suspend the coroutine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Scheduler(Protocol):
    """Time and concurrency of the loop that people live on."""

    def now(self) -> float:
        """Seconds of a clock that never runs back."""

    async def sleep(self, seconds: float) -> None:
        """Rests; others go on meanwhile."""

    async def together(self, calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        """Does all at once; the results in order."""


class AsyncioScheduler:
    """The running event loop."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def together(self, calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        return list(await asyncio.gather(*(call() for call in calls)))
