"""A way to a service on which answers get lost: the request arrives, is carried out, and no more.

The client cannot tell that from a request that never arrived. All it can do is to ask again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
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
        async with closing_writer(to_client), AsyncExitStack() as stack:
            service, to_service = await asyncio.open_connection(*self._target)
            await stack.enter_async_context(closing_writer(to_service))
            answers = asyncio.create_task(_pump(service, to_client))
            stack.push_async_callback(_ended, answers)
            with suppress(ConnectionError):
                await self._pass_on(client, to_service, service, answers)

    async def _pass_on(
        self,
        client: asyncio.StreamReader,
        to_service: asyncio.StreamWriter,
        service: asyncio.StreamReader,
        answers: asyncio.Task[None],
    ) -> None:
        """Requests, until the client leaves or the doomed one was answered to nobody."""
        while data := await client.read(CHUNK):
            if not self._doomed or not data.startswith(self._doomed):
                to_service.write(data)
                continue
            self._doomed = b""
            await _ended(answers)
            to_service.write(data)
            # Waited for, so that it is certain that the service has answered.
            self.swallowed.append(await _answer(client, to_service, service))
            return


@asynccontextmanager
async def closing_writer(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Leaves no connection behind, whatever ends the block."""
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


async def _answer(
    client: asyncio.StreamReader, to_service: asyncio.StreamWriter, service: asyncio.StreamReader
) -> bytes:
    """What the service says, once it has all of the request: a body may come in a second piece."""
    rest = asyncio.create_task(_pump(client, to_service, close=False))
    try:
        return await service.read(CHUNK)
    finally:
        await _ended(rest)


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
