"""Net changes within the process: what it costs does not depend on how many follow, and how their
streams end.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

import pytest
from support.inventory.harness import InventoryHarness, Make
from support.inventory.net_reader import SOON, NetReader, line_with

from holdfast_inventory.events import map_stream
from holdfast_inventory.events.change_streams import ChangeStreams, StreamBounds
from holdfast_inventory.events.map_history import MapHistory
from holdfast_inventory.events.map_stream import MapClient
from holdfast_inventory.events.sale_reader import FindInventory
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_ledger import LedgerUnavailable, SaleMissing
from holdfast_lua.errors import StoreUnavailable
from holdfast_web.errors import ErrorCode, HoldfastError

HERE: Final = "192.0.2.1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages as fast as they can be made."""
    monkeypatch.setattr(map_stream, "TICK_SECONDS", 0.005)
    monkeypatch.setattr(map_stream, "_SLACK_SECONDS", 60.0)


Connect = Callable[..., Awaitable[tuple[asyncio.Transport, asyncio.StreamReader]]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes a connection within the process: the transport of a response, and what its client
    reads. `room` is what the kernel keeps of what the client has not read.
    """
    opened: list[asyncio.Transport] = []
    loop = asyncio.get_running_loop()

    async def made(room: int = 0) -> tuple[asyncio.Transport, asyncio.StreamReader]:
        ours, theirs = socket.socketpair()
        if room:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        transport.set_write_buffer_limits(high=0)
        reader = asyncio.StreamReader(limit=2**20)
        protocol = asyncio.StreamReaderProtocol(reader)
        peer, _ = await loop.create_connection(lambda: protocol, sock=theirs)
        opened.extend((transport, peer))
        return transport, reader

    yield made
    for transport in opened:
        transport.abort()
    await asyncio.sleep(0)


def finder(harness: InventoryHarness) -> FindInventory:
    async def find() -> SaleInventory:
        return harness.inventory

    return find


@pytest.fixture
async def streams() -> AsyncIterator[ChangeStreams]:
    opened = ChangeStreams(StreamBounds(500, 500))
    yield opened
    opened.close()


async def test_two_hundred_clients_cost_the_encoding_of_one(
    harness: InventoryHarness,
    streams: ChangeStreams,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = 0
    encode = MapHistory.net_changes

    def counted(history: MapHistory, position: int) -> bytes:
        nonlocal made
        made += 1
        return encode(history, position)

    monkeypatch.setattr(MapHistory, "net_changes", counted)
    known = (await harness.inventory.seat_map()).etag
    pairs = [await connect() for _ in range(200)]
    async with AsyncExitStack() as stack:
        for ours, _ in pairs:
            client = MapClient(ours, "", known, 0.0, chunked=True)
            await stack.enter_async_context(streams.following("sale", finder(harness), client))
        for number in range(1, 4):
            await harness.held(harness.choice(1))
            for _, theirs in pairs:
                await line_with(theirs, f'"1-{number}"')
        # One reading may find nothing but a revision, so a hold is one message or none.
        assert made <= 3


async def test_who_does_not_read_is_kept_one_message_and_then_told_the_net(
    make_harness: Make, streams: ChangeStreams, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given messages that fill what the kernel keeps for a connection many times over."""
    monkeypatch.setattr(map_stream, "BYTES_PER_SECOND", 2**40)
    harness = await make_harness(["A" * 250] * 60)
    seats = list(range(0, 250 * 60, 2))
    slow, unread = await connect(room=4096)
    quick, read = await connect()
    reader, late = NetReader(), NetReader()
    async with AsyncExitStack() as stack:
        for transport in (slow, quick):
            client = MapClient(transport, "", "", 0.0, chunked=False)
            await stack.enter_async_context(streams.following("sale", finder(harness), client))
        unread._transport.pause_reading()  # type: ignore[attr-defined]  # as a client that is busy
        reader.take_line(await line_with(read, "data:"))
        kept = 0
        for number in range(1, 61):
            block = harness.inventory.block if number % 2 else harness.inventory.unblock
            await block(seats)
            reader.take_line(await line_with(read, f'"1-{number}"'))
            kept = max(kept, slow.get_write_buffer_size())
        assert 0 < kept < 40_000  # a message, not sixty
        unread._transport.resume_reading()  # type: ignore[attr-defined]
        messages = 0
        while late.version != "1-60":
            late.take_line(await line_with(unread, "data:"))
            messages += 1
        assert messages < 30
    shown = (await harness.inventory.seat_map()).members
    reader.require(shown)
    late.require(shown)


@pytest.mark.parametrize(("every", "size", "pause"), [(0.25, 100, 0.25), (0.25, 10_000, 0.5)])
async def test_large_messages_are_followed_by_longer_pauses(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, every: float, size: int, pause: float
) -> None:
    monkeypatch.setattr(map_stream, "_SLACK_SECONDS", 0.0)
    transport, _ = await connect()
    client = MapClient(transport, "", "", every, chunked=True)
    client.write(bytes(size), now=100.0)
    assert client.due_at == 100.0 + pause


async def test_streams_of_both_kinds_share_their_bounds(harness: InventoryHarness) -> None:
    streams = ChangeStreams(StreamBounds(2, streams_per_address=1))
    with streams.admitted(HERE):
        with pytest.raises(HoldfastError) as refused, streams.admitted(HERE):
            pass
        assert refused.value.code is ErrorCode.TOO_MANY_STREAMS
        async with streams.subscribed("sale", finder(harness), (1, 0), "192.0.2.2"):
            with pytest.raises(HoldfastError) as refused, streams.admitted("192.0.2.3"):
                pass
            assert refused.value.code is ErrorCode.OVERLOADED
    with streams.admitted(HERE):
        pass


async def test_nobody_reads_the_map_when_nobody_follows(
    harness: InventoryHarness, streams: ChangeStreams, connect: Connect
) -> None:
    transport, _ = await connect()
    client = MapClient(transport, "", "", 0.0, chunked=True)
    async with streams.following("sale", finder(harness), client):
        [task] = [t for t in asyncio.all_tasks() if t.get_name().startswith("map of")]
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HoldfastError(ErrorCode.UNKNOWN_SALE), "unknown_sale"),
        (SaleMissing(), "unknown_sale"),
        (RuntimeError("unforeseen"), ""),
    ],
)
async def test_a_stream_ends_with_its_sale_and_not_with_a_fault_that_passes(
    harness: InventoryHarness, streams: ChangeStreams, connect: Connect, error: Exception, code: str
) -> None:
    faults: list[Exception] = []

    async def find() -> SaleInventory:
        if faults:
            raise faults.pop(0) if len(faults) > 1 else faults[0]
        return harness.inventory

    transport, theirs = await connect()
    client = MapClient(transport, "", "", 0.0, chunked=True)
    async with streams.following("sale", find, client):
        await line_with(theirs, "data:")
        faults += [LedgerUnavailable(), StoreUnavailable(), error]
        async with asyncio.timeout(SOON):
            await client.ended
    if code:
        await line_with(theirs, code)


async def test_closing_ends_the_streams_of_the_map_without_a_word(
    harness: InventoryHarness, streams: ChangeStreams, connect: Connect
) -> None:
    transport, theirs = await connect()
    client = MapClient(transport, "", "", 0.0, chunked=True)
    async with streams.following("sale", finder(harness), client):
        streams.close()
        await client.ended
    transport.close()
    assert b"event: end" not in await theirs.read()


async def test_a_client_that_went_away_is_let_go(
    harness: InventoryHarness, streams: ChangeStreams, connect: Connect
) -> None:
    transport, theirs = await connect()
    client = MapClient(transport, "", "", 0.0, chunked=True)
    async with streams.following("sale", finder(harness), client):
        await line_with(theirs, "data:")
        transport.abort()
        async with asyncio.timeout(SOON):
            await client.ended


async def test_a_client_that_went_away_is_let_go_while_the_store_is_away(
    harness: InventoryHarness, streams: ChangeStreams, connect: Connect
) -> None:
    away = False

    async def find() -> SaleInventory:
        if away:
            raise StoreUnavailable()
        return harness.inventory

    transport, theirs = await connect()
    client = MapClient(transport, "", "", 0.0, chunked=True)
    async with streams.following("sale", find, client):
        await line_with(theirs, "data:")
        away = True
        transport.abort()
        async with asyncio.timeout(SOON):
            await client.ended
