"""The listening socket of a worker: connections that never ask, and requests still on their way.

aiohttp closes a connection that idles after a request, and the endpoints bound how long a body may
take, but a connection that sends no head, or drips one, would stay open for ever; a few thousand of
them are all that a process can hold. And its shutdown stops reading at once, so a request whose
body is still arriving could never be answered: `finish_in_flight` lets those be read first. Both
need to look at a counter and a flag that aiohttp keeps to itself; tests hold them in place.
"""

import asyncio
from socket import socket

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

BACKLOG = 2048
IN_FLIGHT_SECONDS = 5.0
POLL_SECONDS = 0.02


class BoundedSite(web.SockSite):
    """A `SockSite` that closes what has sent no request within `header_seconds`."""

    __slots__ = ("_header_seconds",)

    def __init__(self, runner: web.BaseRunner, sock: socket, header_seconds: float) -> None:
        super().__init__(runner, sock, backlog=BACKLOG)
        self._header_seconds = header_seconds

    async def start(self) -> None:
        """Begin to accept."""
        await web.BaseSite.start(self)
        self._server = await asyncio.get_running_loop().create_server(
            self._accept, sock=self._sock, backlog=self._backlog
        )

    def _accept(self) -> RequestHandler:
        server = self._runner.server
        assert server is not None
        protocol = server()
        asyncio.get_running_loop().call_later(self._header_seconds, _close_silent, protocol)
        return protocol


def _close_silent(protocol: RequestHandler) -> None:
    if protocol.transport is not None and not protocol._request_count:
        protocol.force_close()


async def finish_in_flight(runner: web.AppRunner) -> None:
    """Accept nothing new, then wait, within a bound, for the requests that have begun."""
    for site in runner.sites:
        await site.stop()
    assert runner.server is not None
    begun = [(c, c._request_count) for c in runner.server.connections if c._request_in_progress]
    for _ in range(round(IN_FLIGHT_SECONDS / POLL_SECONDS)):
        if not any(_goes_on(*one) for one in begun):
            return
        await asyncio.sleep(POLL_SECONDS)


def _goes_on(protocol: RequestHandler, request_count: int) -> bool:
    return (
        protocol.transport is not None
        and protocol._request_in_progress
        and protocol._request_count == request_count
    )
