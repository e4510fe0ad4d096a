"""One client's HTTP connection: aiohttp's, with the bounds that it does not have.

- No body is decompressed: a kilobyte may stand for a gigabyte, and unpacking it would stop the loop
  for everybody. Who compresses one is told so before it is read (`refuse_encoded`).
- A body that was refused is not read to its end. Of a short one the rest is taken, so that the
  connection can be kept; with any other the answer is the last thing that happens on it.
- What is not HTTP gets a problem document, and the log never sees it: aiohttp would log the bytes,
  a cookie that is too long or a link with a raw `é` among them.
- An answer that the client does not take ends the connection, whatever kind of answer it is. The
  transport's buffer has no allowance: it is paused as soon as the kernel does not take something
  at once, and goes on when it is empty. So a pause is a client that is behind, an answer is over
  only when the kernel has all of it, and one timer for each pause bounds them all at no cost to
  those who read.
- A client that is gone before its request is handled is no fault of anybody.

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
"""What the header `Server` says: no version, which would tell strangers what to try."""

REST_BYTES: Final = BODY_LIMIT_BYTES

Handler = Callable[[BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class ConnectionBounds:
    """How long a client may take: for the first request's head, between requests, for each piece of
    an answer (see ready), and to see that its body is not wanted.
    """

    header_seconds: float = 10.0
    keepalive_seconds: float = 15.0
    write_seconds: float = 20.0
    linger_seconds: float = 1.0


class Connection(RequestHandler):
    """The protocol of one connection; `server` is what an `AppRunner` has made."""

    __slots__ = ("_bounds", "_link", "_rejections", "_unreadable", "_write_seconds", "_write_timer")

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
        self._link: asyncio.Transport | None = None
        self._write_seconds = bounds.write_seconds
        self._write_timer: asyncio.TimerHandle | None = None
        self._unreadable = False

    # What a shutdown asks

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
        """Whether something waits for the client to take it."""
        return self._write_timer is not None

    def hurry(self, seconds: float) -> None:
        """From now on the client has so long for each piece of an answer, this one included."""
        self._write_seconds = seconds
        if self.is_stalled:
            self._start_write_timer()

    # What the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._link = cast(asyncio.Transport, transport)
        self._link.set_write_buffer_limits(high=0)
        self._loop.call_later(self._bounds.header_seconds, self._close_silent)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_write_timer()
        self._link = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_write_timer()

    def resume_writing(self) -> None:
        self._stop_write_timer()
        super().resume_writing()

    # What aiohttp does with requests

    async def start(self) -> None:
        try:
            await super().start()
        except Exception:
            # A request arrived and the connection was lost before this task had its turn: aiohttp
            # has taken apart by then what it would need for the handler.
            if self._link is not None:
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
        """The answer to what is not HTTP (400), or to what a handler raised."""
        if status == ErrorCode.MALFORMED_REQUEST.status:
            self._unreadable = True
            self._rejections.add(Rejection.MALFORMED)
            code = ErrorCode.MALFORMED_REQUEST
        else:
            log_fault("request failed", exc)
            code = ErrorCode.INTERNAL_ERROR
        if request.writer.output_size > 0:
            raise ConnectionError("An answer is on its way already.")
        response = problem_response(HoldfastError(code))
        response.force_close()
        return response

    def log_exception(self, *_args: Any, **members: Any) -> None:
        log_fault("request failed outside of its handler", members.get("exc_info"))

    # Bounds

    def _close_silent(self) -> None:
        if self._link is not None and not self._request_count:
            self.force_close()

    def _cut_off(self) -> None:
        if self._link is not None:
            self._rejections.add(Rejection.NOT_READING)
            self._link.abort()

    def _start_write_timer(self) -> None:
        self._stop_write_timer()
        self._write_timer = self._loop.call_later(self._write_seconds, self._cut_off)

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    async def _finish_unread(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answers a request of which something was not read."""
        if not self._is_short(request) and not resp.prepared:
            resp.force_close()
        resp, lost = await super().finish_response(request, resp, start_time)
        if not lost:
            await self._leave_rest(request, keep=resp.keep_alive is not False)
        return resp, lost

    def _is_short(self, request: BaseRequest) -> bool:
        """Whether the rest of the body may as well be read."""
        length = request.content_length
        return not self._unreadable and length is not None and length <= REST_BYTES

    async def _leave_rest(self, request: BaseRequest, *, keep: bool) -> None:
        """Gets past what was not read of a request that has been answered."""
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
    """What aiohttp refuses before any handler: an address that is no path, or an expectation, which
    it would repeat.
    """
    if raised.status == HTTPStatus.EXPECTATION_FAILED:
        return invalid("Expect", "The header Expect can be `100-continue`.")
    return to_error(raised)


def refuse_encoded(handler: Handler, rejections: Rejections) -> Handler:
    """`handler`, but a request whose body has a `Content-Encoding` is 415 whatever it asks for."""

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
