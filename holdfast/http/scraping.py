"""`GET /metrics`, and who may read it.

The numbers tell how much a sale has sold, so they are not for everybody. On the admin port, which
nobody should reach from outside, they are served as they are. On the main port an API key of any
role opens them, and without one a program on this machine may read them, unless the admin port is
there for that. A request that a proxy has passed on came from elsewhere, however near the proxy is.
"""

from typing import Final

from aiohttp import hdrs, web

from holdfast.config import Config
from holdfast.http.app_keys import CONFIG
from holdfast_metrics.http import handle_metrics
from holdfast_web.client_address import peer_is_local
from holdfast_web.credentials import Role, require_role
from holdfast_web.endpoint import endpoint
from holdfast_web.errors import ErrorCode, HoldfastError

PATH: Final = "/metrics"


def add_route(app: web.Application) -> None:
    """On the main port."""
    app.router.add_get(PATH, _scrape)


def add_open_route(app: web.Application) -> None:
    """On the admin port."""
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
