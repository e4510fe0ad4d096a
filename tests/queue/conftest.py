"""Fixtures of the line's tests; the line itself is in tests/support/line/harness.py."""

from collections import Counter
from collections.abc import AsyncIterator
from secrets import token_bytes
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from conftest import Clock
from support.line.harness import PLENTY, Ceilings, Line, LineFactory, Seals, drawn_start, with_terms
from support.line.http_visitor import Client, ClientFactory, RoomFactory
from support.line.status import line_status

from holdfast_lua import Bundle, Executor, SaleRef
from holdfast_lua.calls.line import LineCalls, LineCheckpoint
from holdfast_lua.calls.line_status import LineStatus
from holdfast_metrics.metrics import Metrics
from holdfast_queue.draw.commitment import SECRET_BYTES, Draw
from holdfast_queue.http.credentials import pass_verifier
from holdfast_queue.http.poll import ROOM_SERVICES, ROOMS
from holdfast_queue.http.routes import add_routes
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import RoomServices, make_room_services
from holdfast_queue.line.settings import LineSettings, QueueingMethod
from holdfast_web.cors import RETURN_ORIGINS
from holdfast_web.credentials import PASS_VERIFIER
from holdfast_web.endpoint import add_fallback
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.keyring import Keyring
from holdfast_web.metrics import METRICS
from holdfast_web.origins import PUBLIC_ORIGIN
from holdfast_web.request.client_address import TRUSTED_PROXIES
from holdfast_web.trusted_proxies import TrustedProxies

PUBLIC_URL = "http://wait.example"


@pytest.fixture
def scripts() -> Counter[str]:
    """How often each script ran."""
    return Counter()


@pytest.fixture
async def executor(
    store_url: str, test_bundle: Bundle, scripts: Counter[str]
) -> AsyncIterator[Executor]:
    """An executor of the test's own, which counts."""

    def count(script: str, _seconds: float, _batch: int) -> None:
        scripts[script] += 1

    async with Executor(store_url, test_bundle, observer=count) as running:
        yield running


@pytest.fixture
def make_line(executor: Executor, clock: Clock, sale_ref: SaleRef) -> LineFactory:
    """Makes an open line with plenty of stock, whose time only tests move; keywords are terms."""

    async def make(
        ceiling: int = PLENTY, start: LineCheckpoint | None = None, **terms: Any
    ) -> Line:
        await clock.stand_still()
        line = Line(executor, LineCalls(executor), sale_ref, clock.advance_ms, ceiling=ceiling)
        with_terms(line, **terms)
        await line.sale(free=PLENTY)
        await line.install(start)
        return line

    return make


@pytest.fixture
async def line(make_line: LineFactory) -> Line:
    """An open line with the default terms."""
    return await make_line()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring("a secret of the tests, thirty-two characters or more")


@pytest.fixture
def ceilings() -> Ceilings:
    """Stands where the ledger would commit ceilings."""
    return Ceilings()


@pytest.fixture
def seals() -> Seals:
    """Stands where the ledger would seal draws."""
    return Seals()


@pytest.fixture
def services(
    executor: Executor, keyring: Keyring, ceilings: Ceilings, seals: Seals
) -> RoomServices:
    return make_room_services(executor, keyring, PUBLIC_URL, ceilings, seals)


@pytest.fixture
async def make_room(make_line: LineFactory, services: RoomServices) -> AsyncIterator[RoomFactory]:
    """Makes the room of a fresh sale whose ledger has committed no numbers yet."""
    rooms: list[Room] = []

    async def make(beacon_source: str | None = None, **settings: Any) -> Room:
        chosen = LineSettings(**settings)
        line = await make_line(ceiling=0)
        line.terms = chosen.terms
        prequeue, opens, ends = chosen.times_ms
        await line.sale(prequeue_ms=prequeue, opens_ms=opens, ends_ms=ends)
        draw = None
        if chosen.queueing_method is QueueingMethod.RANDOM:
            draw = Draw(line.ref.uid, token_bytes(SECRET_BYTES), beacon_source)
        await line.install(None if draw is None else drawn_start(draw))
        room = Room(f"sale-{line.ref.uid}", line.ref, chosen, services, draw=draw)
        rooms.append(room)
        await room.tick()
        return room

    yield make
    for room in rooms:
        await room.aclose()


@pytest.fixture
async def room(make_room: RoomFactory) -> Room:
    """An open room with the default settings."""
    return await make_room()


class OneRoom:
    """All the rooms that there are."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def known(self, name: str) -> Room | None:
        return self._room if name == self._room.name else None

    async def get(self, name: str) -> Room:
        if name != self._room.name:
            raise HoldfastError(ErrorCode.UNKNOWN_SALE)
        return self._room


@pytest.fixture
async def serve(services: RoomServices, clock: Clock) -> AsyncIterator[ClientFactory]:
    """Serves a room over HTTP."""
    clients: list[Client] = []

    async def start(room: Room) -> Client:
        async def origins(name: str) -> tuple[str, ...]:
            return room.settings.return_origins

        app = web.Application()
        app[ROOMS], app[ROOM_SERVICES] = OneRoom(room), services
        app[PUBLIC_ORIGIN], app[RETURN_ORIGINS] = PUBLIC_URL, origins
        app[METRICS], app[TRUSTED_PROXIES] = Metrics(), TrustedProxies(["127.0.0.0/8"])
        app[PASS_VERIFIER] = pass_verifier(services.passes, lambda _sale: room.ref.clock.now_ms())
        add_routes(app)
        add_fallback(app)
        client = TestClient(TestServer(app))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
def status() -> LineStatus:
    """A line made up: 20 numbers, two called, a gap of three in front."""
    return line_status(
        free=100,
        held=5,
        booked=7,
        issued=20,
        ceiling=100,
        serving=2,
        called_from=1,
        gaps=((5, 7),),
        active=1,
        called=2,
        claimed=1,
        admitted=1,
        rate_per_minute=60,
        cap=100,
        show_share=0.5,
    )
