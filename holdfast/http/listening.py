"""Listens on a socket with bounds for every connection, and stops without losing a request.

aiohttp's shutdown takes no more requests at once: one that arrives in that moment, or waits to be
accepted, is reset, and a proxy does not repeat it when it may have done something. So
`finish_in_flight` comes before it:

1. Each response says that it is its connection's last one, so the client sends no other there.
2. Who waits to be accepted is accepted, then the socket is closed.
3. Connections without a request may still bring one. They are given up when none of them has for
QUIET_SECONDS.
"""

import asyncio
import time
from socket import socket

from aiohttp import web

from holdfast.config import Config
from holdfast_web.server.bounds import ConnectionBounds
from holdfast_web.server.connection import Connection
from holdfast_web.server.rejections import Rejections
from holdfast_web.server.site import BoundedSite
from holdfast_web.shedding.request_age import ProxyClocks
from holdfast_web.shedding.shedder import Shedder
from holdfast_web.trusted_proxies import TrustedProxies

HANDSHAKE_SECONDS = 0.1
ACCEPT_TURNS = 100
"""of the event loop"""
IN_FLIGHT_SECONDS = 5.0
QUIET_SECONDS = 1.0
STALLED_SECONDS = 1.0
POLL_SECONDS = 0.02


async def start_listening(
    app: web.Application,
    config: Config,
    sock: socket,
    rejections: Rejections,
    shedder: Shedder,
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
        connections=config.connections,
    )
    await BoundedSite(runner, sock, bounds, rejections, shedder).start()
    return runner


def end_connections(runner: web.AppRunner) -> None:
    """Has every connection closed with its next response, while new ones are still accepted."""
    for site in _sites(runner):
        site.ending.set()


def make_shedder(config: Config, rejections: Rejections) -> Shedder:
    """What refuses requests of this worker in an overload."""
    proxies = ProxyClocks(TrustedProxies(config.trusted_proxies))
    return Shedder(config.shed_after_ms, proxies, rejections.refuse)


def count_connections(runner: web.AppRunner) -> int:
    """How many connections are open."""
    return sum(site.connections for site in _sites(runner))


async def finish_in_flight(runner: web.AppRunner) -> None:
    """Stops accepting, then answers what arrives within `IN_FLIGHT_SECONDS`.

    A client has STALLED_SECONDS for each piece of an answer meanwhile, and then must take at once
    what is left. Handlers that are still at work have aiohttp's own bound after that.
    """
    end_connections(runner)
    await _accept_waiting(_sites(runner))
    for site in runner.sites:
        await site.stop()
    _set_write_seconds(runner, STALLED_SECONDS)
    await _until_quiet(runner)
    _set_write_seconds(runner, 0.0)


async def _accept_waiting(sites: list[BoundedSite]) -> None:
    """Goes on accepting until the queue is empty. HANDSHAKE_SECONDS are for connections that are
    half made when the parent ends the intake.
    """
    await asyncio.sleep(HANDSHAKE_SECONDS)
    for _ in range(ACCEPT_TURNS):
        if not any(site.is_awaited for site in sites):
            return
        await asyncio.sleep(0)


async def _until_quiet(runner: web.AppRunner) -> None:
    """Until no connection is left, or no request has come or been at work for QUIET_SECONDS."""
    server = runner.server
    assert server is not None
    until = time.monotonic() + IN_FLIGHT_SECONDS
    quiet_since, answered = time.monotonic(), server.requests_count
    while server.connections and time.monotonic() < until:
        busy = any(one.is_busy for one in _connections(runner))
        if busy or server.requests_count != answered:
            quiet_since, answered = time.monotonic(), server.requests_count
        elif time.monotonic() - quiet_since > QUIET_SECONDS:
            break
        await asyncio.sleep(POLL_SECONDS)


def _sites(runner: web.AppRunner) -> list[BoundedSite]:
    return [site for site in runner.sites if isinstance(site, BoundedSite)]


def _connections(runner: web.AppRunner) -> list[Connection]:
    assert runner.server is not None
    return [one for one in runner.server.connections if isinstance(one, Connection)]


def _set_write_seconds(runner: web.AppRunner, seconds: float) -> None:
    for connection in _connections(runner):
        connection.set_write_seconds(seconds)
