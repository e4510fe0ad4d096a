"""The streams of changes that a process has open.

A stream stays open for as long as somebody looks at a map, so what it costs the store must not
depend on how many there are: each sale has one reader (sale_reader) for all of its subscribers.

Invariants: a subscriber gets every event after its cursor once, in order, or an end that says why
not; queues, memories, catching up and the number of streams are bounded.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from holdfast_inventory.events.events import Cursor
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
