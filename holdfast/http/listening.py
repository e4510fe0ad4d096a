"""Listens on a worker's socket, with bounds for every connection, and shuts down promptly.

aiohttp's shutdown stops reading at once, so a request whose body is still arriving could never be
answered, and waits for clients that take nothing. `finish_in_flight` lets the former be read first
and gives the latter up.
"""

import asyncio
from socket import socket

from aiohttp import web

from holdfast.config import Config
from holdfast_web.server.connection import Connection, ConnectionBounds
from holdfast_web.server.rejections import Rejections
from holdfast_web.server.site import BoundedSite

IN_FLIGHT_SECONDS = 5.0
STALLED_SECONDS = 1.0
POLL_SECONDS = 0.02


async def start_listening(
    app: web.Application, config: Config, sock: socket, rejections: Rejections
) -> web.AppRunner:
    """Serves `app` on `sock` until the runner is cleaned up."""
    runner = web.AppRunner(
        app,
        handle_signals=False,
        # A write whose client went away is still carried to its end.
        handler_cancellation=False,
        shutdown_timeout=config.shutdown_seconds,
    )
    await runner.setup()
    bounds = ConnectionBounds(
        header_seconds=config.header_seconds,
        keepalive_seconds=config.keepalive_seconds,
        write_seconds=config.write_seconds,
    )
    await BoundedSite(runner, sock, bounds, rejections).start()
    return runner


async def finish_in_flight(runner: web.AppRunner) -> None:
    """Stops accepting, then waits up to `IN_FLIGHT_SECONDS` for the requests that have begun.

    A client has STALLED_SECONDS for each piece of an answer meanwhile, and then must take at once
    what is left. Handlers that are still at work have aiohttp's own bound after that.
    """
    for site in runner.sites:
        await site.stop()
    assert runner.server is not None
    connections = [one for one in runner.server.connections if isinstance(one, Connection)]
    begun = [(one, one.requests_begun) for one in connections if one.is_busy]
    _set_write_seconds(connections, STALLED_SECONDS)
    for _ in range(round(IN_FLIGHT_SECONDS / POLL_SECONDS)):
        if not any(one.is_busy and one.requests_begun == count for one, count in begun):
            break
        await asyncio.sleep(POLL_SECONDS)
    _set_write_seconds(connections, 0.0)


def _set_write_seconds(connections: list[Connection], seconds: float) -> None:
    for connection in connections:
        connection.set_write_seconds(seconds)
