"""What a refused request is answered: bytes that are ready, and when to come back.

Whoever is refused at one moment must not come back at one moment. `Retry-After` is drawn from one
second up to a bound that grows with how many are refused for each one that is served, so that what
comes back fits beside what is new.

Whoever opens the waiting page gets a page that opens it again by itself, everybody else a problem
document.
"""

import random
import time
from collections.abc import Callable
from string import Template
from typing import Final

from aiohttp import web

from holdfast_web.cors import FIXED_HEADERS, Cors
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.problems import problem_response
from holdfast_web.server.ready import SERVER_NAME

WINDOW_SECONDS: Final = 1.0
SPREAD_LEAST: Final = 2
SPREAD_MOST: Final = 30
SPREAD_FACTOR: Final = 2
CLOSE: Final = "Connection: close\r\n"

_PAGES: Final = "/wait/"
_HTML: Final = "text/html"
_PAGE_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
# Both languages, since to find out which is wanted would cost what is to be saved; no style sheet
# and no picture, since they would be requests as well.
_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="$wait">
<title>One moment</title>
</head>
<body>
<main>
<h1>One moment</h1>
<p>Very many people are coming in right now. This page opens by itself in a few seconds.</p>
<p lang="zh-Hans">现在进入的人很多。本页面会在几秒后自动打开。</p>
</main>
</body>
</html>
""")


class RefusalAnswers:
    """The answers to refused requests."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._draw = draw
        self._spread = SPREAD_LEAST
        self._until = clock() + WINDOW_SECONDS
        self.received = 0
        """Requests since the bound was last drawn, the refused ones included; the caller adds."""
        self._refused = 0
        waits = range(1, SPREAD_MOST + 1)
        self._ready = {
            (as_page, closes): [_bytes_of(_response(wait, as_page), closes) for wait in waits]
            for as_page in (False, True)
            for closes in (False, True)
        }

    def take(self, data: bytes, *, closes: bool) -> bytes:
        """The bytes for one more request, after which the connection is closed or kept."""
        as_page = data.startswith(b"GET " + _PAGES.encode()) and _HTML.encode() in data
        return self._ready[as_page, closes][self._wait() - 1]

    def response(self, path: str, accept: str) -> web.Response:
        """The same for one that aiohttp has read."""
        return _response(self._wait(), path.startswith(_PAGES) and _HTML in accept)

    def _wait(self) -> int:
        self._refused += 1
        now = self._clock()
        if now >= self._until:
            wanted = SPREAD_FACTOR * self._refused // max(1, self.received - self._refused)
            self._spread = max(SPREAD_LEAST, min(SPREAD_MOST, wanted))
            self._until = now + WINDOW_SECONDS
            self._refused = self.received = 0
        return 1 + int(self._draw() * self._spread)


def _response(wait: int, as_page: bool) -> web.Response:
    response = problem_response(HoldfastError(ErrorCode.OVERLOADED, retry_after=wait))
    # Nothing in it is anybody's, so each page may learn when to ask again.
    response.headers.update(FIXED_HEADERS[Cors.PUBLIC], Server=SERVER_NAME)
    if as_page:
        response.headers.update(_PAGE_HEADERS)
        response.body = _PAGE.substitute(wait=wait).encode()
    return response


def _bytes_of(response: web.Response, closes: bool) -> bytes:
    body = response.body
    assert isinstance(body, bytes)
    lines = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    first = f"HTTP/1.1 {response.status} {response.reason}\r\n"
    last = f"Content-Length: {len(body)}\r\n{CLOSE if closes else ''}\r\n"
    return f"{first}{lines}{last}".encode() + body
