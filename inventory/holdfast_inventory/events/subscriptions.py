"""Subscriptions: the queue of changes of one client, and the reason why it ended.

A queue is bounded, and a subscriber that does not keep up is ended instead of waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from holdfast_inventory.events.events import Cursor
from holdfast_ledger import LedgerError, SaleMissing
from holdfast_lua.calls.hold_terms import StreamEvent
from holdfast_lua.errors import StoreError
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.faults import log_fault

_log = logging.getLogger(__name__)


class StreamEnd(StrEnum):
    """Why a stream ends. A client is not told of CLOSING: it reconnects and goes on."""

    CURSOR_EXPIRED = "cursor_expired"
    TOO_SLOW = "too_slow"
    UNKNOWN_SALE = "unknown_sale"
    CLOSING = "closing"


_ENDS: Final = {
    ErrorCode.CURSOR_EXPIRED: StreamEnd.CURSOR_EXPIRED,
    ErrorCode.UNKNOWN_SALE: StreamEnd.UNKNOWN_SALE,
}


def end_of(error: Exception, doing: str) -> StreamEnd | None:
    """How an error ends the streams of a sale; None for one that may pass. Both are logged."""
    if isinstance(error, SaleMissing):
        return StreamEnd.UNKNOWN_SALE
    if isinstance(error, (HoldfastError, StoreError, LedgerError)):
        end = _ENDS.get(error.code) if isinstance(error, HoldfastError) else None
        if end is None:
            _log.info("%s failed; it is tried again: %r", doing, error)
        return end
    # Clients would wait for ever for a task that is no more.
    log_fault(f"{doing} failed; the streams of it end", error)
    return StreamEnd.CLOSING


def last_message(end: StreamEnd) -> bytes:
    """The server-sent event that tells a client why its stream ends."""
    return b"event: end\ndata: %b\n\n" % msgspec.json.encode({"code": end.value})


@dataclass(frozen=True)
class EventBatch:
    """Events read at once; `frames` has their encoding for each view (a channel, or none)."""

    after: Cursor
    events: tuple[StreamEvent, ...]
    frames: dict[str, bytes] = field(default_factory=dict)

    @property
    def last(self) -> Cursor:
        """The cursor of the last event."""
        return self.events[-1].cursor

    def since(self, cursor: Cursor) -> EventBatch:
        """The events of the batch after a cursor."""
        if cursor <= self.after:
            return self
        return EventBatch(cursor, tuple(event for event in self.events if event.cursor > cursor))


class Subscription:
    """The changes that one subscriber has yet to take, from `cursor` on."""

    def __init__(self, after: Cursor, size: int) -> None:
        self.cursor = after
        self.end: StreamEnd | None = None
        self._size = size
        self._queue: deque[EventBatch] = deque()
        self._ready = asyncio.Event()

    def offer(self, batch: EventBatch) -> None:
        """Queues a batch; a full queue ends the subscription instead of growing."""
        if self.end is not None:
            return
        if len(self._queue) >= self._size:
            self._queue.clear()
            self.finish(StreamEnd.TOO_SLOW)
            return
        self._queue.append(batch)
        self._ready.set()

    def begin(self, batches: list[EventBatch]) -> None:
        """Queues batches before those that were offered meanwhile."""
        self._queue.extendleft(reversed(batches))
        self._ready.set()

    def finish(self, end: StreamEnd) -> None:
        """Ends the subscription; what is queued can still be taken."""
        self.end = self.end or end
        self._ready.set()

    async def take(self, seconds: float) -> list[EventBatch]:
        """The queued batches, waiting up to `seconds`; empty when there are none or at the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        if self.end is None:
            self._ready.clear()
        taken = []
        while self._queue:
            batch = self._queue.popleft()
            if batch.last > self.cursor:  # not what catching up has given already
                taken.append(batch.since(self.cursor))
                self.cursor = batch.last
        return taken
