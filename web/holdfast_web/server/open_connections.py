"""The open connections of a worker, of which there are no more than so many.

Where the bound is met, connections that are idle are closed, those first that have been so for the
longest time. Where too few are idle, new ones are answered 503 and closed, and where even of these
there are too many, they are closed at once.
"""

import asyncio
import math
from heapq import nsmallest
from typing import Final

from aiohttp import web

from holdfast_web.server.arrival import Arrival
from holdfast_web.server.bounds import ConnectionBounds
from holdfast_web.server.connection import Connection
from holdfast_web.server.rejections import Rejections
from holdfast_web.shedding.priority import Priority
from holdfast_web.shedding.shedder import Refusal, Shedder

UNLIMITED: Final = 0
PORTION: Final = 16
"""A sixteenth of the bound is closed together, so that looking for the idle ones is rare; and so
many more are accepted to be refused."""
IDLE_SECONDS: Final = 1.0
"""A connection that has been idle for less is not closed: its request may be on the way."""
SURPLUS_SECONDS: Final = 1.0
LOOK_AGAIN_SECONDS: Final = 0.1
"""How long nobody looks for idle connections again after too few were found. In an overload nearly
all are in use, and looking through them for every new one would take the time to serve them."""


class OpenConnections:
    """Makes the protocols of one listening socket, within the bound."""

    def __init__(
        self,
        server: web.Server,
        bounds: ConnectionBounds,
        rejections: Rejections,
        shedder: Shedder,
        ending: asyncio.Event,
    ) -> None:
        self._server = server
        self._bounds = bounds
        self._rejections = rejections
        self._shedder = shedder
        self._ending = ending
        self._loop = asyncio.get_running_loop()
        self.count = 0
        """How many are open."""
        self._look_after = -math.inf

    def accept(self) -> asyncio.Protocol:
        """The protocol of a connection that has just been accepted."""
        surplus = self._surplus()
        if surplus >= 0 and self._close_idle():
            surplus = -1
        if surplus > self._bounds.connections // PORTION:
            self._shedder.count(Refusal.CONNECTIONS, Priority.NEW)
            return ClosedConnection()
        is_surplus = surplus >= 0
        self.count += 1
        return Arrival(
            self._shedder,
            self._take_over,
            self._lost,
            self._server,
            self._ending,
            silent_seconds=SURPLUS_SECONDS if is_surplus else self._bounds.header_seconds,
            idle_seconds=self._bounds.keepalive_seconds,
            is_surplus=is_surplus,
        )

    def _surplus(self) -> int:
        """How many more there are than may be; negative where one more fits."""
        if self._bounds.connections == UNLIMITED:
            return -1
        return self.count - self._bounds.connections

    def _close_idle(self) -> bool:
        """Closes those that have been idle the longest; whether there were any."""
        now = self._loop.time()
        if now < self._look_after:
            return False
        before = now - IDLE_SECONDS
        idle = [
            (since, number, one)
            for number, one in enumerate(self._server.connections)
            if isinstance(one, Connection | Arrival)
            and (since := one.idle_since) is not None
            and since < before
        ]
        portion = max(1, self._bounds.connections // PORTION)
        oldest = nsmallest(portion, idle)
        if len(oldest) < portion:
            self._look_after = now + LOOK_AGAIN_SECONDS
        for _, _, one in oldest:
            one.close_idle()
        return bool(oldest)

    def _lost(self) -> None:
        self.count -= 1

    def _take_over(self, arrival: Arrival, data: bytes, turn: float, *, is_decided: bool) -> None:
        connection = Connection(
            self._server,
            self._bounds,
            self._rejections,
            self._shedder,
            arrival,
            ending=self._ending,
            lost=self._lost,
            is_decided=is_decided,
        )
        arrival.transport.set_protocol(connection)
        connection.connection_made(arrival.transport)
        connection.receive(data, turn)


class ClosedConnection(asyncio.Protocol):
    """Closes its connection as soon as there is one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
