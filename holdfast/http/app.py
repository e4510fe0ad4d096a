"""Makes the application of a worker from the parts of the service (`create_app`).

Every resource is a `cleanup_ctx`: opened in the order below and closed in reverse, so that the
periodic tasks end before the store that they use is closed, and the ledger is closed after
everything that writes to it. No state is global: an event loop may run several applications.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from functools import partial
from typing import Final

from aiohttp import hdrs, web

from holdfast.api_keys import KeyRegistry
from holdfast.config import Config
from holdfast.figures.recorder import Recorder
from holdfast.figures.storage_gauges import StorageGauges
from holdfast.http import audit, examinations, health, live_routes, reports, scraping
from holdfast.http import sales as sale_routes
from holdfast.http import visitors as visitor_routes
from holdfast.http.app_keys import (
    CONFIG,
    DIRECTORY,
    EXECUTOR,
    LEDGER,
    OPERATIONS,
    REPORTER,
    SKEW,
    STOPPING,
    TRACING,
)
from holdfast.http.scraping import flushing
from holdfast.identity_provider import identity_provider
from holdfast.processes.leadership import Leadership
from holdfast.report.report import Reporter
from holdfast.report.sale_history import read_history
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.gauges import SaleGauges
from holdfast.sales.operations import SaleOperations
from holdfast.sales.tasks.periodic_tasks import PeriodicTasks
from holdfast_connector.origins import parse_origin
from holdfast_console.http import routes as console_routes
from holdfast_inventory.events.change_streams import StreamBounds
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.http import routes as inventory_routes
from holdfast_inventory.http.orders import FLAGS, ORDER_LEDGER
from holdfast_inventory.http.request import INVENTORIES
from holdfast_ledger import Ledger, LedgerError
from holdfast_lua.client.executor import Executor
from holdfast_lua.clock import WorstSkew, host_ms
from holdfast_lua.errors import StoreError
from holdfast_lua.history import HistoryCalls
from holdfast_metrics.metrics import Metrics
from holdfast_queue.http import routes as queue_routes
from holdfast_queue.http.credentials import pass_verifier
from holdfast_queue.http.pages import routes as page_routes
from holdfast_queue.http.poll import ROOM_SERVICES, ROOMS
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import make_room_services
from holdfast_web.cors import RETURN_ORIGINS
from holdfast_web.credentials import API_KEYS, PASS_VERIFIER, KeyLookup
from holdfast_web.endpoint import add_fallback
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.keyring import Keyring
from holdfast_web.metrics import METRICS
from holdfast_web.origins import PUBLIC_ORIGIN
from holdfast_web.request.body import BODY_LIMIT_BYTES
from holdfast_web.request.client_address import TRUSTED_PROXIES
from holdfast_web.roles.role_routes import SERVED_ROLES
from holdfast_web.roles.service_roles import ALL_ROLES, ServiceRole
from holdfast_web.trusted_proxies import TrustedProxies

_NOT_SERVED_APART: Final = (hdrs.METH_ANY, hdrs.METH_HEAD, hdrs.METH_OPTIONS)


def create_app(
    config: Config,
    metrics: Metrics | None = None,
    *,
    roles: Iterable[ServiceRole] = ALL_ROLES,
    leads: bool = True,
) -> web.Application:
    """The application of one worker, which serves `roles` and competes for the node's housekeeping
    if it `leads`; `config` is one that `launch.resolved` has completed.
    """
    app = web.Application(client_max_size=BODY_LIMIT_BYTES)
    app[CONFIG] = config
    app[STOPPING] = asyncio.Event()
    app[METRICS] = metrics or Metrics()
    app[PUBLIC_ORIGIN] = parse_origin(required(config.public_url))
    app[TRUSTED_PROXIES] = TrustedProxies(config.trusted_proxies)
    app[SERVED_ROLES] = frozenset(roles)
    _set_up_tracing(app, config)
    app.cleanup_ctx.extend([flushing, _store, _ledger, _services, partial(_sales, leads=leads)])
    _add_routes(app, config)
    return app


def _set_up_tracing(app: web.Application, config: Config) -> None:
    """Without an endpoint nothing of OpenTelemetry is imported."""
    if config.tracing_endpoint is not None:
        from holdfast.http.tracing import Tracing, trace_requests

        trace_requests(app, Tracing(config.tracing_endpoint, config.tracing_ratio))


def create_admin_app(config: Config, metrics: Metrics) -> web.Application:
    """The application of the admin port: metrics and liveness, nothing that a visitor needs."""
    app = web.Application(client_max_size=BODY_LIMIT_BYTES)
    app[CONFIG] = config
    app[METRICS] = metrics
    scraping.add_open_route(app)
    app.router.add_get("/livez", health.livez)
    add_fallback(app)
    return app


def _add_routes(app: web.Application, config: Config) -> None:
    """Adds the routes of all packages."""
    queue_routes.add_routes(app)
    streams = StreamBounds(config.change_streams, config.change_streams_per_address)
    inventory_routes.add_routes(app, streams)
    page_routes.add_routes(app)
    sale_routes.add_routes(app)
    reports.add_routes(app)
    visitor_routes.add_routes(app)
    audit.add_routes(app)
    health.add_routes(app)
    live_routes.add_routes(app)
    examinations.add_routes(app)
    scraping.add_route(app)
    console_routes.add_routes(app, _keyring(config), identity_provider(config))
    add_fallback(app)
    _open_series(app)


def _open_series(app: web.Application) -> None:
    """Makes the series of each error code, and of each route's failures, so that they begin at
    0.
    """
    metrics = app[METRICS]
    for code in ErrorCode:
        metrics.problems.labels(code.value)
    for route in app.router.routes():
        if route.resource is not None and route.method not in _NOT_SERVED_APART:
            for status in ("500", "503"):
                metrics.requests.labels(route.resource.canonical, route.method, status)


def _keyring(config: Config) -> Keyring:
    return Keyring(required(config.secret), config.secret_previous)


async def _store(app: web.Application) -> AsyncIterator[None]:
    url, observer = required(app[CONFIG].store_url), app[METRICS].observe_script
    tracing = app.get(TRACING)
    executor = tracing.executor(url, observer) if tracing else Executor(url, observer=observer)
    async with executor:
        app[EXECUTOR] = executor
        yield


async def _ledger(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    observer = app[METRICS].observe_transaction
    tracing, url = app.get(TRACING), required(config.ledger_url)
    opening = tracing.open_ledger if tracing else partial(Ledger.open, existing=True)
    ledger = await opening(url, observer)
    app[LEDGER] = app[ORDER_LEDGER] = ledger
    registry = KeyRegistry(ledger, required(config.operator_key))
    lookup: KeyLookup = registry
    app[API_KEYS] = lookup
    yield
    await registry.aclose()
    await ledger.close()


async def _services(app: web.Application) -> AsyncIterator[None]:
    """Opens what all waiting rooms share, such as the keys of tickets and passes."""
    config, ledger = app[CONFIG], app[LEDGER]
    services = make_room_services(
        app[EXECUTOR],
        _keyring(config),
        required(config.public_url),
        ledger.sales,
        ledger.draws,
        algorithm=config.pass_algorithm,
    )
    app[ROOM_SERVICES] = services
    yield


async def _sales(app: web.Application, *, leads: bool) -> AsyncIterator[None]:
    config = app[CONFIG]
    builder = SaleBuilder(app[EXECUTOR], app[LEDGER], app[ROOM_SERVICES], app[FLAGS])
    directory = SaleDirectory(builder)
    app[EXECUTOR].when_moved(directory.learn_revisions)
    app[DIRECTORY] = directory
    app[SKEW] = WorstSkew()
    app[OPERATIONS] = SaleOperations(builder, directory)
    history = HistoryCalls(app[EXECUTOR])
    app[REPORTER] = Reporter(app[LEDGER], app[METRICS], partial(read_history, history))
    app[PASS_VERIFIER] = pass_verifier(app[ROOM_SERVICES].passes, partial(_sale_ms, directory))
    _add_lookups(app, directory)
    with closing(Leadership(config.data_dir, candidate=leads)) as leadership:
        recorder = Recorder(history, app[LEDGER], app[METRICS])
        gauges = SaleGauges(app[METRICS], directory, app[SKEW], recorder)
        tasks = PeriodicTasks(config, builder, directory, leadership, gauges)
        storage = StorageGauges(app[METRICS], leadership, app[EXECUTOR], app[LEDGER])
        tasks.start()
        storage.task.start()
        yield
        await storage.task.stop()
        await tasks.stop()
        await directory.close()


def _sale_ms(directory: SaleDirectory, name: str) -> int:
    """The sale's time, by the host's clock when the sale is not loaded: no pass matters then."""
    sale = directory.loaded(name)
    return host_ms() if sale is None else sale.ref.clock.now_ms()


class _Rooms:
    """Finds the waiting room of a sale by the sale's name."""

    def __init__(self, directory: SaleDirectory) -> None:
        self._directory = directory

    def known(self, name: str) -> Room | None:
        sale = self._directory.request(name)
        return None if sale is None else sale.room

    async def get(self, name: str) -> Room:
        return (await self._directory.get(name)).room


def _add_lookups(app: web.Application, directory: SaleDirectory) -> None:
    """Sets the lookups by a sale's name that queue, inventory and web use."""

    async def inventory(name: str) -> SaleInventory:
        return (await directory.get(name)).inventory

    async def return_origins(name: str) -> Iterable[str]:
        try:
            return (await directory.get(name)).spec.return_origins
        except (HoldfastError, LedgerError, StoreError):
            return ()

    app[ROOMS] = _Rooms(directory)
    app[INVENTORIES] = inventory
    app[RETURN_ORIGINS] = return_origins


def required(value: str | None) -> str:
    """The value of a setting that `launch.resolved` fills in; ValueError when it is missing."""
    if value is None:
        raise ValueError("create_app needs a resolved configuration")
    return value
