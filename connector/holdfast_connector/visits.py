"""A request in the form that the gate needs, whichever framework it came through.

All of it may be written by an attacker. So URLs that are built from it begin with the shop's own
origin, and every character that a browser might read differently is percent-encoded: a path like
`//evil.example` or `/\\evil.example` stays a path.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

from holdfast_connector.contract import HANDOFF_PARAMETER, MAX_TOKEN_CHARS
from holdfast_connector.origins import MAX_URL_CHARS, is_on

_SAFE: Final = "/?:@!$&'()*+,;=-._~%[]"
_REPEATABLE: Final = frozenset({"GET", "HEAD"})
_PURPOSES: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_looks_ahead: Final = re.compile(r"prefetch|preview|prerender", re.IGNORECASE).search
_NAVIGATIONS: Final = frozenset({"navigate", "nested-navigate"})
_is_refused: Final = re.compile(r";\s*q\s*=\s*0(\.0*)?\s*(;|$)").search


@dataclass(frozen=True, slots=True)
class Visit:
    """One request."""

    method: str
    path: str
    """Decoded, as the shop's own routing sees it."""
    target: str = field(repr=False)
    """Path and query as the browser sent them, still encoded."""
    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name."""

    @property
    def handoff(self) -> str | None:
        """The hand-off in the query; only a request that may be repeated brings one."""
        if self.method not in _REPEATABLE:
            return None
        _, _, query = self.target.partition("?")
        found = [value for name, value in _pairs(query) if name == HANDOFF_PARAMETER]
        # One that is too long counts too: it is removed and refused like any forgery.
        return unquote(found[-1])[: MAX_TOKEN_CHARS + 1] if found else None

    @property
    def is_speculative(self) -> bool:
        """Whether a browser or a bot looks ahead: then nothing is used up."""
        return self.method == "HEAD" or self.is_prefetch

    @property
    def is_prefetch(self) -> bool:
        """Whether a browser prefetches a page that its user may visit next."""
        return any(_looks_ahead(self.headers.get(name, "")) for name in _PURPOSES)

    @property
    def is_navigation(self) -> bool:
        """Whether a browser navigates, and follows a redirect to a page; scripts do not."""
        mode = self.headers.get("sec-fetch-mode")
        if mode is not None:
            return mode in _NAVIGATIONS
        if self.headers.get("x-requested-with", "").lower() == "xmlhttprequest":
            return False
        accept = self.headers.get("accept", "").lower()
        taken = [part for part in accept.split(",") if not _is_refused(part)]
        return any("text/html" in part for part in taken) or "json" not in accept

    def clean_url(self, origin: str) -> str:
        """The URL of the request without a hand-off, on the shop's own origin."""
        return origin + _clean_target(self.target)

    def return_url(self, origin: str, landing: str) -> str:
        """Where the visitor returns to: this page, the page of the script that made the request, or
        the landing page.
        """
        if self.is_navigation and self.method in _REPEATABLE:
            wanted = self.clean_url(origin)
        else:
            wanted = self._referring_page(origin) or origin + landing
        for url in (wanted, wanted.partition("?")[0]):
            if len(url) <= MAX_URL_CHARS and is_on(url, (origin,)):
                return url
        return origin + landing

    def _referring_page(self, origin: str) -> str | None:
        referrer = self.headers.get("referer", "").partition("#")[0]
        if not is_on(referrer, (origin,)):
            return None
        _, _, target = referrer.partition("://")[2].partition("/")
        return origin + _clean_target("/" + target)


def _clean_target(target: str) -> str:
    path, _, query = target.partition("?")
    if not path.startswith("/"):  # `*`, or an absolute URL as proxies get
        return "/"
    kept = [part for part in query.split("&") if part and _name(part) != HANDOFF_PARAMETER]
    return quote(path + ("?" + "&".join(kept) if kept else ""), safe=_SAFE)


def _pairs(query: str) -> list[tuple[str, str]]:
    return [(_name(part), part.partition("=")[2]) for part in query.split("&")]


def _name(part: str) -> str:
    return unquote(part.partition("=")[0])
