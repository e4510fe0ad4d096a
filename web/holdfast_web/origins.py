"""Which pages may make a request that sets a cookie: the service's own.

To which URLs a visitor may be sent back is decided by exact origin too, by a rule that storefronts
share: see `holdfast_connector.origins`.
"""

from http import HTTPMethod

from aiohttp import web

from holdfast_web.errors import ErrorCode, HoldfastError

PUBLIC_ORIGIN: web.AppKey[str] = web.AppKey("public_origin", str)
"""The service's own origin, from its public URL; never from a `Host` header."""


def require_same_origin(request: web.Request) -> None:
    """Raises CROSS_ORIGIN (403) when another site's page made this request.

    `Sec-Fetch-Site` decides where a browser sends it, since the browser compares the host that it
    really talks to; else `Origin` does. A client that sends neither is no browser.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        allowed = site == "same-origin" or (site == "none" and request.method == HTTPMethod.GET)
    else:
        origin = request.headers.get("Origin")
        allowed = origin is None or origin == request.app[PUBLIC_ORIGIN]
    if not allowed:
        raise HoldfastError(ErrorCode.CROSS_ORIGIN)
