import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from multidict import CIMultiDict

from holdfast_web.server.ready import Ready

Client = TestClient[web.Request, web.Application]
Serve = Callable[[web.Application], Awaitable[Client]]

HEADERS = CIMultiDict(
    [("Content-Type", "application/json"), ("ETag", '"x"'), ("Set-Cookie", "a=1"), ("Vary", "A")]
)
ANSWERS: dict[str, tuple[int, bytes | None]] = {
    "full": (200, b'{"number": 1}'),
    "created": (201, b"{}"),
    "same": (304, None),
    "nothing": (204, None),
    "empty": (200, b""),
    "long": (200, b"x" * 100_000),
}
REQUESTS = {
    "usual": "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n",
    "post": "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "head": "HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n",
    "last": "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "old": "GET {path} HTTP/1.0\r\n\r\n",
    "old, kept": "GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
}
# What follows shows where the answer ended, and whether the connection was kept.
NEXT = "GET /own/created HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def answering(kind: type[web.Response]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        status, body = ANSWERS[request.match_info["name"]]
        response = kind(status=status, body=body, headers=HEADERS)
        if request.query.get("with") == "cookie":
            response.set_cookie("b", "2")
        if request.query.get("with") == "close":
            response.force_close()
        return response

    return answer


def app() -> web.Application:
    made = web.Application()
    for name, kind in (("own", web.Response), ("ready", Ready)):
        made.router.add_get(f"/{name}/{{name}}", answering(kind))
        made.router.add_post(f"/{name}/{{name}}", answering(kind))
    return made


async def spoken(client: Client, request: str) -> bytes:
    """All that comes back for this request and the next one, without the time of day."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write((request + NEXT).encode())
    answered = await reader.read()
    writer.close()
    await writer.wait_closed()
    return re.sub(rb"Date: [^\r]*", b"Date: now", answered)


def in_order(answered: bytes) -> list[bytes]:
    """Lines by name: the order of headers means nothing."""
    return sorted(answered.split(b"\r\n"))


@pytest.mark.parametrize("extra", ["", "?with=cookie", "?with=close"])
@pytest.mark.parametrize("asked", REQUESTS)
async def test_ready_answers_are_those_of_aiohttp(serve: Serve, asked: str, extra: str) -> None:
    client = await serve(app())
    for name in ANSWERS:
        both = [
            await spoken(client, REQUESTS[asked].format(path=f"/{kind}/{name}{extra}"))
            for kind in ("own", "ready")
        ]
        assert both[0].startswith(b"HTTP/1."), (asked, name)
        assert in_order(both[0]) == in_order(both[1]), (asked, name)


async def test_a_usual_request_is_answered_at_once(serve: Serve) -> None:
    """That the short way is taken at all shows in what it leaves out."""
    made = app()
    signalled = []

    async def note(request: web.Request, response: web.StreamResponse) -> None:
        signalled.append(request.path)

    made.on_response_prepare.append(note)
    client = await serve(made)
    for path in ("/own/full", "/ready/full", "/ready/same", "/ready/nothing"):
        await client.get(path)
    assert signalled == ["/own/full", "/ready/nothing"]


async def test_a_client_that_does_not_read_is_waited_for(serve: Serve) -> None:
    """Given one that asks on and on, its answers do not pile up in the server."""
    asked, answered = 400, 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal answered
        answered += 1
        return Ready(body=ANSWERS["long"][1], headers=HEADERS)

    made = web.Application()
    made.router.add_get("/", answer)
    client = await serve(made)
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * asked + NEXT.encode())
    before = -1
    while not answered or before != answered:
        before = answered
        await asyncio.sleep(0.2)
    assert 0 < answered < asked
    assert (await reader.read()).count(b"HTTP/1.1 200 OK") == asked == answered
    writer.close()
    await writer.wait_closed()


async def test_headers_that_break_the_line_are_not_sent(serve: Serve) -> None:
    async def answer(request: web.Request) -> web.Response:
        return Ready(body=b"{}", headers=CIMultiDict({"ETag": "x\r\nSet-Cookie: a=1"}))

    made = web.Application()
    made.router.add_get("/", answer)
    client = await serve(made)
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
