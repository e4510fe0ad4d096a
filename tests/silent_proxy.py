"""A way to a service on which answers get lost: the request arrives, is carried out, and no more.

The client cannot tell that from a request that never arrived. All it can do is to ask again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CHUNK: int = 65_536


class SilentProxy:
    """TCP between a client and the service at `target`."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = str(parts.hostname), int(parts.port or 0)
        self._relays: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._doomed = b""
        self.swallowed: list[bytes] = []
        """the answers that nobody got"""

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def swallow(self, request: str) -> None:
        """Let the next request that begins like this through, and nothing back."""
        self._doomed = request.encode()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._relay(client, to_client))
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)

    async def _relay(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        service, to_service = await asyncio.open_connection(*self._target)
        answers = asyncio.create_task(_pump(service, to_client))
        try:
            while data := await client.read(CHUNK):
                if self._doomed and data.startswith(self._doomed):
                    self._doomed = b""
                    answers.cancel()
                    await asyncio.wait({answers})
                    to_service.write(data)
                    # Waited for, so that it is certain that the service has answered.
                    self.swallowed.append(await _answer(client, to_service, service))
                    return
                to_service.write(data)
        except ConnectionError:
            return
        finally:
            answers.cancel()
            to_service.close()
            to_client.close()


async def _answer(
    client: asyncio.StreamReader, to_service: asyncio.StreamWriter, service: asyncio.StreamReader
) -> bytes:
    """What the service says, once it has all of the request: a body may come in a second piece."""
    rest = asyncio.create_task(_pump(client, to_service, close=False))
    try:
        return await service.read(CHUNK)
    finally:
        rest.cancel()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, close: bool = True
) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
    if close:
        writer.close()


@asynccontextmanager
async def silent_proxy(target: str) -> AsyncIterator[SilentProxy]:
    """A proxy before the service at `target`."""
    proxy = SilentProxy(target)
    await proxy.start()
    yield proxy
    await proxy.close()
