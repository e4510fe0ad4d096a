"""The HTTP connection of one client: aiohttp's, with bounds that it does not have.

- No body is decompressed: a kilobyte may expand to a gigabyte, which would stop the event loop. A
  compressed one is refused before it is read (`guard`).
- A refused body is not read to its end, unless it is short, so that the connection can be kept;
  after any other the connection is closed with the response.
- What is not HTTP gets a problem document, and is not logged: aiohttp would log the bytes, which
  may be a cookie that is too long.
- A response that the client does not read ends the connection. The transport's buffer has a
  high-water mark of 0: writing is paused as soon as the kernel does not take all at once, and
  resumed when the buffer is empty. So a pause is a client that is behind, and one timer for each
  pause bounds them all at no cost for clients that read.
- A client that is gone before its request is handled causes no error in the log.

aiohttp has settings for two of these. The rest needs names that it keeps to itself or might change
(see the package's docstring); tests/web/server/test_connection.py tells how they have to behave.
"""

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.faults import log_fault
from holdfast_web.problems import problem_response, to_error
from holdfast_web.request.body import BODY_LIMIT_BYTES
from holdfast_web.request.request_id import new_request_id, request_id
from holdfast_web.server.arrival import Arrival
from holdfast_web.server.bounds import ConnectionBounds
from holdfast_web.server.ready import SERVER_NAME, Ready
from holdfast_web.server.rejections import Rejection, Rejections
from holdfast_web.server.request_loop import RequestLoop
from holdfast_web.shedding.priority import Priority, priority_of
from holdfast_web.shedding.shedder import Shedder

REST_BYTES: Final = BODY_LIMIT_BYTES
_HEAD_END: Final = b"\r\n\r\n"


class Connection(RequestLoop):
    """The protocol of one connection; `server` is what an `AppRunner` has made."""

    __slots__ = (
        "_arrived_at",
        "_bounds",
        "_ending",
        "_first_deadline",
        "_head_timer",
        "_is_at_boundary",
        "_is_to_decide",
        "_lost",
        "_may_be_old",
        "_open_transport",
        "_priority",
        "_proxy",
        "_rejections",
        "_shedder",
        "_unreadable",
        "_waiting",
        "_write_seconds",
        "_write_timer",
    )

    def __init__(
        self,
        server: web.Server,
        bounds: ConnectionBounds,
        rejections: Rejections,
        shedder: Shedder,
        arrival: Arrival,
        *,
        ending: asyncio.Event,
        lost: Callable[[], None],
        is_decided: bool,
    ) -> None:
        """Once `ending` is set, every response has `Connection: close` and ends its connection."""
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,
            keepalive_timeout=bounds.keepalive_seconds,
            auto_decompress=False,
            lingering_time=0.0,
        )
        self._bounds = bounds
        self._rejections = rejections
        self._ending = ending
        self._lost = lost
        self._open_transport: asyncio.Transport | None = None
        self._write_seconds = bounds.write_seconds
        self._write_timer: asyncio.TimerHandle | None = None
        self._unreadable = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._first_deadline = arrival.deadline
        self._proxy = arrival.proxy
        self._shedder = shedder
        self._is_at_boundary = True
        self._is_to_decide = not is_decided
        self._waiting = 0
        self._arrived_at = 0.0
        self._priority: Priority | None = None
        self._may_be_old = arrival.proxy is not None

    # For the shutdown

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

    # For the bound of connections

    @property
    def idle_since(self) -> float | None:
        """When the last response was done, by the loop's clock; None while there is a request."""
        if not self.is_idle:
            return None
        return self._next_keepalive_close_time - self._bounds.keepalive_seconds

    def close_idle(self) -> None:
        """Closes the connection, on which no request is under way."""
        self.force_close()

    # For shedding

    def begin(self, request: BaseRequest) -> bool:
        """The handler of a request is about to begin; whether nothing about it is to be decided."""
        if self._waiting:
            self._waiting -= 1
            self._shedder.work -= 1
        return request.method == "GET" and not self._is_to_decide

    def refusal_of(self, request: BaseRequest) -> web.StreamResponse | None:
        """The response to a request that is refused where its handler would begin."""
        shedder = self._shedder
        priority = priority_of(request.method, request.raw_path)
        if self._is_to_decide:
            self._is_to_decide = bool(self._messages)  # which came together with this one
            reason = shedder.refusal(priority, shedder.clock() - self._arrived_at)
            if reason is not None:
                shedder.count(reason, priority)
                accept = request.headers.get(hdrs.ACCEPT, "")
                return shedder.answers.response(request.path, accept)
        if shedder.begin(priority):
            self._priority = priority
        return None

    def receive(self, data: bytes, turn: float) -> None:
        """Passes on the first bytes of a connection, or bytes that may be a request that writes."""
        count, is_idle = self._request_count, self.is_idle
        super().data_received(data)
        begun = self._request_count - count
        if begun or data:  # aiohttp also calls with nothing, to go on with what it has
            self._is_at_boundary = begun == 1 and (
                data.endswith(_HEAD_END) or (is_idle and self._is_all(data))
            )
            self._follow(data, begun, turn)
        self.proceed()

    def _is_all(self, data: bytes) -> bool:
        """Whether the request that has just begun is all of `data`."""
        body = self._messages[-1][1]
        head = data.find(_HEAD_END) + len(_HEAD_END)
        return body.is_eof() and len(data) == head + body.total_bytes

    def _follow(self, data: bytes, begun: int, turn: float) -> None:
        """Counts the requests that `data` has begun, or bounds the time for the rest of a head."""
        if begun:
            self._waiting += begun
            self._shedder.add(begun)
            self._arrived_at = turn
            self._stop_head_timer()
        elif self._head_timer is None and not (self._messages or self.is_busy):
            is_first = not self._request_count
            deadline = self._first_deadline if is_first else turn + self._bounds.header_seconds
            self._head_timer = self._loop.call_at(deadline, self._close_in_head)

    def _refuse(self, data: bytes) -> bool:
        """Whether `data` is a request that is refused, and has been answered."""
        transport = self._open_transport
        if not data or self._ending.is_set():
            return False
        self._is_to_decide = True
        if transport is None or self._force_close or self._close or self._paused:
            return False
        if not (self._is_at_boundary and self.is_idle):
            return False
        look = self._shedder.look(transport, data, self._proxy, may_be_old=self._may_be_old)
        self._is_to_decide = not look.is_decided
        self._may_be_old = look.pauses or self._proxy is not None
        if not look.answer:
            return False
        self._request_count += 1
        transport.write(look.answer)
        if look.closes:
            self.force_close()
        else:
            self._next_keepalive_close_time = self._loop.time() + self._bounds.keepalive_seconds
        if look.pauses:
            self._shedder.pauses.begin(transport)
        return True

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._open_transport = cast(asyncio.Transport, transport)
        self._open_transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        # Every poll comes by here, so what is usual is written out.
        shedder, turn = self._shedder, self._loop.time()
        if turn != shedder.turn:
            shedder.begin_turn(turn)
        shedder.reads += 1
        if (shedder.reads > shedder.calm_reads or self._may_be_old) and self._refuse(data):
            return
        if data[:1] != b"G":
            self.receive(data, turn)
            return
        count = self._request_count
        super().data_received(data)
        begun = self._request_count - count
        # Where one head ends the data, a body that it may have is read before the next request.
        self._is_at_boundary = begun == 1 and data.endswith(_HEAD_END)
        if begun != 1:
            self._follow(data, begun, turn)
        self.proceed()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_write_timer()
        self._stop_head_timer()
        self._shedder.work -= self._waiting
        self._waiting = 0
        if self._open_transport is not None:
            self._open_transport = None
            self._lost()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_write_timer()

    def resume_writing(self) -> None:
        self._stop_write_timer()
        super().resume_writing()

    # Called by aiohttp for requests

    def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        # No coroutine of its own for what is usual: every poll comes by here.
        if self._priority is not None:
            self._shedder.done(self._priority, self._arrived_at)
            self._priority = None
        is_ready = type(resp) is Ready  # to ask for any other type takes ten times as long
        if not is_ready and isinstance(resp, web.HTTPException):
            resp = problem_response(_refusal(resp), request_id(request))
        if (is_ready or isinstance(resp, web.StreamResponse)) and not resp.prepared:
            resp.headers.setdefault(hdrs.SERVER, SERVER_NAME)
            if self._ending.is_set() and not self._messages:  # pipelined ones are answered, too
                resp.force_close()
        if self._unreadable or not request.content.is_eof():
            return self._finish_unread(request, resp, start_time)
        if is_ready and not self._upgraded and cast(Ready, resp).write_at_once(request):
            return _written(resp, request.writer if self._paused else None)
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
            self._shedder.work -= min(self._waiting, 1)  # it has no handler
            self._waiting -= min(self._waiting, 1)
            self._rejections.add(Rejection.MALFORMED)
            code = ErrorCode.MALFORMED_REQUEST
        else:
            log_fault("request failed", exc)
            code = ErrorCode.INTERNAL_ERROR
        if request.writer.output_size > 0:
            raise ConnectionError("A response has begun already.")
        response = problem_response(HoldfastError(code), new_request_id())
        response.force_close()
        return response

    def log_exception(self, *_args: Any, **members: Any) -> None:
        log_fault("request failed outside of its handler", members.get("exc_info"))

    # Bounds

    def _close_in_head(self) -> None:
        self._head_timer = None
        if self.is_idle and not self._is_at_boundary:
            self.force_close()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

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


async def _written(
    resp: web.StreamResponse, full: AbstractStreamWriter | None
) -> tuple[web.StreamResponse, bool]:
    """What became of a response that is written, once the client has taken what is `full`."""
    try:
        if full is not None:
            await full.drain()
    except ConnectionError:
        return resp, True
    return resp, False


def _refusal(raised: web.HTTPException) -> HoldfastError:
    """The error for what aiohttp refuses before any handler: an address that is no path, or an
    expectation, which aiohttp's own text would repeat.
    """
    if raised.status == HTTPStatus.EXPECTATION_FAILED:
        return invalid("Expect", "The header Expect can be `100-continue`.")
    return to_error(raised)
