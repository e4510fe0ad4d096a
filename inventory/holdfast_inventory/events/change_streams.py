"""The streams of changes that a process has open.

A stream stays open for as long as somebody looks at a map, so what it costs the store must not
depend on how many there are: each sale has one reader of events (sale_reader) for all of its
subscribers, and one of the map (map_stream) for all who follow net changes.

Invariants: a subscriber gets every event after its cursor once, in order, or an end that says why
not; queues, memories, catching up and the number of streams are bounded.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

from holdfast_inventory.events.events import Cursor
from holdfast_inventory.events.map_stream import MapClient, MapStream
from holdfast_inventory.events.sale_reader import QUEUE_MAX, FindInventory, SaleReader
from holdfast_inventory.events.subscriptions import StreamEnd, Subscription
from holdfast_web.errors import ErrorCode, HoldfastError

RETRY_SECONDS: Final = 5


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
        self._maps: dict[str, MapStream] = {}
        self._open = 0
        self._open_by: Counter[str] = Counter()
        self._closing = False

    @contextlib.asynccontextmanager
    async def subscribed(
        self, sale: str, find_inventory: FindInventory, after: Cursor, address: str
    ) -> AsyncIterator[Subscription]:
        """A subscription while the `with` block runs; 503 `overloaded` when there are enough, 429
        `too_many_streams` when `address` has enough.
        """
        with self.admitted(address):
            reader = self._readers.setdefault(sale, SaleReader(find_inventory, self._queue_max))
            try:
                subscription = await reader.subscribe(after)
                try:
                    yield subscription
                finally:
                    reader.leave(subscription)
            finally:
                if not reader.subscriptions and self._readers.get(sale) is reader:
                    del self._readers[sale]

    @contextlib.contextmanager
    def admitted(self, address: str) -> Iterator[None]:
        """Counts a stream while the `with` block runs; refuses it as `subscribed` does."""
        self._require_room(address)
        self._count(address, 1)
        try:
            yield
        finally:
            self._count(address, -1)

    @contextlib.asynccontextmanager
    async def following(
        self, sale: str, find_inventory: FindInventory, client: MapClient
    ) -> AsyncIterator[None]:
        """Tells a client that has been admitted of net changes while the `with` block runs."""
        stream = self._maps.setdefault(sale, MapStream(find_inventory))
        try:
            await stream.join(client)
            if self._closing:
                client.finish(StreamEnd.CLOSING)
            yield
        finally:
            stream.leave(client)
            if not stream.clients and self._maps.get(sale) is stream:
                del self._maps[sale]

    def close(self) -> None:
        """Ends all streams and refuses new ones. Harmless to repeat."""
        self._closing = True
        for reader in self._readers.values():
            reader.finish(StreamEnd.CLOSING)
        for stream in self._maps.values():
            stream.finish(StreamEnd.CLOSING)

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
