"""A way to a service that can be cut: connections break, and new ones are closed at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

CHUNK: Final = 65_536


class CutLine:
    """TCP between a client and the service at `target`, as long as it is not cut."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = str(parts.hostname), int(parts.port or 0)
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._is_cut = False

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self._break()

    @asynccontextmanager
    async def cut(self) -> AsyncIterator[None]:
        """Nothing gets through meanwhile."""
        self._is_cut = True
        self._break()
        try:
            yield
        finally:
            self._is_cut = False

    def _break(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if self._is_cut:
            to_client.close()
            return
        service, to_service = await asyncio.open_connection(*self._target)
        if self._is_cut:  # while it connected
            to_client.transport.abort()
            to_service.transport.abort()
            return
        self._open |= {to_client, to_service}
        await asyncio.gather(_pump(client, to_service), _pump(service, to_client))
        self._open -= {to_client, to_service}


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
    sink.close()
