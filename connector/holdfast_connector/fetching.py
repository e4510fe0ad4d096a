"""One HTTP request with the standard library: small, bounded, and never followed elsewhere.

Redirects are answers like any other here: keys and passes come from the service that was named, or
not at all. `Fetch` is the seam for shops that have an HTTP client of their own.

Invariant: no call returns more than `MAX_BODY_BYTES`, and none waits on a silent service for more
than `timeout_seconds` at a time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

MAX_BODY_BYTES: Final = 64 * 1024
TIMEOUT_SECONDS: Final = 3.0


class FetchFailed(Exception):
    """No usable answer came: refused, too slow, too long, or not HTTP."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. Headers carry a visitor's pass, so they are never shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """What came back."""

    status: int
    body: bytes = field(default=b"", repr=False)


Fetch = Callable[[Request], Response]
"""Does one request and blocks until it is answered; raises FetchFailed."""


def fetch(request: Request, timeout_seconds: float = TIMEOUT_SECONDS) -> Response:
    """`request`, by a connection of its own."""
    parts = urlsplit(request.url)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        raise FetchFailed(f"{parts.scheme or 'nothing'} cannot be fetched")
    secure = parts.scheme == "https"
    kind = HTTPSConnection if secure else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=timeout_seconds)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(request.method, target, request.body or None, dict(request.headers))
        response = connection.getresponse()
        body = response.read(MAX_BODY_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        raise FetchFailed(f"{parts.hostname}: {type(error).__name__}") from error
    finally:
        connection.close()
    if len(body) > MAX_BODY_BYTES:
        raise FetchFailed(f"{parts.hostname}: the answer is too long")
    return Response(response.status, body)
