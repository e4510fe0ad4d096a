"""Answers polls of the status document, which are nearly all of the traffic.

A poll makes no store call and encodes nothing: the document's bytes are kept, the headers are made
once per document, and both are written at once. Measured beside a bare handler, an ETag and headers
cost 9% of a request, a labelled counter and histogram 20-30%, which is why requests are counted in
plain integers.
"""

from typing import Final, Protocol

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import RoomServices
from holdfast_queue.line.status import StatusDocument
from holdfast_web.paths import SALE
from holdfast_web.responses import JSON_TYPE
from holdfast_web.server.ready import Ready


class WaitingRooms(Protocol):
    """From a sale's name to its room in this process."""

    def known(self, name: str) -> Room | None:
        """The room if it is built already; a call, since polls need not wait to find that out."""

    async def get(self, name: str) -> Room:
        """The room, built at its first use; raises UNKNOWN_SALE."""


ROOMS: Final[web.AppKey[WaitingRooms]] = web.AppKey("rooms")

ROOM_SERVICES: Final = web.AppKey("services", RoomServices)

STATUS_ROUTE: Final = SALE + "/status"
STATUS_CACHING: Final = "public, max-age=0, s-maxage=1"


class StatusPoll:
    """Answers status polls; `respond` is wrapped as an endpoint."""

    def __init__(self) -> None:
        self._headers: tuple[StatusDocument, CIMultiDictProxy[str]] | None = None

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """The document, or 304 when the client has it."""
        rooms, name = request.app[ROOMS], request.match_info["sale"]
        document = (rooms.known(name) or await rooms.get(name)).document
        known = request.headers.get("If-None-Match")
        headers = self._headers_of(document)
        if known is not None and document.etag in known:
            return Ready(status=304, headers=headers)
        return Ready(body=document.body, headers=headers)

    def _headers_of(self, document: StatusDocument) -> CIMultiDictProxy[str]:
        """The headers of a document, of which each response makes its own copy."""
        if self._headers is None or self._headers[0] is not document:
            headers = CIMultiDict(
                {
                    "Content-Type": JSON_TYPE,
                    "Cache-Control": STATUS_CACHING,
                    "ETag": document.etag,
                }
            )
            self._headers = document, CIMultiDictProxy(headers)
        return self._headers[1]
