"""The protocol of a connection until a request of it is accepted.

A `Connection` has a parser, a task and timers. This has next to nothing, so that clients that
connect and say nothing, and clients that are refused, cost a fraction of those that are served.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from aiohttp import web

from holdfast_web.shedding.shedder import ACCEPTED, Shedder

WRITE_BUFFER_BYTES: Final = 8 * 1024


class TakeOverHook(Protocol):
    """Puts another protocol in the place of this one."""

    def __call__(self, arrival: "Arrival", data: bytes, turn: float, *, is_decided: bool) -> None:
        """Lets the other protocol handle these first bytes; `is_decided`: they are accepted."""


class Arrival(asyncio.Protocol):
    """A connection none of whose requests has been accepted yet.

    It is closed when nothing has come for `silent_seconds`, and after a refusal for
    `idle_seconds`. One that `is_surplus` is refused whatever comes.
    """

    __slots__ = (
        "_ending",
        "_idle_seconds",
        "_loop",
        "_lost",
        "_may_be_old",
        "_server",
        "_shedder",
        "_take_over",
        "_timer",
        "deadline",
        "idle_since",
        "is_surplus",
        "proxy",
        "transport",
    )

    def __init__(
        self,
        shedder: Shedder,
        take_over: TakeOverHook,
        lost: Callable[[], None],
        server: web.Server,
        ending: asyncio.Event,
        *,
        silent_seconds: float,
        idle_seconds: float,
        is_surplus: bool = False,
    ) -> None:
        self._shedder = shedder
        self._take_over = take_over
        self._lost = lost
        self._server = server
        self._ending = ending
        self._idle_seconds = idle_seconds
        self._may_be_old = True
        self._loop = asyncio.get_running_loop()
        self.is_surplus = is_surplus
        self.idle_since = self._loop.time()
        self.deadline = self.idle_since + silent_seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._server.connection_made(cast(Any, self), self.transport)
        self.proxy = self._shedder.proxies.of(self.transport)
        self._timer = self._loop.call_at(self.deadline, self._on_time)

    def connection_lost(self, _exc: BaseException | None) -> None:
        self._leave()
        self._lost()

    def pause_writing(self) -> None:
        self.transport.abort()  # it does not even take refusals

    def data_received(self, data: bytes) -> None:
        shedder, turn = self._shedder, self._loop.time()
        if turn != shedder.turn:
            shedder.begin_turn(turn)
        shedder.reads += 1
        if self._ending.is_set():
            look = ACCEPTED  # whose response says that it is the last one
        elif self.is_surplus:
            look = shedder.refuse_surplus(data)
        else:
            look = shedder.look(self.transport, data, self.proxy, may_be_old=self._may_be_old)
        if not look.answer:
            self._leave()
            self._take_over(self, data, turn, is_decided=look.is_decided)
            return
        self._may_be_old = look.pauses
        self.transport.write(look.answer)
        self.idle_since, self.deadline = turn, turn + self._idle_seconds
        if self.deadline < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(self.deadline, self._on_time)
        if look.closes:
            self.transport.close()
        elif look.pauses:
            shedder.pauses.begin(self.transport)

    def close_idle(self) -> None:
        """Closes the connection, on which no request is under way."""
        self.transport.close()

    # Called by aiohttp for the connections of its server, of which this is one

    _task_handler: Final = None

    def close(self) -> None:
        """Closes the connection, on which no request is under way."""
        self.transport.close()

    async def shutdown(self, _timeout: float | None = None) -> None:
        """Closes the connection."""
        self.transport.close()

    def _leave(self) -> None:
        self._timer.cancel()
        self._server.connection_lost(cast(Any, self))

    def _on_time(self) -> None:
        if self._loop.time() < self.deadline:
            self._timer = self._loop.call_at(self.deadline, self._on_time)
        else:
            self.transport.close()
