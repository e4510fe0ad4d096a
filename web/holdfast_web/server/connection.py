"""The HTTP connection of one client: aiohttp's, with bounds that it does not have.

- No body is decompressed: a kilobyte may expand to a gigabyte, which would stop the event loop. A
compressed one is refused before it is read (`refuse_encoded`). - A refused body is not read to its
end, unless it is short, so that the connection can be kept; after any other the connection is
closed with the response. - What is not HTTP gets a problem document, and is not logged: aiohttp
would log the bytes, which may be a cookie that is too long. - A response that the client does not
read ends the connection, whatever kind of response it is. The transport's buffer has a high-water
mark of 0: writing is paused as soon as the kernel does not take all at once, and resumed when the
buffer is empty. So a pause is a client that is behind, a response is done only when the kernel has
all of it, and one timer for each pause bounds them all at no cost for clients that read. - A client
that is gone before its request is handled causes no error in the log.

aiohttp has settings for two of these. The rest needs names that it keeps to itself or might change
(see the package's docstring); tests/web/test_connection.py tells how they have to behave.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.faults import log_fault
from holdfast_web.problems import problem_response, to_error
from holdfast_web.request.body import BODY_LIMIT_BYTES
from holdfast_web.server.rejections import Rejection, Rejections

SERVER_NAME: Final = "holdfast"
"""The header `Server`, without a version, which would tell attackers what to try."""

REST_BYTES: Final = BODY_LIMIT_BYTES

Handler = Callable[[BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class ConnectionBounds:
    """How long a client may take, in seconds.

    For the head of the first request, between requests, for each piece of a response (see ready),
    and to notice that its body is refused.
    """

    header_seconds: float = 10.0
    keepalive_seconds: float = 15.0
    write_seconds: float = 20.0
    linger_seconds: float = 1.0


class Connection(RequestHandler):
    """The protocol of one connection; `server` is what an `AppRunner` has made."""

    __slots__ = (
        "_bounds",
        "_open_transport",
        "_rejections",
        "_unreadable",
        "_write_seconds",
        "_write_timer",
    )

    def __init__(
        self, server: web.Server, bounds: ConnectionBounds, rejections: Rejections
    ) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # as `AppRunner(access_log=None)` does it
            keepalive_timeout=bounds.keepalive_seconds,
            auto_decompress=False,
            lingering_time=0.0,
        )
        self._bounds = bounds
        self._rejections = rejections
        self._open_transport: asyncio.Transport | None = None
        self._write_seconds = bounds.write_seconds
        self._write_timer: asyncio.TimerHandle | None = None
        self._unreadable = False

    # For the shutdown

    @property
    def requests_begun(self) -> int:
        """How many requests have arrived so far."""
        return self._request_count

    @property
    def is_busy(self) -> bool:
        """Whether a request is being handled or its answer is on the way."""
        return self.transport is not None and self._request_in_progress

    @property
    def is_stalled(self) -> bool:
        """Whether a response waits for the client to read it."""
        return self._write_timer is not None

    def set_write_seconds(self, seconds: float) -> None:
        """Sets the time for each piece of a response, including the present one."""
        self._write_seconds = seconds
        if self.is_stalled:
            self._start_write_timer()

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._open_transport = cast(asyncio.Transport, transport)
        self._open_transport.set_write_buffer_limits(high=0)
        self._loop.call_later(self._bounds.header_seconds, self._close_silent)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_write_timer()
        self._open_transport = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_write_timer()

    def resume_writing(self) -> None:
        self._stop_write_timer()
        super().resume_writing()

    # Called by aiohttp for requests

    async def start(self) -> None:
        try:
            await super().start()
        except Exception:
            # A request arrived and the connection was lost before this task had its turn: aiohttp
            # has taken apart by then what it would need for the handler.
            if self._open_transport is not None:
                raise

    def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        # No coroutine of its own for what is usual: every poll comes by here.
        if isinstance(resp, web.HTTPException):
            resp = problem_response(_refusal(resp))
        if isinstance(resp, web.StreamResponse) and not resp.prepared:
            resp.headers.setdefault(hdrs.SERVER, SERVER_NAME)
        if self._unreadable or not request.content.is_eof():
            return self._finish_unread(request, resp, start_time)
        return super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The response to what is not HTTP (400), or to what a handler raised (500)."""
        if status == ErrorCode.MALFORMED_REQUEST.status:
            self._unreadable = True
            self._rejections.add(Rejection.MALFORMED)
            code = ErrorCode.MALFORMED_REQUEST
        else:
            log_fault("request failed", exc)
            code = ErrorCode.INTERNAL_ERROR
        if request.writer.output_size > 0:
            raise ConnectionError("A response has begun already.")
        response = problem_response(HoldfastError(code))
        response.force_close()
        return response

    def log_exception(self, *_args: Any, **members: Any) -> None:
        log_fault("request failed outside of its handler", members.get("exc_info"))

    # Bounds

    def _close_silent(self) -> None:
        if self._open_transport is not None and not self._request_count:
            self.force_close()

    def _abort(self) -> None:
        if self._open_transport is not None:
            self._rejections.add(Rejection.NOT_READING)
            self._open_transport.abort()

    def _start_write_timer(self) -> None:
        self._stop_write_timer()
        self._write_timer = self._loop.call_later(self._write_seconds, self._abort)

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    async def _finish_unread(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Finishes the response to a request that was not read to its end."""
        if not self._is_short(request) and not resp.prepared:
            resp.force_close()
        resp, lost = await super().finish_response(request, resp, start_time)
        if not lost:
            await self._skip_rest(request, keep=resp.keep_alive is not False)
        return resp, lost

    def _is_short(self, request: BaseRequest) -> bool:
        """Whether the rest of the body is short enough to be read."""
        length = request.content_length
        return not self._unreadable and length is not None and length <= REST_BYTES

    async def _skip_rest(self, request: BaseRequest, *, keep: bool) -> None:
        """Reads or discards the rest of a request whose response is written."""
        if keep:
            try:
                async with asyncio.timeout(self._bounds.linger_seconds):
                    while not request.content.is_eof():
                        await request.content.readany()
            except (TimeoutError, ConnectionError, web.RequestPayloadError):
                pass  # aiohttp closes what has not come to its end
        elif self.transport is not None:
            # Closed with something unread, the kernel resets the connection, and a reset takes the
            # answer from a client that is still sending. It sees the end of ours first.
            self.transport.pause_reading()
            self.transport.write_eof()
            await asyncio.sleep(self._bounds.linger_seconds)


def _refusal(raised: web.HTTPException) -> HoldfastError:
    """The error for what aiohttp refuses before any handler: an address that is no path, or an
    expectation, which aiohttp's own text would repeat.
    """
    if raised.status == HTTPStatus.EXPECTATION_FAILED:
        return invalid("Expect", "The header Expect can be `100-continue`.")
    return to_error(raised)


def refuse_encoded(handler: Handler, rejections: Rejections) -> Handler:
    """Wraps `handler`: a request whose body has a `Content-Encoding` is refused with 415."""

    def guarded(request: BaseRequest) -> Awaitable[web.StreamResponse]:
        if hdrs.CONTENT_ENCODING in request.headers and not _is_plain(request):
            return _refused(rejections)
        return handler(request)

    return guarded


def _is_plain(request: BaseRequest) -> bool:
    codings = request.headers.getall(hdrs.CONTENT_ENCODING)
    return all(coding.strip().lower() in ("", "identity") for coding in codings)


async def _refused(rejections: Rejections) -> web.StreamResponse:
    rejections.add(Rejection.ENCODED)
    response = problem_response(HoldfastError(ErrorCode.UNSUPPORTED_ENCODING))
    response.force_close()
    return response
