"""Finds the resource of a sale's address by the segment behind the sale's name.

aiohttp's router tries all resources that begin with the same fixed path one after the other, each
with a regular expression: a hold was the eighteenth, and more than a twentieth of its request went
by before. The index is a resource among the others. What is added before it is tried before it;
what it does not find, aiohttp looks for as usual.

Invariant: it finds what the router would have found. It asks the very resources, in the order in
which they were added; where what follows a sale's name varies, the first request is refused.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from aiohttp import web
from yarl import URL

from holdfast_web.paths import SALE

_SEGMENT_AT = SALE.count("/") + 1


class RouteIndex(web.AbstractResource):
    """The resources below SALE of one router, by the first segment that follows."""

    def __init__(self, router: web.UrlDispatcher) -> None:
        super().__init__()
        self._router = router

    @property
    def canonical(self) -> str:
        return SALE

    async def resolve(
        self, request: web.Request
    ) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        segments = request.rel_url.path_safe.split("/", _SEGMENT_AT + 1)
        if len(segments) <= _SEGMENT_AT:
            return None, set()
        for resource in self._by_segment.get(segments[_SEGMENT_AT], ()):
            found, _ = await resource.resolve(request)
            if found is not None:
                return found, set()
        return None, set()

    @cached_property
    def _by_segment(self) -> Mapping[str, list[web.AbstractResource]]:
        """Made at the first request, when all resources have been added."""
        by_segment: dict[str, list[web.AbstractResource]] = {}
        for resource in self._router.resources():
            segments = resource.canonical.split("/")
            if not resource.canonical.startswith(f"{SALE}/") or resource is self:
                continue
            if "{" in segments[_SEGMENT_AT]:
                raise TypeError(f"{resource.canonical} would be hidden by what is indexed")
            by_segment.setdefault(segments[_SEGMENT_AT], []).append(resource)
        return by_segment

    # The rest of a resource's interface: the index has no routes and no address of its own.

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def url_for(self, **_: str) -> URL:
        raise NotImplementedError

    def add_prefix(self, prefix: str) -> None:
        raise NotImplementedError

    def get_info(self) -> Any:
        return {}

    def raw_match(self, _path: str) -> bool:
        return False
