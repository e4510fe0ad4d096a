"""Connections: what is expected of aiohttp's protocol, which names of its own we use for it.

Over real sockets, through the site that a worker listens with.
"""

import asyncio
import logging

import pytest
from aiohttp.web_protocol import RequestHandler
from support.http.connections import (
    BIG,
    CLOSING,
    FAST,
    PATIENT,
    SECRET,
    SOON,
    Start,
    posted,
    told,
)

from holdfast_web.server.ready import PIECE_BYTES

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
    connection.set_write_seconds(0)
    writer.close()


@pytest.mark.parametrize("path", ["pieces", "whole"])
async def test_who_pauses_and_reads_on_gets_everything(start: Start, path: str) -> None:
    """And is not cut off later for the pause."""
    site = await start(PATIENT)
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
        await site.until(lambda: not any(one.is_stalled for one in site.connections()))
    assert site.rejected == []
    writer.close()


async def test_who_is_gone_before_the_handler_runs_leaves_no_trace(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    site = await start()
    _, writer = await site.opened()
    writer.write(b"GET /ignore")
    await site.until(lambda: len(site.connections()) == 1)
    [connection] = site.connections()
    with caplog.at_level(logging.DEBUG):
        connection.data_received(b" HTTP/1.1\r\nHost: a\r\n\r\n")
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
    for name in ("_messages", "_request_count", "_request_in_progress"):
        assert name in RequestHandler.__slots__
