"""Handles the requests of a connection, each from where its bytes are read.

aiohttp wakes the connection's task for each request, and that makes a task for the handler. Here
the handler is begun by whoever reads the request. Polls and views are answered by then; a handler
that has to wait is finished by the connection's task, which also handles what was sent ahead.

Invariants: one request at a time, in their order; all steps of a handler run in one context, which
is its own; the connection's task is the current one in each step, so that timeouts end at the
handler. What is not HTTP is left to aiohttp, which ends the connection after it.
"""

import asyncio
import types
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, Final

from aiohttp import web
from aiohttp.http import StreamWriter
from aiohttp.web_protocol import RequestHandler, _ErrInfo

_OVER: Final = web.PayloadAccessError()
_Begun = tuple[Context, Coroutine[Any, Any, bool], Any]
"""The context of a request, what serves it, and what that waits for."""


class RequestLoop(RequestHandler):
    """The protocol of a connection. Whoever overrides `data_received` calls `proceed` after it."""

    __slots__ = ("_begun", "_goes_on", "is_serving")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_serving = False
        """Whether a request is being handled or its answer is on the way."""
        self._begun: _Begun | None = None
        self._goes_on = True

    @property
    def is_idle(self) -> bool:
        """Whether all has been answered and another request may come."""
        return self._goes_on and not self.is_serving and not self._messages

    def data_received(self, data: bytes) -> None:
        waiter, self._waiter = self._waiter, None  # aiohttp would wake the task
        super().data_received(data)
        self._waiter = waiter

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self._reading_paused or self._buffer_paused:  # aiohttp asks for it with every body
            super().resume_reading(resume_parser)

    def proceed(self) -> None:
        """Handles what has arrived, unless it is not its turn."""
        messages, task, loop = self._messages, self._task_handler, self._loop
        if self.is_serving or not messages or not self._goes_on:
            return
        is_request = not isinstance(messages[0][0], _ErrInfo)
        if task is None or not is_request or asyncio.current_task(loop) is not None:
            self._wake()
            return
        _enter_task(loop, task)
        try:
            self._begin()
        finally:
            _leave_task(loop, task)
        if self._begun is not None or self._messages or not self._goes_on:
            self._wake()

    async def start(self) -> None:
        """The connection's task; it ends with the connection, once what was begun is done."""
        while self._begun is not None or (self._goes_on and not self._force_close):
            if self._begun is not None:
                begun, self._begun = self._begun, None
                self._served(goes_on=await _rest(*begun))
            elif not self._messages:
                await self._wait()
            elif isinstance(self._messages[0][0], _ErrInfo):
                self.is_serving = True
                await super().start()
                return
            else:
                self._begin()
        if not self._force_close:
            self._task_handler = None
            if self.transport is not None:
                self.transport.close()

    def _begin(self) -> None:
        """Handles the first request that has arrived until it is done or has to wait."""
        self.is_serving = True
        message, payload = self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        context, serving = copy_context(), self._serve(message, payload)
        try:
            self._begun = context, serving, context.run(serving.send, None)
        except StopIteration as done:
            self._served(goes_on=done.value)

    def _served(self, *, goes_on: bool) -> None:
        self.is_serving = False
        self._goes_on = goes_on

    async def _serve(self, message: Any, payload: Any) -> bool:
        """Answers one request; whether the connection may have another."""
        manager, handler, make = self._manager, self._request_handler, self._request_factory
        task = self._task_handler
        # They are there until the connection is lost, and then no request is begun.
        assert manager is not None
        assert handler is not None
        assert make is not None
        assert task is not None
        manager.requests_count += 1
        request = make(message, payload, self, StreamWriter(self, self._loop), task)
        try:
            response, is_lost = await self._handle_request(request, None, handler)
        except ConnectionError:
            return False
        except Exception as fault:
            self.log_exception("Unhandled exception", exc_info=fault)
            self.force_close()
            return False
        except BaseException:
            self.force_close()
            raise
        self._keepalive = not is_lost and bool(response.keep_alive)
        if not payload.is_eof():
            self._keepalive = False
        payload.set_exception(_OVER)
        if not self._keepalive or self._close or self._force_close:
            return False
        closing_at = self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(closing_at, self._process_keepalive)
        return True

    async def _wait(self) -> None:
        """Waits until there is something to do."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._begun is None or task is None:
                raise
            if task.cancelling():  # not the waiter alone, as by a connection that is lost
                task.uncancel()
                task.cancel()  # it is meant for the handler, whose next step is this task's
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


@types.coroutine
def _rest(
    context: Context, serving: Coroutine[Any, Any, bool], awaited: Any
) -> Generator[Any, Any, bool]:
    """The rest of a coroutine that was begun in this context and waits for something."""
    try:
        while True:
            try:
                value = yield awaited
            except GeneratorExit:
                serving.close()
                raise
            except BaseException as exc:
                awaited = context.run(serving.throw, exc)
            else:
                awaited = context.run(serving.send, value)
    except StopIteration as done:
        return bool(done.value)
