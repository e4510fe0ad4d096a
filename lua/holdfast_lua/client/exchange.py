"""Sends a few commands to one server on a connection of its own; the wait can be cancelled.

For questions that are put to several servers at once, of which the first answers decide. redis-py's
client was rejected for them: cancelled while it connects, it leaves the connection open.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from hiredis import HiredisError, ProtocolError, Reader

from holdfast_lua.client.link import Address, LinkSettings
from holdfast_lua.client.wire import encode_command

READ_BYTES: Final = 65_536


async def exchange(
    address: Address, settings: LinkSettings, *commands: tuple[str, ...]
) -> list[Any]:
    """The reply to each command, as text; the connection is closed however this ends.

    OSError when the server cannot be reached, hangs up, refuses a command or speaks another
    protocol. Nothing here bounds the time: the caller does.
    """
    login = [settings.username, settings.password] if settings.username else [settings.password]
    first = [("AUTH", *login)] if settings.password else []
    reader, writer = await asyncio.open_connection(
        address.host,
        address.port,
        ssl=settings.tls,
        server_hostname=address.host if settings.tls else None,
    )
    try:
        writer.writelines(encode_command(*command) for command in (*first, *commands))
        parser = Reader(encoding="utf-8")
        replies = [await _reply(reader, parser) for _ in (*first, *commands)]
        return replies[len(first) :]
    finally:
        writer.close()


async def _reply(reader: asyncio.StreamReader, parser: Reader) -> Any:
    try:
        while (answer := parser.gets()) is False:
            data = await reader.read(READ_BYTES)
            if not data:
                raise ConnectionError("it hung up")
            parser.feed(data)
    except ProtocolError as fault:
        raise ConnectionError(str(fault)) from fault
    if isinstance(answer, HiredisError):
        raise ConnectionError(f"it refuses: {answer}")
    return answer
