"""Serves `GET /metrics` to those who may read it, and flushes counts while the service runs.

The numbers show how much a sale has sold. On the admin port, which nobody should reach from
outside, no key is needed. On the listener of the role operator an API key of any role opens them;
without one a program on this machine may read them, unless there is an admin port. A request that
came through a proxy is not local.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import hdrs, web

from holdfast.config import Config
from holdfast.http.app_keys import CONFIG
from holdfast_metrics.exposition import exposition
from holdfast_tasks import Periodic
from holdfast_web.credentials import Role, require_role
from holdfast_web.endpoint import endpoint
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.metrics import METRICS
from holdfast_web.request.client_address import peer_is_local
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole

PATH: Final = "/metrics"
FLUSH_SECONDS: Final = 0.5


async def handle_metrics(request: web.Request) -> web.Response:
    """Answers a scrape; in a thread, since merging the workers' files blocks for milliseconds."""
    metrics = request.app[METRICS]
    metrics.flush()
    accept = request.headers.get(hdrs.ACCEPT, "")
    body, content_type = await asyncio.to_thread(exposition, metrics, accept)
    return web.Response(body=body, headers={"Content-Type": content_type, "Vary": "Accept"})


async def flushing(app: web.Application) -> AsyncIterator[None]:
    """A `cleanup_ctx` that flushes while the application runs, and once more at the end."""
    metrics = app[METRICS]

    async def flush() -> None:
        metrics.flush()

    task = Periodic("flushing metrics", FLUSH_SECONDS, flush)
    task.start(at_once=False)
    yield
    await task.stop()
    metrics.flush()


def add_route(app: web.Application) -> None:
    """Adds the route of the operator's listener, with its access rules."""
    RoleRoutes(app, ServiceRole.OPERATOR).get(PATH, _scrape)


def add_open_route(app: web.Application) -> None:
    """Adds the route of the admin port, without any."""
    app.router.add_get(PATH, handle_metrics)


@endpoint
async def _scrape(request: web.Request) -> web.StreamResponse:
    if not _is_open_to(request, request.app[CONFIG]):
        await require_role(request, Role.VIEWER)
    return await handle_metrics(request)


def _is_open_to(request: web.Request, config: Config) -> bool:
    if config.metrics_access == "public":
        return True
    if config.admin_port:
        if hdrs.AUTHORIZATION not in request.headers:
            raise HoldfastError(ErrorCode.NOT_FOUND)
        return False
    return peer_is_local(request)
