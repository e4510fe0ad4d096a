"""Changes of the seats for many at once: one reader per process and sale, whoever listens.

A stream of changes stays open for as long as somebody looks at a map, so what it costs the store
must not depend on how many look. The first subscriber of a sale starts its reader, which asks for
the events after the last one it has seen, only when this process knows of a newer revision or
IDLE_SECONDS have passed, and gives what it finds to everybody; the last one to go ends it. The
latest events are kept, so that most subscribers begin without a call to the store.

Invariants: a subscriber gets every event after its cursor once, in order, or an end that says why
not; queues, memories, catching up and the number of streams are bounded, and a subscriber that does
not keep up is let go instead of being waited for.

Rejected: a blocking read on the stream. It would need a connection of its own for each sale, and
the revision already tells, within a tick, whether there is anything to read.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from holdfast_inventory.events.events import EVENTS_MAX, Cursor, expired_cursor, require_continued
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_ledger import LedgerError, SaleMissing
from holdfast_lua.calls.hold_terms import StreamEvent
from holdfast_lua.errors import StoreError
from holdfast_tasks import start_task
from holdfast_web.errors import ErrorCode, HoldfastError

READ_SECONDS: Final = 0.2
IDLE_SECONDS: Final = 2.0
PAGES_MAX: Final = 10
REMEMBERED_BATCHES: Final = 256
QUEUE_MAX: Final = 128
RETRY_SECONDS: Final = 5

FindInventory = Callable[[], Awaitable[SaleInventory]]

_log = logging.getLogger(__name__)


class StreamEnd(StrEnum):
    """Why a stream ends; CLOSING alone is not told, since whoever reconnects goes on."""

    CURSOR_EXPIRED = "cursor_expired"
    TOO_SLOW = "too_slow"
    UNKNOWN_SALE = "unknown_sale"
    CLOSING = "closing"


@dataclass(frozen=True)
class Batch:
    """Events read at once, and what was made of them for everybody who gets the same."""

    after: Cursor
    events: tuple[StreamEvent, ...]
    frames: dict[str, bytes] = field(default_factory=dict)

    @property
    def last(self) -> Cursor:
        """The cursor of the last event."""
        return self.events[-1].cursor

    def since(self, cursor: Cursor) -> Batch:
        """The part after a cursor."""
        if cursor <= self.after:
            return self
        return Batch(cursor, tuple(event for event in self.events if event.cursor > cursor))


class Subscription:
    """What one subscriber has yet to be told."""

    def __init__(self, after: Cursor, size: int) -> None:
        self.cursor = after
        self.end: StreamEnd | None = None
        self._size = size
        self._queue: deque[Batch] = deque()
        self._ready = asyncio.Event()

    def offer(self, batch: Batch) -> None:
        """One more; a full queue ends the subscription instead of growing."""
        if self.end is not None:
            return
        if len(self._queue) >= self._size:
            self._queue.clear()
            self.finish(StreamEnd.TOO_SLOW)
            return
        self._queue.append(batch)
        self._ready.set()

    def begin(self, batches: list[Batch]) -> None:
        """What comes before everything that was offered meanwhile."""
        self._queue.extendleft(reversed(batches))
        self._ready.set()

    def finish(self, end: StreamEnd) -> None:
        """Nothing more will come; what is queued is still told."""
        self.end = self.end or end
        self._ready.set()

    async def take(self, seconds: float) -> list[Batch]:
        """What there is, waiting up to `seconds` for it; empty when there is nothing or the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        if self.end is None:
            self._ready.clear()
        taken = []
        while self._queue:
            batch = self._queue.popleft()
            if batch.last > self.cursor:  # what was caught up with is not told again
                taken.append(batch.since(self.cursor))
                self.cursor = batch.last
        return taken


class SaleReader:
    """Reads the events of one sale for all of its subscribers in this process."""

    def __init__(self, find_inventory: FindInventory, queue_max: int = QUEUE_MAX) -> None:
        self.subscriptions: set[Subscription] = set()
        self._find_inventory = find_inventory
        self._queue_max = queue_max
        self._position: Cursor = (0, 0)
        self._recent: deque[Batch] = deque(maxlen=REMEMBERED_BATCHES)
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
        """The subscriber is gone; the last one takes the reader along."""
        self.subscriptions.discard(subscription)
        if not self.subscriptions:
            self.stop()

    def stop(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._recent.clear()

    def finish(self, end: StreamEnd) -> None:
        """End all subscriptions."""
        for subscription in self.subscriptions:
            subscription.finish(end)

    async def _start(self, after: Cursor) -> None:
        inventory = await self._find_inventory()
        reading = await inventory.events(after, 1)
        require_continued(reading, after)
        self._position, self._revision = reading.last, -1
        self._task = start_task(self._run(), name=f"changes of {inventory.name}")

    def _remembered(self, after: Cursor) -> list[Batch] | None:
        """What follows `after`, when all of it is still known here."""
        if not self._recent or not self._recent[0].after <= after <= self._position:
            return None
        return [batch.since(after) for batch in self._recent if batch.last > after]

    async def _catch_up(self, after: Cursor) -> list[Batch]:
        """What follows `after` up to now; whoever has missed too much had better begin anew."""
        inventory = await self._find_inventory()
        batches: list[Batch] = []
        for _ in range(PAGES_MAX):
            reading = await inventory.events(after, EVENTS_MAX)
            require_continued(reading, after)
            if reading.events:
                batches.append(Batch(after, tuple(reading.events)))
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
            except SaleMissing:
                return self._give_up(StreamEnd.UNKNOWN_SALE)
            except (StoreError, LedgerError) as error:
                _log.info("changes are read again later: %r", error)
            except HoldfastError as error:
                if error.code in _ENDS:
                    return self._give_up(_ENDS[error.code])
                _log.info("changes are read again later: %r", error)

    def _due(self, inventory: SaleInventory) -> bool:
        idle = time.monotonic() - self._read_at
        return inventory.ref.revision != self._revision or idle > IDLE_SECONDS

    async def _read(self, inventory: SaleInventory) -> None:
        # The revision before the reading: what comes during it is read next time.
        self._revision, self._read_at = inventory.ref.revision, time.monotonic()
        for _ in range(PAGES_MAX):
            reading = await inventory.events(self._position, EVENTS_MAX)
            require_continued(reading, self._position)
            if reading.events:
                self._spread(Batch(self._position, tuple(reading.events)))
            if len(reading.events) < EVENTS_MAX:
                return

    def _spread(self, batch: Batch) -> None:
        self._position = batch.last
        self._recent.append(batch)
        for subscription in self.subscriptions:
            subscription.offer(batch)

    def _give_up(self, end: StreamEnd) -> None:
        self.finish(end)
        self._recent.clear()
        self._task = None  # whoever subscribes next begins anew


_ENDS: Final = {
    ErrorCode.CURSOR_EXPIRED: StreamEnd.CURSOR_EXPIRED,
    ErrorCode.UNKNOWN_SALE: StreamEnd.UNKNOWN_SALE,
}


@dataclass(frozen=True)
class StreamBounds:
    """How many streams a process has open at once, and how many of them for one address."""

    streams: int = 1000
    streams_per_address: int = 100


class ChangeStreams:
    """All streams of one process."""

    def __init__(self, bounds: StreamBounds, queue_max: int = QUEUE_MAX) -> None:
        self._bounds = bounds
        self._queue_max = queue_max
        self._readers: dict[str, SaleReader] = {}
        self._open = 0
        self._open_by: Counter[str] = Counter()
        self._closing = False

    @contextlib.asynccontextmanager
    async def subscribed(
        self, sale: str, find_inventory: FindInventory, after: Cursor, address: str
    ) -> AsyncIterator[Subscription]:
        """A subscription for as long as the block runs; 503 `overloaded` when there are enough, 429
        `too_many_streams` when `address` has enough.
        """
        self._require_room(address)
        self._count(address, 1)
        try:
            reader = self._readers.setdefault(sale, SaleReader(find_inventory, self._queue_max))
            subscription = await reader.subscribe(after)
            try:
                yield subscription
            finally:
                reader.leave(subscription)
        finally:
            self._count(address, -1)
            self._forget_idle(sale)

    def close(self) -> None:
        """End all streams and take no new ones. Harmless to repeat."""
        self._closing = True
        for reader in self._readers.values():
            reader.finish(StreamEnd.CLOSING)

    def _require_room(self, address: str) -> None:
        if self._closing or self._open >= self._bounds.streams:
            raise HoldfastError(
                ErrorCode.OVERLOADED, "Poll instead, or try again.", retry_after=RETRY_SECONDS
            )
        if self._open_by[address] >= self._bounds.streams_per_address:
            raise HoldfastError(ErrorCode.TOO_MANY_STREAMS, retry_after=RETRY_SECONDS)

    def _count(self, address: str, change: int) -> None:
        self._open += change
        self._open_by[address] += change
        if not self._open_by[address]:
            del self._open_by[address]

    def _forget_idle(self, sale: str) -> None:
        reader = self._readers.get(sale)
        if reader is not None and not reader.subscriptions:
            del self._readers[sale]
