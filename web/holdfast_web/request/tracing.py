"""The key under which an application keeps the function that traces requests, if it does."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

TracedHandling = Callable[
    [web.Request, Callable[[web.Request], Awaitable[web.StreamResponse]]],
    Awaitable[web.StreamResponse],
]
"""Calls the handler with the request, within a span; raises what the handler raises."""

TRACED_HANDLING: Final[web.AppKey[TracedHandling]] = web.AppKey("traced_handling")
"""Not set where nothing is traced: then it costs one look."""
