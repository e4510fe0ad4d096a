"""Requests of browsers and bots that look ahead: they are answered, and change nothing."""

from aiohttp import hdrs, web


def is_speculative(request: web.Request) -> bool:
    """Whether the request is a HEAD, or one that a browser makes before its user goes there."""
    return request.method == hdrs.METH_HEAD or "prefetch" in request.headers.get("Sec-Purpose", "")
