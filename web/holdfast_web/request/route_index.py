"""Finds the route of a sale's address by the segment behind the sale's name.

aiohttp's router tries all resources that begin with the same fixed path one after the other, each
in a coroutine and with a regular expression. The index looks at those of the segment alone, and
keeps what it found for addresses that are asked for again and again. What it does not find, or
could read in another way, is left to the router.

Invariant: it finds what the router would have found. It tries the patterns of the very resources,
in the order in which they were added; where what follows a sale's name varies, it cannot be made.
"""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, Final, cast

from aiohttp import hdrs, web

from holdfast_web.paths import SALE, SALES
from holdfast_web.server.matched_route import set_matched_route

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

FOUND_KEPT: Final = 1024
_SEGMENT_AT: Final = SALE.count("/") + 1
_BEGINNING: Final = SALES + "/"
_Routes = dict[tuple[str, str], list[web.AbstractRoute]]


class RouteIndex:
    """The routes below SALE of an application that is frozen, by method and the next segment."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._routes = {} if app.middlewares else _by_segment(app.router)
        self._found = lru_cache(FOUND_KEPT)(self._find)

    def before(self, handler: Handler) -> Handler:
        """Answers by the route that the index finds, other requests by `handler`."""

        def routed(base: web.BaseRequest) -> Awaitable[web.StreamResponse]:
            request = cast(web.Request, base)
            match = self.match(request.method, request.raw_path)
            if match is None or hdrs.EXPECT in request.headers:
                return handler(request)
            set_matched_route(request, match)
            return match.handler(request)

        return routed

    def match(self, method: str, target: str) -> web.UrlMappingMatchInfo | None:
        """What a request is matched with, shared by all of this address; None if unknown."""
        path = target.partition("?")[0]
        return self._found(method, path) if path.startswith(_BEGINNING) else None

    def _find(self, method: str, path: str) -> web.UrlMappingMatchInfo | None:
        segments = path.split("/", _SEGMENT_AT + 1)
        if len(segments) <= _SEGMENT_AT or "%" in path or "#" in path:
            return None
        for route in self._routes.get((method, segments[_SEGMENT_AT]), ()):
            named = _pattern(route).fullmatch(path)
            if named is not None:
                match = web.UrlMappingMatchInfo(named.groupdict(), route)
                match.add_app(self._app)
                match.freeze()
                return match
        return None


def _by_segment(router: web.UrlDispatcher) -> _Routes:
    found: _Routes = {}
    for resource in router.resources():
        if not resource.canonical.startswith(f"{SALE}/"):
            continue
        segment = resource.canonical.split("/")[_SEGMENT_AT]
        if "{" in segment:
            raise TypeError(f"{resource.canonical} would be hidden by what is indexed")
        for route in resource:
            found.setdefault((route.method, segment), []).append(route)
    return found


def _pattern(route: web.AbstractRoute) -> Any:
    assert route.resource is not None
    return route.resource.get_info()["pattern"]
