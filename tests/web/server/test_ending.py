"""Connections of a site that is about to end: each is closed with its next response, which says so,
and those that wait to be accepted are served.
"""

import asyncio
import socket

import pytest
from support.http.connections import SOON, Site, Start, posted

from holdfast.http.listening import end_connections, finish_in_flight

PLAIN = b"GET /ignore HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSING = b"\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        PLAIN,
        b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /fail HTTP/1.1\r\nHost: a\r\n\r\n",
        posted("/take", "Content-Length: 2", body=b"{}"),
    ],
)
async def test_an_open_connection_is_closed_with_its_next_response(
    start: Start, request_: bytes
) -> None:
    site = await start()
    reader, writer = await site.opened()
    writer.write(PLAIN)
    assert CLOSING not in await reader.readuntil(b"ignored")
    end_connections(site.runner)
    writer.write(request_)
    assert CLOSING in (await reader.read()).partition(b"\r\n\r\n")[0] + b"\r\n"
    writer.close()


async def test_every_request_that_was_sent_ahead_is_answered(start: Start) -> None:
    site = await start()
    end_connections(site.runner)
    answered = await site.spoken(PLAIN * 3)
    assert answered.count(b"ignored") == 3
    assert answered.count(CLOSING) == 1


async def test_who_waits_to_be_accepted_is_answered(start: Start) -> None:
    """Given connections that the event loop has had no turn to accept, when it finishes."""
    site = await start()
    waiting = [_asking(site) for _ in range(100)]
    await finish_in_flight(site.runner)
    for sock in waiting:
        with sock:
            sock.settimeout(SOON)
            assert sock.recv(4096).endswith(b"ignored")


async def test_a_request_on_an_idle_connection_is_answered_after_accepting_has_ended(
    start: Start,
) -> None:
    site = await start()
    reader, writer = await site.opened()
    writer.write(PLAIN)
    await reader.readuntil(b"ignored")
    finishing = asyncio.create_task(_ended(site))
    await site.until(lambda: not site.runner.sites)
    writer.write(PLAIN)
    assert (await reader.read()).endswith(b"ignored")
    await finishing
    writer.close()


async def _ended(site: Site) -> None:
    """As a worker ends."""
    await finish_in_flight(site.runner)
    await site.runner.cleanup()


def _asking(site: Site) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", site.port))
    sock.sendall(PLAIN)
    return sock
