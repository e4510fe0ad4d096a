"""The least code that batches with a client's own pipeline.

What was called while a batch was under way leaves in the next one. A pump tells a caller neither
"not sent" from "outcome unknown", nor bounds anything, nor follows a Cluster: what is measured with
it is the way of a call alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")
Send = Callable[[list[T]], Awaitable[Sequence[Any]]]  # requests to replies, errors as values


class Pump(Generic[T]):
    """Runs a loop for each of `sends`, the connections, which share one queue of requests."""

    def __init__(self, sends: Sequence[Send[T]]) -> None:
        self._waiting: list[tuple[T, asyncio.Future[Any]]] = []
        self._gathered = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(self._turn(send)) for send in sends]

    def run(self, request: T) -> asyncio.Future[Any]:
        """The reply to come."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((request, future))
        self._gathered.set()
        return future

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _turn(self, send: Send[T]) -> None:
        while True:
            await self._gathered.wait()
            self._gathered.clear()
            batch, self._waiting = self._waiting, []
            if not batch:
                continue
            try:
                replies = await send([request for request, _ in batch])
            except Exception as fault:
                replies = [fault] * len(batch)
            for (_, future), reply in zip(batch, replies, strict=True):
                if isinstance(reply, Exception):
                    future.set_exception(reply)
                else:
                    future.set_result(reply)
