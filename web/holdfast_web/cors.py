"""CORS: what a storefront's page may read across origins.

Two policies and no third. PUBLIC answers carry no buyer data and go to everybody (`*`). BUYER
answers go to the sale's return origins, and only with credentials in headers:
`Access-Control-Allow-Credentials` is never sent, so no other site's page can use a visitor's
cookie.
"""

from collections.abc import Awaitable, Callable, Iterable
from enum import Enum
from typing import Final

from aiohttp import web

ReturnOrigins = Callable[[str], Awaitable[Iterable[str]]]
"""From a sale's name to its return origins; of an unknown sale none."""

RETURN_ORIGINS: web.AppKey[ReturnOrigins] = web.AppKey("return_origins")

MAX_AGE_SECONDS: Final = 600
ALLOW_METHODS: Final = "GET, POST, DELETE"
ALLOW_HEADERS: Final = (
    "Authorization, Content-Type, Holdfast-Ticket, Idempotency-Key, If-None-Match, Last-Event-ID"
)
EXPOSE_HEADERS: Final = "ETag, Retry-After"


class Cors(Enum):
    """Who may read the answers of an endpoint from a page of another origin."""

    NONE = "none"
    PUBLIC = "public"
    BUYER = "buyer"


async def cors_headers(request: web.Request, policy: Cors) -> dict[str, str]:
    """The headers that `policy` adds to an answer to this request."""
    if policy is Cors.PUBLIC:
        return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSE_HEADERS}
    if policy is Cors.NONE:
        return {}
    headers = {"Vary": "Origin"}
    origin = request.headers.get("Origin")
    if origin is not None and origin in await _return_origins(request):
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = EXPOSE_HEADERS
    return headers


def allow_preflight(app: web.Application, path: str, policy: Cors) -> None:
    """Answer `OPTIONS path` as `policy` says; call it once for each path that a page of another
    origin may use.
    """

    async def preflight(request: web.Request) -> web.Response:
        headers = await cors_headers(request, policy)
        if "Access-Control-Allow-Origin" in headers:
            headers["Access-Control-Allow-Methods"] = ALLOW_METHODS
            headers["Access-Control-Allow-Headers"] = ALLOW_HEADERS
            headers["Access-Control-Max-Age"] = str(MAX_AGE_SECONDS)
        return web.Response(status=204, headers=headers)

    app.router.add_route("OPTIONS", path, preflight)


async def _return_origins(request: web.Request) -> Iterable[str]:
    sale = request.match_info.get("sale")
    return () if sale is None else await request.app[RETURN_ORIGINS](sale)
