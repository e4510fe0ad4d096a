"""Peers that are not a store, or a strange one: a test says how they behave."""

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


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads the link's own CLIENT SETNAME and agrees."""
    await reader.readuntil(b"holdfast\r\n")
    writer.write(b"+OK\r\n")


def says(reply: bytes, *, then_leaves: bool = False) -> Handler:
    """A peer that has one thing to say to whatever it is asked, in one piece."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await reader.read(1000)
        writer.write(reply)
        await writer.drain()
        if not then_leaves:
            await reader.read()
        writer.close()

    return handler
