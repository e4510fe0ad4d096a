"""CORS: what a storefront's page may read across origins.

Two policies and no third. PUBLIC answers carry no buyer data and go to everybody (`*`). BUYER
answers go to the sale's return origins, and only with credentials in headers:
`Access-Control-Allow-Credentials` is never sent, so no other site's page can use a visitor's
cookie.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
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


ALWAYS: Final[Mapping[Cors, Mapping[str, str]]] = {
    Cors.NONE: {},
    Cors.PUBLIC: {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": EXPOSE_HEADERS,
    },
    Cors.BUYER: {"Vary": "Origin"},
}
"""The headers that every answer of a policy has, whoever asks."""


async def cors_headers(request: web.Request, policy: Cors) -> dict[str, str]:
    """The headers that `policy` adds to an answer to this request."""
    more = await origin_headers(request) if policy is Cors.BUYER else {}
    return {**ALWAYS[policy], **more}


async def origin_headers(request: web.Request) -> dict[str, str]:
    """What a page of a return origin gets from a BUYER endpoint in addition, nobody else."""
    origin = request.headers.get("Origin")
    if origin is None or origin not in await _return_origins(request):
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": EXPOSE_HEADERS,
    }


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
