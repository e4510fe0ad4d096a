"""The composition root: the one place that knows every part of the service and its order.

`create_app(config)` makes the application of one worker. Every resource is a `cleanup_ctx`: opened
in the order below, closed in reverse, so that the tickers stop before the store they use and the
ledger outlives whoever writes to it. Nothing is a module global: two applications are two.
"""

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from holdfast import health
from holdfast.api_keys import KeyRegistry
from holdfast.config import Config
from holdfast.health import EXECUTOR, LEDGER
from holdfast_inventory.ledger import Ledger
from holdfast_lua.executor import Executor
from holdfast_metrics.http import METRICS, flushing, handle_metrics
from holdfast_metrics.metrics import Metrics
from holdfast_web.body import BODY_LIMIT_BYTES
from holdfast_web.client_address import TRUSTED_PROXIES, TrustedProxies
from holdfast_web.credentials import API_KEYS, KeyLookup
from holdfast_web.endpoint import add_fallback
from holdfast_web.origins import PUBLIC_ORIGIN, parse_origin

CONFIG: Final = web.AppKey("config", Config)


def create_app(config: Config, metrics: Metrics | None = None) -> web.Application:
    """The whole API. `config` is a resolved one: store, ledger, secret and keys are all there."""
    app = web.Application(client_max_size=BODY_LIMIT_BYTES)
    app[CONFIG] = config
    app[METRICS] = metrics or Metrics()
    app[PUBLIC_ORIGIN] = parse_origin(_there(config.public_url))
    app[TRUSTED_PROXIES] = TrustedProxies(config.trusted_proxies)
    app.cleanup_ctx.extend([flushing, _store, _ledger])
    _add_routes(app, config)
    return app


def create_admin_app(config: Config, metrics: Metrics) -> web.Application:
    """What the admin port serves: nothing that a visitor needs."""
    app = web.Application(client_max_size=BODY_LIMIT_BYTES)
    app[CONFIG] = config
    app[METRICS] = metrics
    app.router.add_get("/metrics", handle_metrics)
    app.router.add_get("/livez", health.livez)
    add_fallback(app)
    return app


def _add_routes(app: web.Application, config: Config) -> None:
    """In the order of how often they are asked: routing looks at them one after the other."""
    health.add_routes(app)
    if not config.admin_port:
        app.router.add_get("/metrics", handle_metrics)
    add_fallback(app)


async def _store(app: web.Application) -> AsyncIterator[None]:
    url = _there(app[CONFIG].store_url)
    async with Executor(url, observer=app[METRICS].observe_script) as executor:
        app[EXECUTOR] = executor
        yield


async def _ledger(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    ledger = await Ledger.open(_there(config.ledger_url))
    app[LEDGER] = ledger
    lookup: KeyLookup = KeyRegistry(ledger, _there(config.operator_key))
    app[API_KEYS] = lookup
    yield
    await ledger.close()


def _there(value: str | None) -> str:
    """A setting that `launch.resolved` has filled in."""
    if value is None:
        raise ValueError("create_app needs a resolved configuration")
    return value
