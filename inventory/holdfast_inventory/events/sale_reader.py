"""Reads the changes of one sale once for all subscribers of the process.

The first subscriber of a sale starts its reader. The reader asks the store for the events after the
last one it has, only when this process knows of a newer revision or IDLE_SECONDS have passed, and
hands them to every subscriber; the last subscriber to leave stops it. The latest events are kept,
so that most subscribers begin without a call to the store.

Rejected: a blocking read on the stream. It would need a connection of its own for each sale, and
the revision already tells, within a tick, whether there is anything to read.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from holdfast_inventory.events.events import EVENTS_MAX, Cursor, expired_cursor, require_continued
from holdfast_inventory.events.subscriptions import EventBatch, StreamEnd, Subscription, end_of
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_tasks import start_task

READ_SECONDS: Final = 0.2
IDLE_SECONDS: Final = 2.0
PAGES_MAX: Final = 10
REMEMBERED_BATCHES: Final = 256
QUEUE_MAX: Final = 128

FindInventory = Callable[[], Awaitable[SaleInventory]]


class SaleReader:
    """Reads the events of one sale for all of its subscribers in this process."""

    def __init__(self, find_inventory: FindInventory, queue_max: int = QUEUE_MAX) -> None:
        self.subscriptions: set[Subscription] = set()
        self._find_inventory = find_inventory
        self._queue_max = queue_max
        self._position: Cursor = (0, 0)
        self._recent: deque[EventBatch] = deque(maxlen=REMEMBERED_BATCHES)
        self._revision = -1
        self._read_at = 0.0
        self._starting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def subscribe(self, after: Cursor) -> Subscription:
        """A subscription from `after` on; HoldfastError `cursor_expired` when that cannot be."""
        subscription = Subscription(after, self._queue_max)
        self.subscriptions.add(subscription)
        try:
            async with self._starting:
                if self._task is None:
                    await self._start(after)
            if after != self._position:
                subscription.begin(self._remembered(after) or await self._catch_up(after))
        except BaseException:
            self.leave(subscription)
            raise
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Removes a subscription; without any left the reader stops."""
        self.subscriptions.discard(subscription)
        if not self.subscriptions:
            self.stop()

    def stop(self) -> None:
        """Stops reading."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._recent.clear()

    def finish(self, end: StreamEnd) -> None:
        """Ends all subscriptions."""
        for subscription in self.subscriptions:
            subscription.finish(end)

    async def _start(self, after: Cursor) -> None:
        inventory = await self._find_inventory()
        reading = await inventory.events(after, 1)
        require_continued(reading, after)
        self._position, self._revision = reading.last, -1
        self._task = start_task(self._run(), name=f"changes of {inventory.name}")

    def _remembered(self, after: Cursor) -> list[EventBatch] | None:
        """What follows `after`, if all of it is still in memory."""
        if not self._recent or not self._recent[0].after <= after <= self._position:
            return None
        return [batch.since(after) for batch in self._recent if batch.last > after]

    async def _catch_up(self, after: Cursor) -> list[EventBatch]:
        """What follows `after` up to now, from the store; `cursor_expired` when that is
        too much.
        """
        inventory = await self._find_inventory()
        batches: list[EventBatch] = []
        for _ in range(PAGES_MAX):
            reading = await inventory.events(after, EVENTS_MAX)
            require_continued(reading, after)
            if reading.events:
                batches.append(EventBatch(after, tuple(reading.events)))
                after = batches[-1].last
            if after == reading.last or len(reading.events) < EVENTS_MAX:
                return batches
        raise expired_cursor("Too much has happened since; read the map anew.")

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(READ_SECONDS)
            try:
                inventory = await self._find_inventory()
                if self._due(inventory):
                    await self._read(inventory)
            except Exception as error:
                end = end_of(error, "reading changes")
                if end is not None:
                    return self._give_up(end)

    def _due(self, inventory: SaleInventory) -> bool:
        idle = time.monotonic() - self._read_at
        return inventory.ref.revision != self._revision or idle > IDLE_SECONDS

    async def _read(self, inventory: SaleInventory) -> None:
        # Taken before the reading: an event that comes during it is read next time.
        self._revision, self._read_at = inventory.ref.revision, time.monotonic()
        for _ in range(PAGES_MAX):
            reading = await inventory.events(self._position, EVENTS_MAX)
            require_continued(reading, self._position)
            if reading.events:
                self._spread(EventBatch(self._position, tuple(reading.events)))
            if len(reading.events) < EVENTS_MAX:
                return

    def _spread(self, batch: EventBatch) -> None:
        self._position = batch.last
        self._recent.append(batch)
        for subscription in self.subscriptions:
            subscription.offer(batch)

    def _give_up(self, end: StreamEnd) -> None:
        self.finish(end)
        self._recent.clear()
        self._task = None  # whoever subscribes next begins anew
