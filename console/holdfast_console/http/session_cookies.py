"""The cookie of a console session, and which pages may send a form.

Over https the cookie has the prefix `__Host-`, which binds it to this host. It is `Strict`: a link
from elsewhere opens the sign-in page at worst. A form must come from the console itself: browsers
say so in `Sec-Fetch-Site`, or in `Origin`, which is compared with the host that the browser talks
to.
"""

from typing import Final

from aiohttp import hdrs, web
from msgspec.structs import replace

from holdfast_console.screen import ROOT
from holdfast_console.sessions import (
    MAX_COOKIE_CHARS,
    RENEW_SECONDS,
    ConsoleSession,
    SessionCodec,
    unix_seconds,
)
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.request.client_address import TRUSTED_PROXIES

_NAME: Final = "holdfast_console"
_HOST_ONLY: Final = "__Host-"
REFRESH_HEADER: Final = "Console-Refresh"
"""Sent by the page's script when it refreshes by itself: that is no use of the session."""


def is_secure(request: web.Request) -> bool:
    """Whether the browser talks https, as far as the connection or a trusted proxy tells."""
    if request.secure:
        return True
    trusted = request.app[TRUSTED_PROXIES].trusts_peer(request)
    return trusted and request.headers.get("X-Forwarded-Proto", "") == "https"


def read_session(request: web.Request, codec: SessionCodec) -> ConsoleSession | None:
    """The session of a request, None without a live one."""
    text = request.cookies.get(_cookie_name(request), "")
    if not text or len(text) > MAX_COOKIE_CHARS:
        return None
    return codec.open(text, unix_seconds())


def shows_session(request: web.Request) -> bool:
    """Whether the cookie was sent, live or not; after a link from elsewhere it is not."""
    return _cookie_name(request) in request.cookies


def keep_session(
    response: web.StreamResponse,
    request: web.Request,
    codec: SessionCodec,
    session: ConsoleSession,
    *,
    changed: bool = False,
) -> None:
    """Writes the cookie: of a new or changed session, or of one that is in use."""
    now = unix_seconds()
    idle = now - session.seen_at < RENEW_SECONDS or REFRESH_HEADER in request.headers
    if changed or not idle:
        seen = session if REFRESH_HEADER in request.headers else replace(session, seen_at=now)
        _set(response, request, codec.seal(seen))


def drop_session(response: web.StreamResponse, request: web.Request) -> None:
    """Removes the cookie."""
    _set(response, request, "", "; Max-Age=0")


def require_own_form(request: web.Request) -> None:
    """Raises CROSS_ORIGIN (403) for a form that another site's page has sent."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        allowed = site == "same-origin"
    else:
        origin = request.headers.get(hdrs.ORIGIN)
        allowed = origin is None or origin.partition("://")[2] == request.host
    if not allowed:
        raise HoldfastError(ErrorCode.CROSS_ORIGIN)


def _cookie_name(request: web.Request) -> str:
    return f"{_HOST_ONLY}{_NAME}" if is_secure(request) else _NAME


def _set(response: web.StreamResponse, request: web.Request, value: str, ending: str = "") -> None:
    name = _cookie_name(request)
    # `__Host-` wants the path `/`; the cookie without it needs no wider one than the console's.
    rest = "Path=/; Secure" if name.startswith(_HOST_ONLY) else f"Path={ROOT}"
    cookie = f"{name}={value}; HttpOnly; SameSite=Strict; {rest}{ending}"
    response.headers.add(hdrs.SET_COOKIE, cookie)
