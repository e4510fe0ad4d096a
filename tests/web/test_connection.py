"""Connections: what is expected of aiohttp's protocol, which names of its own we use for it.

Over real sockets, through the site that a worker listens with.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from holdfast.listening import BoundedSite
from holdfast_web.body import BODY_LIMIT_BYTES, BODY_SECONDS, read_bytes
from holdfast_web.connection import Connection, ConnectionBounds
from holdfast_web.endpoint import add_fallback, endpoint
from holdfast_web.faults import handle_loop_fault
from holdfast_web.ready import PIECE_BYTES, Ready
from holdfast_web.rejections import Rejections

BIG = bytes(16 * 1024 * 1024)
FAST = ConnectionBounds(write_seconds=0.3)
STRICT = ConnectionBounds(write_seconds=1.0)
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
    rejected: list[str] = field(default_factory=list)
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
    for handler in (ignore, pieces, whole, stream, fail):
        app.router.add_get(f"/{handler.__name__}", handler)
    add_fallback(app)
    return app


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    runners = []

    async def started(bounds: ConnectionBounds = PATIENT) -> Site:
        asyncio.get_running_loop().set_exception_handler(handle_loop_fault)
        sites: list[Site] = []
        runner = web.AppRunner(application(sites), shutdown_timeout=1)
        await runner.setup()
        sock = socket.create_server(("127.0.0.1", 0))
        site = Site(runner, sock.getsockname()[1])
        sites.append(site)
        await BoundedSite(runner, sock, bounds, Rejections(site.rejected.append)).start()
        runners.append(runner)
        return site

    yield started
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes connections have taken from their transports, a number each time."""
    counted: list[int] = []
    receive = Connection.data_received

    def count(connection: Connection, data: bytes) -> None:
        counted.append(len(data))
        receive(connection, data)

    monkeypatch.setattr(Connection, "data_received", count)
    return counted


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


# Bodies


@pytest.mark.parametrize("path", ["/take", "/nowhere", "/pieces"])
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "x"])
async def test_an_encoded_body_is_refused_unread_on_every_route(
    start: Start, path: str, coding: str
) -> None:
    """Not a byte of the body is sent, and the answer is there."""
    site = await start()
    head = posted(path, f"Content-Encoding: {coding}", "Content-Length: 1000000")
    status, code, headers = told(await site.spoken(head))
    assert (status, code) == (415, "unsupported_encoding")
    assert headers["Connection"] == "close"
    assert headers["Content-Type"] == "application/problem+json"
    assert site.rejected == ["encoded"]
    assert site.bodies == []


async def test_a_second_content_encoding_counts_too(start: Start) -> None:
    site = await start()
    both = ("Content-Encoding: identity", "Content-Encoding: gzip")
    assert told(await site.spoken(posted("/take", *both, "Content-Length: 9")))[0] == 415


async def test_a_plain_body_is_taken(start: Start) -> None:
    site = await start()
    headers = ("Content-Encoding: Identity", "Content-Length: 2", "Connection: close")
    assert (await site.spoken(posted("/take", *headers, body=b"{}"))).endswith(b"taken")
    assert site.bodies == [b"{}"]


async def test_the_parser_decompresses_nothing(start: Start) -> None:
    """Even where nobody refuses the body: it arrives as it was sent."""
    site = await start()
    server = site.runner.server
    assert server is not None
    server.request_handler = site.runner.app._handle  # type: ignore[assignment]  # unguarded
    body = gzip.compress(bytes(1000))
    headers = ("Content-Encoding: gzip", f"Content-Length: {len(body)}", "Connection: close")
    assert (await site.spoken(posted("/take", *headers, body=body))).endswith(b"taken")
    assert site.bodies == [body]


REFUSED = [
    ("/take", (f"Content-Length: {len(BIG)}",), 413),
    ("/nowhere", (f"Content-Length: {len(BIG)}",), 404),
    ("/pieces", ("Transfer-Encoding: chunked",), 405),
    ("/take", ("Content-Encoding: br", f"Content-Length: {len(BIG)}"), 415),
    ("/take", ("Content-Encoding: br", f"Content-Length: {len(CHUNK)}"), 415),
]


@pytest.mark.parametrize(("path", "headers", "status"), REFUSED)
async def test_a_refused_body_is_not_drained(
    start: Start, path: str, headers: tuple[str, ...], status: int, taken: list[int]
) -> None:
    """The client sees the answer and its end; of all that it goes on to send nothing is taken, and
    the connection is left open for the time being, so that nothing takes the answer from it.
    """
    site = await start(LINGERING)
    reader, writer = await site.opened()
    writer.write(posted(path, *headers) + CHUNK[: PIECE_BYTES // 2])
    async with asyncio.timeout(SOON):
        assert told(await reader.read())[0] == status
    [connection] = site.connections()
    before = sum(taken)
    writer.write(CHUNK * 1_000)
    await asyncio.sleep(0.05)
    assert sum(taken) == before <= PIECE_BYTES
    assert connection.transport is not None
    assert not connection.transport.is_closing()
    writer.close()


@pytest.mark.parametrize(("path", "headers", "status"), REFUSED)
async def test_a_refused_body_ends_the_connection(
    start: Start, path: str, headers: tuple[str, ...], status: int
) -> None:
    """However much the client still has to send."""
    site = await start()
    reader, writer = await site.opened()
    writer.write(posted(path, *headers) + CHUNK[: PIECE_BYTES // 2])
    async with asyncio.timeout(SOON):
        assert told(await reader.read())[0] == status
        with pytest.raises(ConnectionError):
            await sent(writer, CHUNK * 1_000)
    await site.until(lambda: site.connections() == [])


async def test_a_short_body_that_nobody_reads_costs_no_connection(start: Start) -> None:
    site = await start()
    reader, writer = await site.opened()
    for _ in range(2):
        writer.write(posted("/ignore", "Content-Length: 100", body=bytes(10)))
        async with asyncio.timeout(SOON):
            assert b"keep-alive" not in (head := await reader.readuntil(b"\r\n\r\n"))
            assert b"close" not in head
            assert await reader.readexactly(7) == b"ignored"
        writer.write(bytes(90))
    writer.close()


# What is not HTTP


MALFORMED = {
    "no HTTP": b"\x16\x03\x01\x02\x00",
    "long cookie": b"GET /ignore HTTP/1.1\r\nHost: a\r\nCookie: a=SECRET%b\r\n\r\n" % (b"x" * 9000),
    "long address": b"GET /ignore?a=SECRET%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 9000),
    "raw letter": "GET /ignore?SECRETé HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
    "control": b"GET /ignore HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer SECRET\x01\r\n\r\n",
    "zero": b"GET /ignore HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer SECRET\x00\r\n\r\n",
    "no host": b"GET /ignore HTTP/1.1\r\nCookie: SECRET\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: SECRET\r\n" * 200 + b"\r\n",
    "bad chunk": posted("/ignore", "Transfer-Encoding: chunked", body=b"SECRET\r\n"),
    "two lengths": posted("/take", "Content-Length: 1", "Content-Length: 2", "X: SECRET"),
}


@pytest.mark.parametrize("kind", MALFORMED)
async def test_what_is_not_http_is_answered_counted_and_not_logged(
    start: Start, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    site = await start()
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            status, code, headers = told(await site.spoken(MALFORMED[kind]))
            assert (status, code) == (400, "malformed_request")
            assert headers["Content-Type"] == "application/problem+json"
    assert "SECRET" not in caplog.text
    assert "Traceback" not in caplog.text
    assert site.rejected == ["malformed"] * 3
    assert caplog.messages == ["rejected since the last such line: 1 malformed"]


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"GET /ignore HTTP/1.1\r\nHost: a\r\nExpect: SECRET\r\n\r\n", 400, "invalid_request"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found"),
        (b"CONNECT SECRET:80 HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found"),
    ],
)
async def test_what_no_handler_is_asked_is_a_problem_document(
    start: Start, request_: bytes, status: int, code: str
) -> None:
    answered = await (await start(CLOSING)).spoken(request_)
    assert told(answered)[:2] == (status, code)
    assert told(answered)[2]["Content-Type"] == "application/problem+json"
    assert b"SECRET" not in answered


async def test_a_fault_of_a_bare_handler_is_a_problem_document(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    site = await start()
    status, code, _ = told(await site.spoken(b"GET /fail HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert (status, code) == (500, "internal_error")
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text


# Clients that do not read, or are gone


@pytest.mark.parametrize("path", ["pieces", "whole", "stream"])
async def test_who_takes_no_answer_is_cut_off(start: Start, path: str) -> None:
    site = await start(FAST)
    _, writer = await site.opened(receive_bytes=4096)
    writer.write(b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
    await site.until(lambda: site.rejected == ["not_reading"])
    await site.until(lambda: site.connections() == [])
    writer.close()


async def test_who_asks_on_and_takes_no_answer_is_cut_off(start: Start) -> None:
    """Small answers that pile up count as one that is large."""
    site = await start(FAST)
    _, writer = await site.opened(receive_bytes=4096)
    request = b"GET /ignore HTTP/1.1\r\nHost: a\r\n\r\n" * 1000
    while not site.rejected:
        writer.write(request)
        await asyncio.sleep(0.01)
    assert site.rejected == ["not_reading"]
    writer.close()


async def test_of_a_large_answer_no_more_than_a_piece_waits(start: Start) -> None:
    site = await start()
    _, writer = await site.opened(receive_bytes=4096)
    writer.write(b"GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n")
    await site.until(lambda: any(one.is_stalled for one in site.connections()))
    [connection] = site.connections()
    assert connection.transport is not None
    assert 0 < connection.transport.get_write_buffer_size() <= PIECE_BYTES + 1024
    connection.hurry(0)
    writer.close()


@pytest.mark.parametrize("path", ["pieces", "whole"])
async def test_who_pauses_and_reads_on_gets_everything(start: Start, path: str) -> None:
    """And is not cut off later for the pause."""
    site = await start(STRICT)
    reader, writer = await site.opened(receive_bytes=PIECE_BYTES)
    request = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode()
    for _ in range(2):
        writer.write(request)
        await site.until(lambda: any(one.is_stalled for one in site.connections()))
        async with asyncio.timeout(SOON):
            await reader.readuntil(b"\r\n\r\n")
            left = len(BIG)
            while left:
                left -= len(await reader.read(left))
        await asyncio.sleep(1.2 * STRICT.write_seconds)
    assert site.rejected == []
    writer.close()


async def test_who_is_gone_before_the_handler_runs_leaves_no_trace(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    site = await start()
    _, writer = await site.opened()
    await site.until(lambda: len(site.connections()) == 1)
    [connection] = site.connections()
    with caplog.at_level(logging.DEBUG):
        connection.data_received(b"GET /ignore HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.connection_lost(None)
        await site.until(lambda: site.connections() == [])
        await asyncio.sleep(0.05)
    assert caplog.text == ""
    writer.close()


async def test_who_is_gone_before_the_body_came_leaves_no_trace(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    site = await start()
    _, writer = await site.opened()
    with caplog.at_level(logging.DEBUG):
        writer.write(posted("/take", "Content-Length: 100", body=b"{"))
        await site.until(lambda: any(one.is_busy for one in site.connections()))
        writer.close()
        await site.until(lambda: site.connections() == [])
        await asyncio.sleep(0.05)
    assert caplog.text == ""


# What every answer says


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /ignore HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"HEAD /ignore HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /fail HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        posted("/take", "Content-Length: 2", "Connection: close", body=b"{}"),
        posted("/take", "Content-Encoding: br"),
        MALFORMED["no HTTP"],
        MALFORMED["no host"],
    ],
)
async def test_the_server_names_no_version(start: Start, request_: bytes) -> None:
    answered = (await start()).spoken(request_)
    head = (await answered).partition(b"\r\n\r\n")[0]
    assert [line for line in head.split(b"\r\n") if line.startswith(b"Server:")] == [
        b"Server: holdfast"
    ]


def test_what_is_used_of_aiohttp_is_there() -> None:
    """Names that it keeps to itself, or that are nowhere documented."""
    for name in ("start", "finish_response", "handle_error", "log_exception", "pause_writing"):
        assert callable(getattr(RequestHandler, name))
    for name in ("_request_count", "_request_in_progress"):
        assert name in RequestHandler.__slots__
