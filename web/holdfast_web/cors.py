"""CORS: what a storefront's page may read across origins.

There are two policies. Responses of PUBLIC endpoints contain no buyer data and may be read by every
page (`*`). Those of BUYER endpoints may be read by pages of the sale's return origins, and only
with credentials in headers: `Access-Control-Allow-Credentials` is never sent, so no other site's
page can use a visitor's cookie.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum
from typing import Final

from aiohttp import web

ReturnOrigins = Callable[[str], Awaitable[Iterable[str]]]
"""From a sale's name to its return origins; empty for an unknown sale."""

RETURN_ORIGINS: web.AppKey[ReturnOrigins] = web.AppKey("return_origins")

MAX_AGE_SECONDS: Final = 600
ALLOW_METHODS: Final = "GET, POST, DELETE"
ALLOW_HEADERS: Final = (
    "Authorization, Content-Type, Holdfast-Ticket, Idempotency-Key, If-None-Match, Last-Event-ID, "
    "X-Request-Id"
)
EXPOSE_HEADERS: Final = "ETag, Retry-After, X-Request-Id"


class Cors(Enum):
    """Which pages of another origin may read the responses of an endpoint."""

    NONE = "none"
    PUBLIC = "public"
    BUYER = "buyer"


FIXED_HEADERS: Final[Mapping[Cors, Mapping[str, str]]] = {
    Cors.NONE: {},
    Cors.PUBLIC: {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": EXPOSE_HEADERS,
    },
    Cors.BUYER: {"Vary": "Origin"},
}
"""The headers that every response of a policy has."""


async def cors_headers(request: web.Request, policy: Cors) -> dict[str, str]:
    """The headers that `policy` adds to the response to this request."""
    more = await origin_headers(request) if policy is Cors.BUYER else {}
    return {**FIXED_HEADERS[policy], **more}


async def origin_headers(request: web.Request) -> dict[str, str]:
    """The further headers of a BUYER endpoint for a page of a return origin; empty for others."""
    origin = request.headers.get("Origin")
    if origin is None or origin not in await _return_origins(request):
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": EXPOSE_HEADERS,
    }


def preflight_handler(policy: Cors) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of `OPTIONS` for a path that pages of another origin may use as `policy` says."""

    async def preflight(request: web.Request) -> web.Response:
        headers = await cors_headers(request, policy)
        if "Access-Control-Allow-Origin" in headers:
            headers["Access-Control-Allow-Methods"] = ALLOW_METHODS
            headers["Access-Control-Allow-Headers"] = ALLOW_HEADERS
            headers["Access-Control-Max-Age"] = str(MAX_AGE_SECONDS)
        return web.Response(status=204, headers=headers)

    return preflight


async def _return_origins(request: web.Request) -> Iterable[str]:
    sale = request.match_info.get("sale")
    return () if sale is None else await request.app[RETURN_ORIGINS](sale)
