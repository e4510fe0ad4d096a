"""Makes one HTTP request with the standard library, bounded in size and time.

Redirects are not followed: keys and passes come from the service that was named, or not at all.
`Fetch` is the type for shops that use an HTTP client of their own.

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
    """No usable response came: refused, too slow, too long, or not HTTP."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request. Its headers may have a visitor's pass, so they are not in its `repr`."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """A response."""

    status: int
    body: bytes = field(default=b"", repr=False)


Fetch = Callable[[Request], Response]
"""Makes one request and blocks until the response is there; raises FetchFailed."""


def fetch(request: Request, timeout_seconds: float = TIMEOUT_SECONDS) -> Response:
    """Makes `request` on a new connection; raises FetchFailed."""
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
        raise FetchFailed(f"{parts.hostname}: the response is too long")
    return Response(response.status, body)
