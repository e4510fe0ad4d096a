"""Which query parameters a handler of the API takes; others are refused by name.

A misspelt filter would otherwise answer everything, and a misspelt confirmation would confirm.
Handlers of the API take none unless they say so:

    @endpoint
    @takes_query("limit", "cursor")
    async def list_sales(request): ...

Addresses outside of the API are no part of this: links to the waiting page carry parameters that
others have added.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from holdfast_web.errors import invalid

API_PREFIX: Final = "/v1/"
FIELD_CHARS_MAX: Final = 64

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_taken: Final[dict[_Handler, frozenset[str] | None]] = {}


def takes_query(*names: str) -> Callable[[_Handler], _Handler]:
    """Says which query parameters the handler below it takes."""

    def noted(handler: _Handler) -> _Handler:
        _taken[handler] = frozenset(names)
        return handler

    return noted


def takes_any_query(handler: _Handler) -> _Handler:
    """Leaves query parameters alone: for answers that do not depend on what was asked."""
    _taken[handler] = None
    return handler


def taken_query(handler: _Handler) -> frozenset[str] | None:
    """The query parameters that a handler takes; None for any."""
    return _taken.get(handler, frozenset())


def refuse_unknown_query(request: web.Request, taken: frozenset[str] | None) -> None:
    """Raises 400 `invalid_request` for a parameter of the API that is none of these."""
    if taken is None or not request.path.startswith(API_PREFIX):
        return
    for name in request.query:
        if name not in taken:
            shown = name[:FIELD_CHARS_MAX].encode("ascii", "backslashreplace").decode()
            known = ", ".join(sorted(taken)) or "none"
            raise invalid(shown, f"There is no query parameter {shown!r} here; known: {known}.")
