"""Peers that are not a store, or a strange one: a test says how they behave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from holdfast_lua import Executor

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OpenAgainst = Callable[..., Awaitable[Executor]]


@asynccontextmanager
async def listening(
    handler: Handler, listen: Callable[[Handler], Awaitable[asyncio.Server]]
) -> AsyncIterator[asyncio.Server]:
    """A peer that behaves as `handler` does, and leaves no connection open behind it."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    server = await listen(talk)
    yield server
    server.close()
    for task in talks:
        task.cancel()
    await asyncio.gather(*talks, return_exceptions=True)
