"""Net changes of one sale's map, sent to all clients of the process that follow it.

One task for each sale reads the map, no more than every TICK_SECONDS and only when something has
happened, takes it into a history for each view (channel), and writes what is new to every client:
a message is encoded once for all clients that know the same map, and nearly all do. No client has a
task of its own. A client whose connection has not taken its last message yet is passed over, and
told the net of it all when it has: what a slow client costs is one message, however slow it is.
A message of many bytes is followed by a longer pause, so that BYTES_PER_SECOND bound each stream.

Invariant: a client's map, with all messages applied that it was sent, is the map of the last
one's `id`; see map_history for what net changes promise.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from holdfast_inventory.events.map_history import MapHistory
from holdfast_inventory.events.sale_reader import FindInventory
from holdfast_inventory.events.subscriptions import StreamEnd, end_of, last_message
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.holds.seat_map import SeatMap
from holdfast_tasks import start_task

TICK_SECONDS: Final = 0.25
IDLE_SECONDS: Final = 2.0
HEARTBEAT_SECONDS: Final = 15.0
BYTES_PER_SECOND: Final = 20_000
_SLACK_SECONDS: Final = 0.01
"""a timer may come so much too early"""
_NOWHERE: Final = -1
_READING: Final = "reading the map"

_log = logging.getLogger(__name__)


class MapClient:
    """The connection of one client, whose response has begun.

    `known` is the etag of the map that it has, empty for none; `every` the seconds between two
    messages at least. `chunked` says whether the response is sent in chunks.
    """

    def __init__(
        self, transport: asyncio.Transport, view: str, known: str, every: float, *, chunked: bool
    ) -> None:
        self.view: Final = view
        self.known: Final = known
        self.every: Final = every
        self.position = _NOWHERE
        self.due_at = 0.0
        self.written_at = time.monotonic()
        self.ended = asyncio.get_running_loop().create_future()
        self._transport = transport
        self._chunked = chunked

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be written any more."""
        return self._transport.is_closing()

    @property
    def is_ready(self) -> bool:
        """Whether all that was written has been taken."""
        return self._transport.get_write_buffer_size() == 0

    def write(self, chunk: bytes, now: float) -> None:
        """Writes a message, which is one chunk of a response."""
        head = 0 if self._chunked else chunk.index(b"\r\n") + 2
        self._transport.write(chunk[head:-2] if head else chunk)
        self.written_at = now
        self.due_at = now + max(self.every, len(chunk) / BYTES_PER_SECOND) - _SLACK_SECONDS

    def finish(self, end: StreamEnd | None = None) -> None:
        """Ends the response, with a message that says why unless the client shall come back."""
        if self.ended.done():
            return
        if end not in (None, StreamEnd.CLOSING) and not self.is_gone:
            self.write(as_chunk(last_message(end)), time.monotonic())
        self.ended.set_result(None)


class MapStream:
    """Reads the map of one sale, and tells all who follow it."""

    def __init__(self, find_inventory: FindInventory) -> None:
        self.clients: set[MapClient] = set()
        self._find_inventory = find_inventory
        self._histories: dict[str, MapHistory] = {}
        self._chunks: dict[tuple[str, int], bytes] = {}
        self._latest: SeatMap | None = None
        self._revision = -1
        self._read_at = 0.0
        self._starting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def join(self, client: MapClient) -> None:
        """Tells a client from now on; at once, when its map is none that is remembered.

        A client whose map cannot be read is ended: its response has begun, so there is no other.
        """
        self.clients.add(client)
        try:
            async with self._starting:
                if self._task is None:
                    await self._start()
        except Exception as error:
            client.finish(end_of(error, _READING))
            return
        position = self._history(client.view).position_of(client.known)
        client.position = _NOWHERE if position is None else position
        self._tell(client, time.monotonic())

    def leave(self, client: MapClient) -> None:
        """Removes a client; without any left the map is not read any more."""
        self.clients.discard(client)
        if not self.clients:
            self.stop()

    def stop(self) -> None:
        """Stops reading."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._forget()

    def finish(self, end: StreamEnd) -> None:
        """Ends the streams of all clients."""
        for client in self.clients:
            client.finish(end)

    async def _start(self) -> None:
        inventory = await self._find_inventory()
        self._forget()
        await self._read(inventory)
        self._task = start_task(self._run(), name=f"map of {inventory.name}")

    def _forget(self) -> None:
        self._histories.clear()
        self._chunks.clear()
        self._latest = None
        self._revision = -1

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            end = await self._tick()
            if end is not None:
                self.finish(end)
                self._forget()
                self._task = None  # whoever joins next begins anew
                return

    async def _tick(self) -> StreamEnd | None:
        """Reads what is new and tells it; how the streams end, None while they go on.

        While the map cannot be read, clients that went away are let go, and others hear that the
        stream goes on.
        """
        try:
            inventory = await self._find_inventory()
            if self._due(inventory):
                await self._read(inventory)
        except Exception as error:
            end = end_of(error, _READING)
            if end is not None:
                return end
        try:
            self._tell_all()
        except Exception as error:
            return end_of(error, "telling the map") or StreamEnd.CLOSING
        return None

    def _due(self, inventory: SaleInventory) -> bool:
        idle = time.monotonic() - self._read_at
        return inventory.ref.revision != self._revision or idle > IDLE_SECONDS

    async def _read(self, inventory: SaleInventory) -> None:
        """Takes all readings in that the process has made, its own included: others have answered
        who asked for the map, and may come back with them.
        """
        self._revision, self._read_at = inventory.ref.revision, time.monotonic()
        await inventory.seat_map()
        for seat_map in inventory.maps_after(self._latest):
            for view, history in self._histories.items():
                history.advance(seat_map.seen_by(view))
            if self._latest is None:
                self._histories[""] = MapHistory(seat_map.seen_by(""))
            self._latest = seat_map
        self._chunks.clear()

    def _history(self, view: str) -> MapHistory:
        assert self._latest is not None
        if view not in self._histories:
            self._histories[view] = MapHistory(self._latest.seen_by(view))
        return self._histories[view]

    def _tell_all(self) -> None:
        now = time.monotonic()
        for client in tuple(self.clients):
            if client.is_gone:
                client.finish()
            else:
                self._tell(client, now)

    def _tell(self, client: MapClient, now: float) -> None:
        """Writes what is new to a client that is due and has taken what it was told before."""
        history = self._history(client.view)
        if client.position == history.position:
            if now - client.written_at >= HEARTBEAT_SECONDS and client.is_ready:
                client.write(as_chunk(b":\nid: %b\n\n" % history.etag.encode()), now)
        elif now >= client.due_at and client.is_ready:
            client.write(self._chunk(history, client), now)
            client.position = history.position

    def _chunk(self, history: MapHistory, client: MapClient) -> bytes:
        known = (client.view, client.position if history.remembers(client.position) else _NOWHERE)
        if known not in self._chunks:
            self._chunks[known] = as_chunk(_message(history, known[1]))
        return self._chunks[known]


def _message(history: MapHistory, position: int) -> bytes:
    tag = history.etag.encode()
    if position == _NOWHERE:
        return b"id: %b\nevent: map\ndata: %b\n\n" % (tag, history.whole_map())
    return b"id: %b\ndata: %b\n\n" % (tag, history.net_changes(position))


def as_chunk(message: bytes) -> bytes:
    """A message as one chunk of a response (RFC 9112, 7.1), made once for all clients."""
    return b"%x\r\n%b\r\n" % (len(message), message)
