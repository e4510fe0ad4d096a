"""Responses whose bytes are complete: head and body are written at once.

aiohttp prepares every response for compression, chunks, payloads, cookie objects and signals, which
takes longer than computing a visitor's view. A `Ready` response is a status, headers and bytes. For
a usual request (HTTP/1.1, kept alive, no HEAD) all of it is written in one step, when it is
prepared; for any other aiohttp sends it. A test compares the bytes of both ways.

It is for what visitors and buyers ask for most: polls, JSON, problem documents, maps and plans.
`loadtest/bench/over_http/http_responses.py` measures what it saves of each (docs/performance.md,
"Responses written at once"); what is rare is left to aiohttp.

A body above PIECE_BYTES is written in pieces, each when the client has read the last one: many
clients that read slowly, or not at all, share one document instead of having a copy each.

`on_response_prepare` signals are not sent; the service has none. Names and values of headers are
written, and checked for line breaks, by aiohttp's own function for that.
"""

from typing import Final

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11
from aiohttp.http_writer import _serialize_headers
from aiohttp.web_request import BaseRequest

SERVER_NAME: Final = "holdfast"
"""The header `Server`, without a version, which would tell attackers what to try."""
PIECE_BYTES: Final = 64 * 1024
_BODILESS: Final = 304
_METHODS: Final = frozenset({"GET", "POST"})


class Ready(web.Response):
    """A response of bytes. 304 has no body, every other status has one."""

    def write_at_once(self, request: BaseRequest) -> bool:
        """Writes all of it if the request is a usual one, and says so. Who goes on sending requests
        and does not read is to be waited for afterwards: `request.writer.drain()`.
        """
        body, transport = self._body or b"", request.transport
        if (
            not isinstance(body, bytes)
            or transport is None
            or transport.is_closing()
            or self.prepared
            or len(body) > PIECE_BYTES
            or not self._is_written_at_once(request)
        ):
            return False
        headers = self._headers
        if body:
            headers[hdrs.CONTENT_LENGTH] = str(len(body))
        headers[hdrs.DATE] = rfc822_formatted_time()
        headers.setdefault(hdrs.SERVER, SERVER_SOFTWARE)
        head = _serialize_headers(f"HTTP/1.1 {self._status} {self._reason}", headers)
        transport.write(head + body)
        self._keep_alive = self._eof_sent = True
        return True

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        if not self.write_at_once(request):
            return await super().prepare(request)
        await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        body, writer = self._body, self._payload_writer
        if not isinstance(body, bytes) or writer is None or not self._is_written_in_pieces(body):
            return await super().write_eof(data)
        view = memoryview(body)
        for start in range(0, len(view), PIECE_BYTES):
            await writer.write(view[start : start + PIECE_BYTES])
            await writer.drain()
        await web.StreamResponse.write_eof(self)
        return None

    def _is_written_in_pieces(self, body: bytes) -> bool:
        return (
            len(body) > PIECE_BYTES
            and not self._eof_sent
            and not self._must_be_empty_body
            and not self._compression
        )

    def _is_written_at_once(self, request: BaseRequest) -> bool:
        return (
            request.keep_alive
            and request.version == HttpVersion11
            and request.method in _METHODS
            and (self._status == _BODILESS) is not bool(self._body)
            and self._keep_alive is None
            and not (self._cookies or self._chunked or self._compression)
        )
