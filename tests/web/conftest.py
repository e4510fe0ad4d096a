"""A small application over real HTTP, for the conventions that every endpoint shares."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from support.http.connections import PATIENT, Site, Start, application

from holdfast_web.faults import handle_loop_fault
from holdfast_web.server.bounds import ConnectionBounds
from holdfast_web.server.connection import Connection
from holdfast_web.server.rejections import Rejections
from holdfast_web.server.site import BoundedSite
from holdfast_web.shedding.request_age import ProxyClocks
from holdfast_web.shedding.shedder import OFF, Shedder
from holdfast_web.trusted_proxies import TrustedProxies

Client = TestClient[web.Request, web.Application]
Serve = Callable[[web.Application], Awaitable[Client]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves an application on a free port; closed with the test."""
    clients: list[Client] = []

    async def start(app: web.Application) -> Client:
        client = TestClient(TestServer(app))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    runners = []

    async def started(
        bounds: ConnectionBounds = PATIENT,
        shed_after_ms: int = OFF,
        app: web.Application | None = None,
    ) -> Site:
        asyncio.get_running_loop().set_exception_handler(handle_loop_fault)
        sites: list[Site] = []
        runner = web.AppRunner(app or application(sites), shutdown_timeout=1)
        await runner.setup()
        sock = socket.create_server(("127.0.0.1", 0))
        rejected: list[str] = []
        refused: list[tuple[str, str]] = []
        rejections = Rejections(rejected.append, lambda *counted: refused.append(counted))
        shedder = Shedder(shed_after_ms, ProxyClocks(TrustedProxies()), rejections.refuse)
        sites.append(Site(runner, sock.getsockname()[1], shedder, rejected, refused))
        await BoundedSite(runner, sock, bounds, rejections, shedder).start()
        runners.append(runner)
        return sites[0]

    yield started
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes connections have taken from their transports, a number each time."""
    counted: list[int] = []
    receive = Connection.data_received

    def count(connection: Connection, data: bytes) -> None:
        counted.append(len(data))
        receive(connection, data)

    monkeypatch.setattr(Connection, "data_received", count)
    return counted
