"""Runs the crowd's visits on gevent: what they await blocks their greenlet instead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import gevent
from gevent.pool import Group

T = TypeVar("T")


class GeventScheduler:
    """Time and concurrency of greenlets; `now` is the clock of the observations."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now

    async def sleep(self, seconds: float) -> None:
        gevent.sleep(max(0.0, seconds))

    async def together(self, calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        """Makes each call in a greenlet; the first fault is raised once all have ended."""
        first, *others = calls
        started = [gevent.spawn(_result_of, call) for call in others]
        try:
            results = [_result_of(first)]
        finally:
            gevent.joinall(started)
        return results + [greenlet.get() for greenlet in started]


class ShieldedGroup:
    """Runs coroutines to their end, although who waits for them is killed, even again and again."""

    def __init__(self) -> None:
        self._running = Group()

    def complete(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Runs a coroutine in a greenlet of its own, and waits for its end."""
        self._running.spawn(complete, coroutine).join()

    def wait(self, seconds: float) -> None:
        """Returns when all have ended, or after so many seconds."""
        self._running.join(timeout=seconds)


def complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end, which never suspends since all that it awaits blocks."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a visit awaited something that belongs to an event loop")


def _result_of(call: Callable[[], Awaitable[T]]) -> T:
    async def awaited() -> T:
        return await call()

    return complete(awaited())
