"""A site that speaks HTTP over real sockets as a worker's does, and a client that misbehaves."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from holdfast_web.endpoint import add_fallback, endpoint
from holdfast_web.request.body import BODY_LIMIT_BYTES, BODY_SECONDS, read_bytes
from holdfast_web.server.bounds import ConnectionBounds
from holdfast_web.server.connection import Connection
from holdfast_web.server.ready import PIECE_BYTES, Ready
from holdfast_web.shedding.shedder import Shedder

BIG = bytes(16 * 1024 * 1024)
FAST = ConnectionBounds(write_seconds=0.3)
PATIENT = ConnectionBounds(write_seconds=3600.0, linger_seconds=0.1)
LINGERING = ConnectionBounds(write_seconds=3600.0, linger_seconds=3600.0)
CLOSING = ConnectionBounds(keepalive_seconds=0.1)
CHUNK = b"%x\r\n%b\r\n" % (PIECE_BYTES, bytes(PIECE_BYTES))
SOON = 20.0
POLL_SECONDS = 0.01
SECRET = "eyJhbGciOi"


@dataclass
class Site:
    """A running site, and what a client does with it."""

    runner: web.AppRunner
    port: int
    shedder: Shedder
    rejected: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def connections(self) -> list[Connection]:
        assert self.runner.server is not None
        return [one for one in self.runner.server.connections if isinstance(one, Connection)]

    async def opened(
        self, receive_bytes: int = 0
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that reads ahead no more than it must."""
        sock = socket.socket()
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        return await asyncio.open_connection(sock=sock, limit=PIECE_BYTES)

    async def spoken(self, request: bytes) -> bytes:
        """All that comes back until the service closes the connection."""
        reader, writer = await self.opened()
        writer.write(request)
        async with asyncio.timeout(SOON):
            answered = await reader.read()
        writer.close()
        return answered

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(round(SOON / POLL_SECONDS)):
            if condition():
                return
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError("it did not happen in time")


Start = Callable[..., Awaitable[Site]]


def application(site: list[Site]) -> web.Application:
    @endpoint
    async def take(request: web.Request) -> web.StreamResponse:
        body = await read_bytes(request, limit=BODY_LIMIT_BYTES, seconds=BODY_SECONDS)
        site[0].bodies.append(bytes(body))
        return Ready(body=b"taken")

    async def ignore(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="ignored")

    async def pieces(_request: web.Request) -> web.StreamResponse:
        return Ready(body=BIG)

    async def whole(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=BIG)

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(len(BIG) // 1000):
            await response.write(bytes(1000))
        return response

    async def fail(_request: web.Request) -> web.StreamResponse:
        raise ValueError(SECRET)

    app = web.Application()
    app.router.add_post("/take", take)
    app.router.add_post("/ignore", ignore)
    app.router.add_post("/v1/sales/{sale}/holds/{id}/confirm", take)
    for handler in (ignore, pieces, whole, stream, fail):
        app.router.add_get(f"/{handler.__name__}", handler)
    add_fallback(app)
    return app


def posted(path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: a", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


async def sent(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Sends as long as somebody takes it."""
    for start in range(0, len(data), PIECE_BYTES):
        writer.write(data[start : start + PIECE_BYTES])
        await writer.drain()
        await asyncio.sleep(0)


def told(answered: bytes) -> tuple[int, str, dict[str, str]]:
    """Status, code and headers of the one problem document in an answer."""
    head, _, body = answered.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status.split()[1]), json.loads(body)["code"], headers
