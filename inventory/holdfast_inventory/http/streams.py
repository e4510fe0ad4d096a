"""`GET .../changes` as server-sent events.

A message carries the body of the JSON form, and its `id` is the cursor, so that an `EventSource`
resumes where it was cut off. Events that change no seat move the cursor without a message. A
comment every HEARTBEAT_SECONDS keeps proxies from closing an idle connection.

aiohttp does not cancel handlers here, so a stream checks every CHECK_SECONDS whether its client is
still connected. A client that does not read is cut off like any other, see web's connection.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Sequence
from typing import Final

import msgspec
from aiohttp import hdrs, web

from holdfast_inventory.events.change_streams import ChangeStreams, StreamBounds
from holdfast_inventory.events.events import change_items, map_channel, read_cursor
from holdfast_inventory.events.sale_reader import FindInventory
from holdfast_inventory.events.subscriptions import (
    EventBatch,
    StreamEnd,
    Subscription,
    last_message,
)
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.http.request import INVENTORIES
from holdfast_web.cors import Cors, cors_headers
from holdfast_web.errors import invalid
from holdfast_web.metrics import METRICS
from holdfast_web.request.client_address import address_network, client_address
from holdfast_web.request.negotiation import takes
from holdfast_web.request.request_id import HEADER as REQUEST_ID
from holdfast_web.request.request_id import request_id
from holdfast_web.request.text import query_text
from holdfast_web.responses import JSON_TYPE
from holdfast_web.server.ready import SERVER_NAME

EVENT_STREAM: Final = "text/event-stream"
CHANGE_STREAMS: Final = web.AppKey("change_streams", ChangeStreams)
HEARTBEAT_SECONDS: Final = 15.0
CHECK_SECONDS: Final = 2.0
RETRY_MS: Final = (2_000, 5_000)

STREAM_HEADERS: Final = {
    "Server": SERVER_NAME,  # prepared here, where `Connection` has no part yet
    "Content-Type": EVENT_STREAM,
    "Cache-Control": "no-store",
    "Vary": "Accept",
    "X-Accel-Buffering": "no",
}


def set_up_streams(app: web.Application, bounds: StreamBounds) -> None:
    """Adds the streams of `app`; they end as soon as its shutdown begins, which waits for none."""
    app[CHANGE_STREAMS] = ChangeStreams(bounds)
    app.on_shutdown.append(_close)


async def _close(app: web.Application) -> None:
    app[CHANGE_STREAMS].close()


def wants_stream(request: web.Request) -> bool:
    """Whether the client asks for server-sent events."""
    return takes(request.headers.get("Accept", ""), EVENT_STREAM, rather_than=JSON_TYPE)


async def stream_changes(request: web.Request) -> web.StreamResponse:
    """Streams the changes after `Last-Event-ID` or, on the first request, after `after`."""
    after = read_cursor(request.headers.get("Last-Event-ID") or query_text(request, "after"))
    if after is None:
        raise invalid("after", "Give the `version` of the map as `after`.")
    name, inventories = request.match_info["sale"], request.app[INVENTORIES]

    async def find_inventory() -> SaleInventory:
        return await inventories(name)

    view = map_channel(await find_inventory(), query_text(request, "channel"))
    response = web.StreamResponse(headers=await stream_headers(request))
    if request.method == hdrs.METH_HEAD:
        return response
    address, streams = address_network(client_address(request)), request.app[CHANGE_STREAMS]
    async with streams.subscribed(name, find_inventory, after, address) as subscription:
        await response.prepare(request)
        with counted(request), contextlib.suppress(ConnectionError):  # the client is gone
            await _send_changes(SseClient(request, response), subscription, find_inventory, view)
    return response


async def stream_headers(request: web.Request) -> dict[str, str]:
    """The headers of a stream of changes, which every page may read."""
    return {
        **STREAM_HEADERS,
        **await cors_headers(request, Cors.PUBLIC),
        REQUEST_ID: request_id(request),
    }


def counted(request: web.Request) -> contextlib.AbstractContextManager[None]:
    """Counts the stream among those that are open."""
    metrics = request.app.get(METRICS)
    if metrics is None:
        return contextlib.nullcontext()
    return metrics.open_streams.track_inprogress()


class SseClient:
    """The client of one stream: writes to it, and knows whether it is still there."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        self._request = request
        self._response = response
        self._written_at = 0.0

    @property
    def gone(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()

    @property
    def behind(self) -> bool:
        """Whether what was written before has not left yet: the client takes it too slowly."""
        transport = self._request.transport
        return transport is not None and transport.get_write_buffer_size() > 0

    @property
    def quiet(self) -> bool:
        """Whether it is time for a heartbeat."""
        return time.monotonic() - self._written_at >= HEARTBEAT_SECONDS

    async def write(self, data: bytes) -> None:
        await self._response.write(data)
        self._written_at = time.monotonic()


async def _send_changes(
    client: SseClient, subscription: Subscription, find_inventory: FindInventory, view: str
) -> None:
    # At random, so that the clients of a process that ended do not all come back at once.
    await client.write(b"retry: %d\n\n" % random.randint(*RETRY_MS))  # noqa: S311
    while not client.gone:
        batches = await subscription.take(CHECK_SECONDS)
        if batches:
            await client.write(_frames(await find_inventory(), batches, view))
        elif subscription.end is not None:
            if subscription.end is not StreamEnd.CLOSING:
                await client.write(last_message(subscription.end))
            return
        elif client.quiet:
            await client.write(b":\nid: %b\n\n" % _cursor_text(subscription.cursor))


def _frames(inventory: SaleInventory, batches: Sequence[EventBatch], view: str) -> bytes:
    """Each batch as one message, encoded once for all clients with the same view."""
    for batch in batches:
        if view not in batch.frames:
            batch.frames[view] = _frame(inventory, batch, view)
    return b"".join(batch.frames[view] for batch in batches)


def _frame(inventory: SaleInventory, batch: EventBatch, view: str) -> bytes:
    cursor = _cursor_text(batch.last)
    items = change_items(batch.events, inventory, view)
    if not items:
        return b"id: %b\n\n" % cursor
    data = msgspec.json.encode({"version": cursor.decode(), "changes": items})
    return b"id: %b\ndata: %b\n\n" % (cursor, data)


def _cursor_text(cursor: tuple[int, int]) -> bytes:
    return b"%d-%d" % cursor
