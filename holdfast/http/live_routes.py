"""`GET /v1/sales/{sale}/live`: the live figures of a sale, as JSON or as server-sent events.

The first event has the whole document, each later one, a second apart, everything but the history,
of which it has the newest point. A worker has STREAMS_MAX streams at most; JSON is answered however
many there are. A client that has yet to take what was written gets nothing more until then, and
then what is newest.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Final

import msgspec
from aiohttp import hdrs, web

from holdfast.figures.live_figures import LiveFigures
from holdfast.http.app_keys import DIRECTORY, EXECUTOR
from holdfast.http.health import CHECKS
from holdfast_inventory.http.streams import STREAM_HEADERS, SseClient, wants_stream
from holdfast_ledger import LedgerError
from holdfast_lua.history import HistoryCalls
from holdfast_web.credentials import ACTING_KEY, Role, require_role
from holdfast_web.endpoint import endpoint
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.metrics import METRICS
from holdfast_web.paths import SALE
from holdfast_web.request.request_id import HEADER as REQUEST_ID
from holdfast_web.request.request_id import request_id
from holdfast_web.request.taken_query import takes_query
from holdfast_web.request.text import query_text
from holdfast_web.responses import JSON_TYPE
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole

STREAMS_MAX: Final = 100
EVERY_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 5
_HEADERS: Final = {"Cache-Control": "no-store", "Vary": "Accept"}


class LiveStreams:
    """The open streams of a worker."""

    def __init__(self) -> None:
        self.closing = asyncio.Event()
        self._open = 0

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """One more stream while the `with` block runs; 503 `overloaded` when there are enough."""
        if self._open >= STREAMS_MAX or self.closing.is_set():
            raise HoldfastError(
                ErrorCode.OVERLOADED, "Poll instead, or try again.", retry_after=RETRY_SECONDS
            )
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1


LIVE_FIGURES: Final = web.AppKey("live_figures", LiveFigures)
LIVE_STREAMS: Final = web.AppKey("live_streams", LiveStreams)


def add_routes(app: web.Application) -> None:
    """Adds the route; streams end as soon as the application's shutdown begins."""
    app.cleanup_ctx.append(_figures)
    app[LIVE_STREAMS] = LiveStreams()
    app.on_shutdown.append(_close)
    RoleRoutes(app, ServiceRole.OPERATOR).get(SALE + "/live", live)


async def _figures(app: web.Application) -> AsyncIterator[None]:
    async def checks() -> dict[str, str]:
        return await app[CHECKS].find("readiness") or {}

    app[LIVE_FIGURES] = LiveFigures(app[DIRECTORY], HistoryCalls(app[EXECUTOR]), checks)
    yield
    await app[LIVE_FIGURES].stop()


async def _close(app: web.Application) -> None:
    app[LIVE_STREAMS].closing.set()


@endpoint
@takes_query("history")
async def live(request: web.Request) -> web.StreamResponse:
    """The figures of a sale; with `history=sale` those of the whole sale instead of the hour."""
    await require_role(request, Role.VIEWER)
    figures, name = request.app[LIVE_FIGURES], request.match_info["sale"]
    span = query_text(request, "history")
    if span not in (None, "hour", "sale"):
        raise invalid("history", "`history` can be `hour` or `sale`.")
    if span == "sale":
        body = await figures.whole(name)
    else:
        body = (await figures.document(name)).body
        if wants_stream(request):
            return await _stream(request, body)
    return web.Response(body=body, headers=_HEADERS, content_type=JSON_TYPE)


async def _stream(request: web.Request, first: bytes) -> web.StreamResponse:
    figures, streams = request.app[LIVE_FIGURES], request.app[LIVE_STREAMS]
    name = request.match_info["sale"]
    headers = {**STREAM_HEADERS, REQUEST_ID: request_id(request)}
    response = web.StreamResponse(headers=headers)
    if request.method == hdrs.METH_HEAD:
        return response
    with streams.open(), request.app[METRICS].open_streams.track_inprogress():
        await response.prepare(request)
        client = SseClient(request, response)
        with contextlib.suppress(ConnectionError):  # the client is gone
            await client.write(_event("live", first))
            while not await _closes(streams) and not client.gone:
                try:
                    await _require_viewer(request)
                    document = await figures.document(name)
                except HoldfastError as error:
                    code = msgspec.json.encode({"code": error.code.value})
                    await client.write(_event("end", code))
                    break
                if not client.behind:
                    await client.write(_event("live", document.brief))
    return response


async def _require_viewer(request: web.Request) -> None:
    """Raises 401 once the key of a stream is revoked; the registry of keys asks for that rarely."""
    request.pop(ACTING_KEY, None)
    with contextlib.suppress(LedgerError):  # goes on without the ledger, as the document does
        await require_role(request, Role.VIEWER)


async def _closes(streams: LiveStreams) -> bool:
    """Waits until the next document is due; whether the streams are to end instead."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(EVERY_SECONDS):
            await streams.closing.wait()
    return streams.closing.is_set()


def _event(kind: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)
