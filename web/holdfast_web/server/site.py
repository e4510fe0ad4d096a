"""The listening socket of a worker, each of whose connections is bounded."""

import asyncio
from socket import socket
from typing import Final

from aiohttp import web

from holdfast_web.server.connection import Connection, ConnectionBounds, refuse_encoded
from holdfast_web.server.rejections import Rejections

BACKLOG: Final = 2048


class BoundedSite(web.SockSite):
    """A `SockSite` whose connections are `Connection`s."""

    __slots__ = ("_bounds", "_rejections")

    def __init__(
        self,
        runner: web.AppRunner,
        sock: socket,
        bounds: ConnectionBounds,
        rejections: Rejections,
    ) -> None:
        super().__init__(runner, sock, backlog=BACKLOG)
        self._bounds = bounds
        self._rejections = rejections

    async def start(self) -> None:
        """Begins to accept connections."""
        await web.BaseSite.start(self)
        server = self._runner.server
        assert server is not None
        server.request_handler = refuse_encoded(server.request_handler, self._rejections)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(server, self._bounds, self._rejections),
            sock=self._sock,
            backlog=self._backlog,
        )
