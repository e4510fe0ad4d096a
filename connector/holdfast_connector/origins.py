"""Origins: to which URLs a visitor may be sent back.

Service and storefronts share this rule, so it is in the package that both have. An origin is
scheme, host and port, compared exactly. Text that URL parsers and browsers read differently is
refused before parsing: browsers take a backslash for a slash and drop control characters, so
`https:\\\\evil.example` and `/\\evil.example` have no host for `urlsplit` and one for the browser.

Rejected: matching by suffix or pattern. `shop.example.evil.test` is one typo in a pattern away.
"""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, urlsplit

MAX_URL_CHARS: Final = 2048

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f\\]|[^\x00-\x7f]")
_HOST: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])")


def parse_origin(text: str) -> str:
    """`text` as a normalised origin; raises ValueError when it is none, or more than one."""
    parts = _split(text)
    if parts.path not in ("", "/") or parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError(f"{text!r} is not an origin: it must end after host and port")
    return _origin_of(parts)


def origin_of(url: str) -> str:
    """The normalised origin of an absolute http(s) URL.

    Raises ValueError when the URL has none, or could be read differently by a browser.
    """
    return _origin_of(_split(url))


def is_on(url: str, origins: Collection[str]) -> bool:
    """Whether `url` has one of `origins`; False for one that is not valid."""
    try:
        return origin_of(url) in origins
    except ValueError:
        return False


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL_CHARS:
        raise ValueError(f"the URL is longer than {MAX_URL_CHARS} characters")
    if _FORBIDDEN.search(url):
        raise ValueError(
            "the URL contains a space, a backslash, a control or a non-ASCII character"
        )
    parts = urlsplit(url)
    # urlsplit finds a host without "//" nowhere, but a browser does for http and https.
    if parts.scheme not in _DEFAULT_PORTS or not url.lower().startswith(f"{parts.scheme}://"):
        raise ValueError("the URL must start with http:// or https://")
    if "@" in parts.netloc or not _HOST.fullmatch(_host(parts)):
        raise ValueError("the URL must name a plain host")
    return parts


def _origin_of(parts: SplitResult) -> str:
    port = parts.port
    suffix = "" if port is None or port == _DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{_host(parts)}{suffix}"


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host
