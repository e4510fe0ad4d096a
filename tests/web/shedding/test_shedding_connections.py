"""Refusals over real sockets: in order, on connections that stay usable, and nothing left over."""

import asyncio
import contextlib
import math
import re
from collections.abc import Callable

import pytest
from support.http.connections import LINGERING, PATIENT, SOON, Site, Start, posted, told

from holdfast_web.server.arrival import Arrival
from holdfast_web.server.bounds import ConnectionBounds
from holdfast_web.server.connection import Connection

AFTER_MS = 250
LIMIT, WORK = 50.0, 100
HOLD_BODY = b'{"a": "\r\n\r\nPOST /fail HTTP/1.1\r\nHost: a\r\n\r\n"}'
KEY = "Authorization: Bearer key"  # whoever has one is not paused
HOLD = posted("/v1/sales/night/holds", KEY, f"Content-Length: {len(HOLD_BODY)}", body=HOLD_BODY)
CROWD = HOLD.replace(KEY.encode(), b"Cookie: a=b")
CONFIRM = posted("/v1/sales/night/holds/h/confirm", "Content-Length: 8", body=b"\r\n\r\nPOST")
STATUS = b"GET /ignore HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /ignore HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
CHUNKED = posted(
    "/v1/sales/night/holds", "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"
)


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes connections have received, a number each time."""
    counted: list[int] = []
    for kind in (Arrival, Connection):
        take = kind.data_received

        def count(one: object, data: bytes, take: Callable[..., None] = take) -> None:
            counted.append(len(data))
            take(one, data)

        monkeypatch.setattr(kind, "data_received", count)
    return counted


async def pressed(start: Start, bounds: ConnectionBounds = PATIENT) -> Site:
    """A site with more work than it may have for what begins something."""
    site = await start(bounds, shed_after_ms=AFTER_MS)
    press(site)
    return site


def press(site: Site) -> None:
    site.shedder.limit.value, site.shedder.work, site.shedder.calm_reads = LIMIT, WORK, 0


def statuses(answered: bytes) -> list[int]:
    """The status of each answer, whose bodies must be as long as their heads say."""
    found = []
    while answered:
        head, _, rest = answered.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        assert length is not None, head
        found.append(int(head.split()[1]))
        answered = rest[int(length[1]) :]
    return found


async def test_refused_connection_stays_usable(start: Start) -> None:
    site = await pressed(start)
    reader, writer = await site.opened()
    for _ in range(3):
        writer.write(HOLD)
        async with asyncio.timeout(SOON):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readuntil(b"}")
        assert told(head + body)[:2] == (503, "overloaded")
    assert site.connections() == []  # none of it was worth a parser
    writer.write(STATUS)
    await reader.readuntil(b"ignored")
    writer.write(HOLD)
    await reader.readuntil(b"}")
    site.shedder.limit.value = math.inf
    writer.write(HOLD + LAST)
    assert statuses(await reader.read()) == [404, 200]
    assert site.refused == [("work", "new")] * 4
    writer.close()


@pytest.mark.parametrize("is_pressed", [False, True])
async def test_request_split_anywhere_is_framed_as_by_the_parser(
    start: Start, received: list[int], is_pressed: bool
) -> None:
    """Whether the pieces make it whole or not, what follows is read from where it begins.

    A body that is refused in its midst is waited for as long as this machine may take to send it.
    """
    site = await pressed(start, LINGERING) if is_pressed else await start(LINGERING)
    wanted = [503, 200, 503, 200] if is_pressed else [404, 200, 404, 200]
    data = HOLD + CONFIRM + HOLD + LAST
    for cut in range(1, len(data)):
        reader, writer = await site.opened()
        received.clear()
        writer.write(data[:cut])
        await site.until(lambda cut=cut: sum(received) == cut)  # type: ignore[misc]
        writer.write(data[cut:])
        async with asyncio.timeout(SOON):
            assert statuses(await reader.read()) == wanted, cut
        writer.close()
    assert site.bodies == [b"\r\n\r\nPOST"] * (len(data) - 1)
    assert site.shedder.work == (WORK if is_pressed else 0)


@pytest.mark.parametrize("first", [HOLD, CHUNKED, STATUS, CONFIRM])
async def test_request_after_any_other_is_refused_and_consumed(
    start: Start, received: list[int], first: bytes
) -> None:
    """One after the other, each split in two, so that connections know and do not know by turns
    where a request begins.
    """
    site = await pressed(start, LINGERING)
    for cut in range(1, len(HOLD), 8):
        reader, writer = await site.opened()
        for piece in (first, HOLD[:cut], HOLD[cut:], HOLD, CONFIRM):
            received.clear()
            writer.write(piece)
            await site.until(lambda piece=piece: sum(received) == len(piece))  # type: ignore[misc]
        writer.write(LAST)
        async with asyncio.timeout(SOON):
            found = statuses(await reader.read())
        assert found[1:] == [503, 503, 200, 200], cut
        assert found[0] == (503 if first in (HOLD, CHUNKED) else 200)
        writer.close()
    assert site.shedder.work == WORK


async def test_pipelined_requests_are_answered_in_order(start: Start) -> None:
    site = await pressed(start)
    answered = await site.spoken(STATUS + HOLD + CONFIRM + HOLD + STATUS + LAST)
    assert statuses(answered) == [200, 503, 200, 503, 200, 200]


async def test_requests_behind_one_that_is_under_way_wait_for_it(
    start: Start, received: list[int]
) -> None:
    """A refusal must not overtake the answer to the request before it."""
    site = await pressed(start)
    reader, writer = await site.opened()
    writer.write(CONFIRM[:-1])  # begins, and waits for its body
    await site.until(lambda: any(one.is_busy for one in site.connections()))
    received.clear()
    writer.write(CONFIRM[-1:])
    writer.write(HOLD)
    writer.write(LAST)
    assert statuses(await reader.read()) == [200, 503, 200]
    writer.close()


@pytest.mark.parametrize(
    "request_",
    [
        HOLD.replace(b"Host: a", b"Host: a\r\nConnection: close", 1),
        HOLD.replace(b"HTTP/1.1", b"HTTP/1.0", 1),
        HOLD.replace(b"Host: a", b"Host: a\r\nConnection: close\r\nExpect: 100-continue", 1),
    ],
)
async def test_connection_is_closed_for_who_wants_it(start: Start, request_: bytes) -> None:
    answered = await (await pressed(start)).spoken(request_)
    assert told(answered)[:2] == (503, "overloaded")
    assert b"HTTP/1.0" in request_ or told(answered)[2]["Connection"] == "close"


async def test_head_request_is_answered_without_a_body(start: Start) -> None:
    site = await pressed(start)
    head = b"HEAD /v1/sales/night/plan HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answered = await site.spoken(STATUS + head)
    end = answered.rpartition(b"\r\n\r\n")
    assert end[2] == b""
    assert b"HTTP/1.1 503 " in end[0]


async def test_body_of_a_refused_request_is_not_waited_for(start: Start) -> None:
    site = await pressed(start)
    answered = await site.spoken(posted("/v1/sales/night/holds", "Content-Length: 1000000"))
    assert told(answered)[:2] == (503, "overloaded")


async def test_what_is_not_http_is_still_told_so(start: Start) -> None:
    site = await pressed(start)
    assert told(await site.spoken(b"\x16\x03\x01\x02\x00"))[:2] == (400, "malformed_request")
    assert site.shedder.work == WORK


async def test_work_of_clients_that_are_gone_is_given_back(start: Start) -> None:
    site = await start(shed_after_ms=AFTER_MS)
    for request in (HOLD * 10, CONFIRM[:-1], posted("/take", "Content-Length: 100", body=b"{")):
        _, writer = await site.opened()
        writer.write(request)
        await site.until(lambda: site.connections() != [])
        writer.transport.abort()
        await site.until(lambda: site.connections() == [])
    await site.until(lambda: site.shedder.work == 0)


async def test_who_asks_on_and_takes_no_refusal_is_cut_off(start: Start) -> None:
    site = await pressed(start)
    _, writer = await site.opened(receive_bytes=4096)
    try:
        async with asyncio.timeout(SOON):
            while True:
                writer.write(HOLD)
                await writer.drain()
                await asyncio.sleep(0)
    except ConnectionError:
        pass
    writer.close()


async def test_client_that_asks_on_is_not_read_from_for_a_moment(
    start: Start, received: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then its request is so old that it is refused again, in a calm moment as well."""
    monkeypatch.setattr("holdfast_web.shedding.reading_pauses.PAUSE_SECONDS", 2 * AFTER_MS / 1000)
    site = await pressed(start)
    for before in (b"", CONFIRM):
        reader, writer = await site.opened()
        if before:
            writer.write(before)
            await reader.readuntil(b"taken")
        received.clear()
        begun = asyncio.get_running_loop().time()
        for _ in range(3):
            writer.write(CROWD)
            await reader.readuntil(b'overloaded"}')
            site.shedder.limit.value = math.inf
        assert asyncio.get_running_loop().time() - begun >= 2 * AFTER_MS / 1000
        assert len(received) == 3
        press(site)
        writer.close()
    assert site.refused == [("work", "new"), ("age", "new"), ("age", "new")] * 2


async def test_paused_client_that_goes_is_forgotten(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdfast_web.shedding.reading_pauses.PAUSE_SECONDS", 0.2)
    site = await pressed(start)
    reader, writer = await site.opened()
    writer.write(CROWD)
    await reader.readuntil(b'overloaded"}')
    writer.close()
    site.shedder.limit.value = math.inf
    assert statuses(await site.spoken(LAST)) == [200]
    await asyncio.sleep(0.3)


# Clients that are slow, and how many there may be

HASTY = ConnectionBounds(header_seconds=0.2, keepalive_seconds=3600.0, linger_seconds=0.1)
FEW = 32


async def closed(reader: asyncio.StreamReader) -> None:
    """Reads whatever comes until the connection is closed."""
    async with asyncio.timeout(SOON):
        with contextlib.suppress(ConnectionError):
            await reader.read()


@pytest.mark.parametrize("before", [b"", STATUS, STATUS + STATUS, CONFIRM, STATUS + b"G"])
async def test_who_drips_a_head_is_cut_off(start: Start, before: bytes) -> None:
    """The first one, and that of a later request, however long connections are kept."""
    site = await start(HASTY)
    reader, writer = await site.opened()
    writer.write(before)
    if before:
        await reader.readuntil(b"\r\n\r\n")
    end = asyncio.ensure_future(closed(reader))
    while not end.done():
        writer.write(b"G" if writer.transport.get_write_buffer_size() == 0 else b"")
        await asyncio.sleep(0.02)
    await end
    writer.close()


async def test_who_says_nothing_is_cut_off(start: Start) -> None:
    site = await start(HASTY)
    reader, writer = await site.opened()
    await closed(reader)
    writer.close()


async def test_kept_connection_outlives_the_time_for_a_head(start: Start) -> None:
    site = await start(HASTY)
    reader, writer = await site.opened()
    writer.write(STATUS)
    await reader.readuntil(b"ignored")
    await asyncio.sleep(2 * HASTY.header_seconds)
    writer.write(STATUS)
    await reader.readuntil(b"ignored")
    writer.close()


async def kept_after_a_refusal(start: Start, bounds: ConnectionBounds) -> float:
    """The seconds until a connection is closed that was refused and says no more."""
    site = await start(bounds, shed_after_ms=AFTER_MS)
    press(site)
    reader, writer = await site.opened()
    writer.write(HOLD)
    await reader.readuntil(b"}")
    begun = asyncio.get_running_loop().time()
    await closed(reader)
    writer.close()
    return asyncio.get_running_loop().time() - begun


async def test_refused_connection_is_closed_when_it_has_been_idle(start: Start) -> None:
    bounds = ConnectionBounds(header_seconds=0.1, keepalive_seconds=0.3)
    assert await kept_after_a_refusal(start, bounds) > 0.2


async def test_refused_connection_is_not_kept_for_the_time_of_a_head(start: Start) -> None:
    """Where that is the longer of the two."""
    bounds = ConnectionBounds(header_seconds=3600.0, keepalive_seconds=0.1)
    assert await kept_after_a_refusal(start, bounds) < bounds.header_seconds


async def test_idle_connections_make_room_and_the_longest_idle_go_first(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdfast_web.server.open_connections.IDLE_SECONDS", 0.0)
    site = await start(ConnectionBounds(keepalive_seconds=3600.0, connections=FEW))
    kept = []
    for _ in range(FEW):
        reader, writer = await site.opened()
        writer.write(STATUS)
        await reader.readuntil(b"ignored")
        kept.append((reader, writer))
        await asyncio.sleep(0.002)
    kept[0][1].write(STATUS)  # asked again: the second one is the oldest now
    await kept[0][0].readuntil(b"ignored")
    kept.append(await site.opened())
    kept[-1][1].write(STATUS)
    await kept[-1][0].readuntil(b"ignored")
    await closed(kept[1][0])
    kept[0][1].write(STATUS)
    await kept[0][0].readuntil(b"ignored")
    assert len(site.connections()) <= FEW
    for _, writer in kept:
        writer.close()


async def test_there_is_no_room_beside_connections_in_use(start: Start) -> None:
    """New ones are told so, and closed at once when even of them there are too many."""
    site = await start(ConnectionBounds(keepalive_seconds=3600.0, connections=FEW))
    used = [await site.opened() for _ in range(FEW)]
    for _, writer in used:
        writer.write(CONFIRM[:-1])
    await site.until(lambda: len(site.connections()) == FEW)
    assert told(await site.spoken(STATUS))[:2] == (503, "overloaded")
    assert site.refused == [("connections", "new")]
    silent = [await site.opened() for _ in range(2 * FEW)]
    for reader, writer in silent:
        await closed(reader)
        writer.close()
    for reader, writer in used:
        writer.write(CONFIRM[-1:])
        await reader.readuntil(b"taken")
        writer.close()
    await site.until(lambda: site.connections() == [])
    reader, writer = await site.opened()
    writer.write(STATUS)
    await reader.readuntil(b"ignored")
    writer.close()


async def test_idle_connections_are_not_looked_for_at_every_new_one(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nearly all are in use, looking through them would cost more than to serve them."""
    monkeypatch.setattr("holdfast_web.server.open_connections.LOOK_AGAIN_SECONDS", 3600.0)
    looks: list[int] = []

    def nsmallest(count: int, idle: list[object]) -> list[object]:
        looks.append(count)
        return idle[:count]

    monkeypatch.setattr("holdfast_web.server.open_connections.nsmallest", nsmallest)
    site = await start(ConnectionBounds(keepalive_seconds=3600.0, connections=FEW))
    used = [await site.opened() for _ in range(FEW)]
    for _, writer in used:
        writer.write(CONFIRM[:-1])
    await site.until(lambda: len(site.connections()) == FEW)
    for _ in range(10):
        assert told(await site.spoken(STATUS))[0] == 503
    assert len(looks) == 1
    for _, writer in used:
        writer.close()
