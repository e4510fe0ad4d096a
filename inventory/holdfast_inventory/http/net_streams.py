"""`GET .../changes?form=net` as server-sent events: net changes of the map.

`events.map_stream` says what is sent and when. Here a request becomes a client of it: the response
is begun by aiohttp, and all further messages are written by the stream, as chunks that are the same
bytes for all clients. The kernel is let to keep little of what a client has not read, so that a
slow one is told what the map is now and not, in order, what it was.
"""

from __future__ import annotations

import contextlib
import math
import random
import socket
from typing import Final

from aiohttp import HttpVersion11, hdrs, web

from holdfast_inventory.events.events import map_channel
from holdfast_inventory.events.map_stream import TICK_SECONDS, MapClient
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.http.request import INVENTORIES
from holdfast_inventory.http.streams import CHANGE_STREAMS, RETRY_MS, counted, stream_headers
from holdfast_web.errors import invalid
from holdfast_web.request.client_address import address_network, client_address
from holdfast_web.request.text import query_text

EVERY_MAX: Final = 60.0
_TAG_CHARS_MAX: Final = 200
_UNREAD_BYTES: Final = 32 * 1024


async def stream_net_changes(request: web.Request) -> web.StreamResponse:
    """Streams net changes after `Last-Event-ID` or `after`; the whole map first where that is
    none that this process remembers.
    """
    known = (request.headers.get("Last-Event-ID") or query_text(request, "after") or "").strip('"')
    every = _every(query_text(request, "every"))
    name, inventories = request.match_info["sale"], request.app[INVENTORIES]

    async def find_inventory() -> SaleInventory:
        return await inventories(name)

    view = map_channel(await find_inventory(), query_text(request, "channel"))
    response = web.StreamResponse(headers=await stream_headers(request))
    if request.method == hdrs.METH_HEAD:
        return response
    streams = request.app[CHANGE_STREAMS]
    with streams.admitted(address_network(client_address(request))):
        await response.prepare(request)
        with counted(request), contextlib.suppress(ConnectionError):  # the client is gone
            # At random, so that the clients of a process that ended do not all come back at once.
            await response.write(b"retry: %d\n\n" % random.randint(*RETRY_MS))  # noqa: S311
            client = _client_of(request, view, known[:_TAG_CHARS_MAX], every)
            async with streams.following(name, find_inventory, client):
                await client.ended
    return response


def _client_of(request: web.Request, view: str, known: str, every: float) -> MapClient:
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError
    connected = transport.get_extra_info("socket")
    if connected is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD_BYTES)
    chunked = request.version >= HttpVersion11
    return MapClient(transport, view, known, every, chunked=chunked)


def _every(text: str | None) -> float:
    """The seconds between two messages at least."""
    if text is None:
        return TICK_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not TICK_SECONDS <= seconds <= EVERY_MAX:
        raise invalid("every", f"`every` can be {TICK_SECONDS} to {EVERY_MAX:.0f} seconds.")
    return seconds
