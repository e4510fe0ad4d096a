"""Changes of the seats told as they happen: complete, bounded, one reader for all who listen."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.inventory.harness import InventoryHarness, Make

from holdfast_inventory.events.change_streams import ChangeStreams, StreamBounds
from holdfast_inventory.events.events import EVENTS_MAX, Cursor
from holdfast_inventory.events.sale_reader import PAGES_MAX
from holdfast_inventory.events.subscriptions import StreamEnd, Subscription
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_ledger import LedgerUnavailable, SaleMissing
from holdfast_lua.calls import keys
from holdfast_lua.calls.hold_terms import EventsReading
from holdfast_web.errors import ErrorCode, HoldfastError

SOON = 5.0
HERE = "192.0.2.1"


class Watched(SaleInventory):
    """An inventory that counts how often its events are read."""

    readings = 0

    async def events(self, after: Cursor | None, limit: int) -> EventsReading:
        self.readings += 1
        return await super().events(after, limit)


@pytest.fixture
def inventory(harness: InventoryHarness) -> Watched:
    old = harness.inventory
    harness.inventory = Watched(old.name, old.ref, old.plan, old.settings, old.calls)
    return harness.inventory


@pytest.fixture
async def streams() -> AsyncIterator[ChangeStreams]:
    opened = ChangeStreams(StreamBounds(300, 300))
    yield opened
    opened.close()


async def told(subscription: Subscription, last: Cursor) -> list[Cursor]:
    """Every cursor that the subscriber is told of up to `last`, in order."""
    cursors: list[Cursor] = []
    async with asyncio.timeout(SOON):
        while not cursors or cursors[-1] < last:
            batches = await subscription.take(1)
            assert batches or subscription.end is None, subscription.end
            cursors += [event.cursor for batch in batches for event in batch.events]
    return cursors


async def ended(subscription: Subscription) -> StreamEnd:
    async with asyncio.timeout(SOON):
        while subscription.end is None:
            await subscription.take(1)
    return subscription.end


async def test_a_stream_tells_every_event_once_from_its_cursor_on(
    harness: InventoryHarness, inventory: Watched, streams: ChangeStreams
) -> None:
    async def find() -> SaleInventory:
        return inventory

    for _ in range(4):
        await harness.held(harness.choice(1))
    async with streams.subscribed("sale", find, (1, 2), HERE) as early:
        await harness.held(harness.choice(1))
        assert await told(early, (1, 5)) == [(1, 3), (1, 4), (1, 5)]
        async with streams.subscribed("sale", find, (1, 4), HERE) as late:
            await harness.held(harness.choice(1))
            assert await told(late, (1, 6)) == [(1, 5), (1, 6)]
            assert await told(early, (1, 6)) == [(1, 6)]


async def test_many_subscribers_cost_the_readings_of_one(
    harness: InventoryHarness, inventory: Watched, streams: ChangeStreams
) -> None:
    async def find() -> SaleInventory:
        return inventory

    async def listen() -> list[Cursor]:
        async with streams.subscribed("sale", find, (1, 0), HERE) as subscription:
            return await told(subscription, (1, 3))

    async with streams.subscribed("sale", find, (1, 0), HERE) as first:
        await harness.held(harness.choice(1))
        await told(first, (1, 1))
        before = inventory.readings
        listening = [asyncio.create_task(listen()) for _ in range(200)]
        await asyncio.sleep(0)
        for _ in range(2):
            await harness.held(harness.choice(1))
        assert await asyncio.gather(*listening) == [[(1, 1), (1, 2), (1, 3)]] * 200
        assert inventory.readings - before <= 6


async def test_nobody_reads_when_nobody_listens(
    harness: InventoryHarness, inventory: Watched, streams: ChangeStreams
) -> None:
    async def find() -> SaleInventory:
        return inventory

    async with streams.subscribed("sale", find, (1, 0), HERE):
        pass
    left = [t for t in asyncio.all_tasks() if t.get_name().startswith("changes of")]
    await asyncio.gather(*left, return_exceptions=True)
    assert all(task.cancelled() for task in left)


async def test_who_does_not_keep_up_is_let_go_and_told_why(
    harness: InventoryHarness, inventory: Watched
) -> None:
    async def find() -> SaleInventory:
        return inventory

    streams = ChangeStreams(StreamBounds(10, 10), queue_max=2)
    async with (
        streams.subscribed("sale", find, (1, 0), HERE) as slow,
        streams.subscribed("sale", find, (1, 0), HERE) as quick,
    ):
        for number in range(1, 4):
            await harness.held(harness.choice(1))
            await told(quick, (1, number))
        assert await slow.take(1) == []
        assert slow.end is StreamEnd.TOO_SLOW
        assert quick.end is None


async def test_there_are_no_more_streams_than_allowed(
    harness: InventoryHarness, inventory: Watched
) -> None:
    async def find() -> SaleInventory:
        return inventory

    streams = ChangeStreams(StreamBounds(1, 1))
    async with streams.subscribed("sale", find, (1, 0), HERE):
        with pytest.raises(HoldfastError) as refused:
            async with streams.subscribed("sale", find, (1, 0), HERE):
                pass
        assert (refused.value.code, refused.value.retry_after) == (ErrorCode.OVERLOADED, 5)
    async with streams.subscribed("sale", find, (1, 0), HERE):
        pass
    with pytest.raises(HoldfastError):
        async with streams.subscribed("sale", find, (1, 9), HERE):
            pass
    async with streams.subscribed("sale", find, (1, 0), HERE):  # a refusal gives its place back
        pass


async def test_one_address_has_no_more_streams_than_its_share(
    harness: InventoryHarness, inventory: Watched
) -> None:
    async def find() -> SaleInventory:
        return inventory

    streams = ChangeStreams(StreamBounds(3, streams_per_address=1))
    for _ in range(2):  # the end of a stream gives its place back
        async with streams.subscribed("sale", find, (1, 0), HERE):
            with pytest.raises(HoldfastError) as refused:
                async with streams.subscribed("sale", find, (1, 0), HERE):
                    pass
            assert (refused.value.code, refused.value.retry_after) == (
                ErrorCode.TOO_MANY_STREAMS,
                5,
            )
            async with streams.subscribed("sale", find, (1, 0), "192.0.2.2"):
                pass


@pytest.mark.parametrize("after", [(1, 9), (2, 0), (0, 5)])
async def test_a_cursor_that_is_none_of_this_sale_is_refused(
    inventory: Watched, streams: ChangeStreams, after: Cursor
) -> None:
    async def find() -> SaleInventory:
        return inventory

    with pytest.raises(HoldfastError) as refused:
        async with streams.subscribed("sale", find, after, HERE):
            pass
    assert refused.value.code is ErrorCode.CURSOR_EXPIRED


async def test_a_stream_ends_when_events_were_trimmed_under_it(
    harness: InventoryHarness, inventory: Watched, streams: ChangeStreams
) -> None:
    async def find() -> SaleInventory:
        return inventory

    async with streams.subscribed("sale", find, (1, 0), HERE) as subscription:
        for _ in range(3):
            await harness.held(harness.choice(1))
        await harness.executor.command("XTRIM", keys.events(harness.uid), "MAXLEN", "1")
        assert await ended(subscription) is StreamEnd.CURSOR_EXPIRED


@pytest.mark.parametrize("gone", [HoldfastError(ErrorCode.UNKNOWN_SALE), SaleMissing()])
async def test_a_stream_ends_with_its_sale(
    harness: InventoryHarness, inventory: Watched, streams: ChangeStreams, gone: Exception
) -> None:
    """Given a ledger that is away first, which ends no stream."""
    sales: list[SaleInventory] = [inventory]
    faults = [LedgerUnavailable(), gone]

    async def find() -> SaleInventory:
        if not sales:
            raise faults.pop(0)
        return sales[0]

    async with streams.subscribed("sale", find, (1, 0), HERE) as subscription:
        sales.clear()
        assert await ended(subscription) is StreamEnd.UNKNOWN_SALE
        assert faults == []


async def test_closing_ends_all_streams_and_takes_no_new_ones(
    harness: InventoryHarness, inventory: Watched
) -> None:
    async def find() -> SaleInventory:
        return inventory

    streams = ChangeStreams(StreamBounds(10, 10))
    async with streams.subscribed("sale", find, (1, 0), HERE) as subscription:
        streams.close()
        assert await subscription.take(60) == []
        assert subscription.end is StreamEnd.CLOSING
        with pytest.raises(HoldfastError):
            async with streams.subscribed("sale", find, (1, 0), HERE):
                pass


async def test_who_has_missed_too_much_begins_anew(
    make_harness: Make, streams: ChangeStreams
) -> None:
    """Reading the map costs less than reading thousands of events."""
    harness = await make_harness()
    missed = EVENTS_MAX * PAGES_MAX + 1
    for first in range(1, missed + 2, EVENTS_MAX):
        numbers = range(first, min(first + EVENTS_MAX, missed + 2))
        for seq in numbers:
            entry = (f"1-{seq}", "seq", str(seq), "type", "line.called", "body", b"")
            await harness.executor.command("XADD", keys.events(harness.uid), *entry)
    await harness.executor.command("HSET", keys.sale(harness.uid), "seq", missed + 1)

    async def find() -> SaleInventory:
        return harness.inventory

    with pytest.raises(HoldfastError) as refused:
        async with streams.subscribed("sale", find, (1, 0), HERE):
            pass
    assert refused.value.code is ErrorCode.CURSOR_EXPIRED
    async with streams.subscribed("sale", find, (1, missed), HERE) as subscription:
        assert await told(subscription, (1, missed + 1)) == [(1, missed + 1)]


async def test_reader_that_fails_ends_its_streams_and_the_next_begins_anew(
    harness: InventoryHarness, inventory: Watched, streams: ChangeStreams
) -> None:
    """Given a fault that nobody foresaw: clients reconnect instead of hearing nothing any more."""
    broken = True

    async def find() -> SaleInventory:
        if broken and inventory.readings:
            raise RuntimeError("unforeseen")
        return inventory

    async with streams.subscribed("sale", find, (1, 0), HERE) as first:
        assert await ended(first) is StreamEnd.CLOSING
        broken = False
        async with streams.subscribed("sale", find, (1, 0), HERE) as second:
            await harness.held(harness.choice(1))
            assert await told(second, (1, 1)) == [(1, 1)]
