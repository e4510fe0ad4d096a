"""The listening socket of a worker, each of whose connections is bounded."""

import asyncio
import select
from socket import AF_UNIX, socket
from typing import Final

from aiohttp import web

from holdfast_web.request.route_index import RouteIndex
from holdfast_web.server.bounds import ConnectionBounds
from holdfast_web.server.entry import guard
from holdfast_web.server.open_connections import OpenConnections
from holdfast_web.server.rejections import Rejections
from holdfast_web.shedding.shedder import Shedder

BACKLOG: Final = 2048
ACCEPTED_AT_ONCE: Final = 16


class BoundedSite(web.SockSite):
    """A `SockSite` whose connections are `Connection`s.

    libuv accepts one connection of a listening socket in each turn of the event loop. In an
    overload a turn takes tens of milliseconds, so that connections would wait for seconds to be
    accepted while the worker serves or refuses a few. So the loop watches the socket under several
    descriptors, and accepts one connection by each.
    """

    __slots__ = (
        "_app",
        "_bounds",
        "_connections",
        "_listeners",
        "_rejections",
        "_shedder",
        "ending",
    )

    def __init__(
        self,
        runner: web.AppRunner,
        sock: socket,
        bounds: ConnectionBounds,
        rejections: Rejections,
        shedder: Shedder,
    ) -> None:
        super().__init__(runner, sock, backlog=BACKLOG)
        self._app = runner.app
        self._bounds = bounds
        self._rejections = rejections
        self._shedder = shedder
        self._listeners: list[asyncio.Server] = []
        self._connections: OpenConnections | None = None
        self.ending = asyncio.Event()
        """Set it to have each connection closed with its next response."""

    @property
    def is_awaited(self) -> bool:
        """Whether connections wait to be accepted."""
        queue = select.poll()
        queue.register(self._sock, select.POLLIN)
        return bool(queue.poll(0))

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return 0 if self._connections is None else self._connections.count

    async def start(self) -> None:
        """Begins to accept connections."""
        await web.BaseSite.start(self)
        server = self._runner.server
        assert server is not None
        routed = RouteIndex(self._app).before(server.request_handler)
        server.request_handler = guard(routed, self._rejections)
        self._connections = OpenConnections(
            server, self._bounds, self._rejections, self._shedder, self.ending
        )
        accept = self._connections.accept
        loop = asyncio.get_running_loop()
        create = loop.create_unix_server if self._sock.family == AF_UNIX else loop.create_server
        for sock in (self._sock, *(self._sock.dup() for _ in range(ACCEPTED_AT_ONCE - 1))):
            self._listeners.append(await create(accept, sock=sock, backlog=self._backlog))

    async def stop(self) -> None:
        """Stops accepting connections."""
        for listener in self._listeners:
            listener.close()
        await super().stop()
