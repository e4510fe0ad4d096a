"""Requests behind which nobody stands yet: they are answered, and nothing may come of them."""

from aiohttp import hdrs, web


def is_speculative(request: web.Request) -> bool:
    """Whether somebody looks ahead only: a HEAD, or what a browser fetches before its user goes
    there.
    """
    return request.method == hdrs.METH_HEAD or "prefetch" in request.headers.get("Sec-Purpose", "")
