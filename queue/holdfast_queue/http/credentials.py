"""The credentials of visitors: a ticket in a cookie or header, a pass as bearer token.

A browser sends the cookie by itself, so whatever acts on it or sets it must come from our own page:
another site may neither join nor claim in a visitor's name. A page of a return origin may do both
with the ticket in a header, and gets no cookie.
"""

import logging
from collections.abc import Callable
from typing import Final

from aiohttp import web

from holdfast_queue.line.results import JoinResult
from holdfast_queue.line.room import Room
from holdfast_queue.tokens.identities import Identity, IdentityMode
from holdfast_queue.tokens.passes import PassIssuer
from holdfast_queue.tokens.tickets import MAX_TOKEN_CHARS, Ticket
from holdfast_web.credentials import PassClaims, PassVerifier
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.metrics import METRICS
from holdfast_web.origins import PUBLIC_ORIGIN, require_same_origin
from holdfast_web.request.client_address import TRUSTED_PROXIES, address_network, client_address

logger = logging.getLogger(__name__)

TICKET_HEADER: Final = "Holdfast-Ticket"
_HOST_ONLY: Final = "__Host-"
COOKIE_SECONDS: Final = 7 * 24 * 3600


def cookie_name(request: web.Request, sale: str) -> str:
    """The name of the ticket's cookie. `__Host-` binds it to this host; browsers want https for
    it.
    """
    secure = request.app[PUBLIC_ORIGIN].startswith("https:")
    return f"{_HOST_ONLY}holdfast_{sale}" if secure else f"holdfast_{sale}"


def set_ticket_cookie(
    response: web.StreamResponse, request: web.Request, sale: str, token: str
) -> None:
    """Sets the cookie with the visitor's ticket.

    It is formatted here, since names and tickets need no quoting, and `http.cookies` takes longer
    than making the ticket.
    """
    name = cookie_name(request, sale)
    secure = "; Secure" if name.startswith(_HOST_ONLY) else ""
    response.headers.add(
        "Set-Cookie",
        f"{name}={token}; HttpOnly; Max-Age={COOKIE_SECONDS}; Path=/; SameSite=Lax{secure}",
    )


def shown_ticket(request: web.Request, sale: str) -> str | None:
    """The unverified ticket of a request: the header's, else the cookie's."""
    token = request.headers.get(TICKET_HEADER) or _cookie(request, sale)
    return token if token and len(token) <= MAX_TOKEN_CHARS else None


def _cookie(request: web.Request, sale: str) -> str | None:
    """The value of the ticket's cookie.

    It needs no unquoting, and `request.cookies` makes an object of every cookie of the request: 15
    us for one, a sixth of the time of a whole request.
    """
    cookies = request.headers.get("Cookie")
    if cookies is None:
        return None
    name, found = cookie_name(request, sale), None
    for pair in cookies.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            found = value
    return found


def require_ticket(request: web.Request, room: Room) -> Ticket:
    """The visitor's ticket to this sale, or 401."""
    token = shown_ticket(request, room.name)
    ticket = room.read_ticket(token) if token else None
    if ticket is None:
        raise HoldfastError(ErrorCode.UNAUTHORIZED, "A ticket to this sale is needed.")
    return ticket


async def join_room(
    request: web.Request, room: Room, nonce: str | None, identity: str | None
) -> JoinResult:
    """Joins the room on behalf of a request, and counts the outcome."""
    try:
        joined = await room.join(
            shown_ticket(request, room.name),
            nonce,
            address=join_address(request, room),
            identity=join_identity(identity, room),
        )
    except HoldfastError as error:
        if error.code is ErrorCode.JOIN_LIMITED:
            _count_join(request, room, "limited")
            warn_of_untrusted_proxy(request, room, "joins are refused by address")
        raise
    fresh = "admitted" if joined.admission else "lobby" if joined.ticket.number is None else "line"
    _count_join(request, room, "again" if joined.again else fresh)
    return joined


def observe_wait(request: web.Request, room: Room, ticket: Ticket, now_ms: int) -> None:
    """Notes how long a visitor who is let in at `now_ms` has waited since they joined."""
    metrics = request.app.get(METRICS)
    if metrics is not None:
        seconds = max(0.0, now_ms / 1000 - ticket.issued_at_s)
        metrics.wait_seconds.labels(room.name).observe(seconds)


def _count_join(request: web.Request, room: Room, kind: str) -> None:
    metrics = request.app.get(METRICS)
    if metrics is not None:
        metrics.joins.add(room.name, kind)
        if kind == "admitted":
            metrics.passes.add(room.name, "issued")
            metrics.wait_seconds.labels(room.name).observe(0.0)


def join_address(request: web.Request, room: Room) -> str | None:
    """The address by which joins are limited; None where they are not, see join_limits."""
    per_minute = room.settings.address_joins_per_minute
    if per_minute == 0:
        return None
    address = client_address(request)
    if per_minute is None and not address.is_global:
        warn_of_untrusted_proxy(request, room, "joins are not limited by address")
        return None
    return address_network(address)


def warn_of_untrusted_proxy(request: web.Request, room: Room, what: str) -> None:
    """Warns, once for each sale and process, of a peer that is no trusted proxy and acts as one."""
    if room.untrusted_proxy_logged or "X-Forwarded-For" not in request.headers:
        return
    if request.app[TRUSTED_PROXIES].trusts_peer(request):
        return
    room.untrusted_proxy_logged = True
    logger.warning(
        "sale %s: %s, since %s sends X-Forwarded-For and is not in trusted_proxies;"
        " if it is a proxy of yours, name it there",
        room.name,
        what,
        request.remote,
    )


def join_identity(token: str | None, room: Room) -> Identity | None:
    """The verified identity of a join; None without one, or where the sale takes none.

    Raises IDENTITY_REQUIRED (401) when it is not valid. Whether a visitor without an identity may
    join is for the room to decide: a live place needs none.
    """
    if token is None or room.settings.identity is IdentityMode.OFF:
        return None
    identity = room.read_identity(token)
    if identity is None:
        raise HoldfastError(ErrorCode.IDENTITY_REQUIRED)
    return identity


def may_use_cookies(request: web.Request, room: Room) -> bool:
    """True for our own pages and for programs, False for pages of a return origin.

    Raises CROSS_ORIGIN (403) for pages of any other origin.
    """
    try:
        require_same_origin(request)
    except HoldfastError:
        if request.headers.get("Origin") not in room.settings.return_origins:
            raise
        return False
    return True


def require_own_page(request: web.Request, room: Room) -> None:
    """Raises CROSS_ORIGIN unless a request that acts on the cookie comes from our own page."""
    if not may_use_cookies(request, room) and not request.headers.get(TICKET_HEADER):
        raise HoldfastError(ErrorCode.CROSS_ORIGIN)


def pass_verifier(passes: PassIssuer, now_ms: Callable[[str], int]) -> PassVerifier:
    """Makes the verifier of passes for all handlers.

    `now_ms` gives the time of a sale in Unix milliseconds: its sessions end by its own clock.
    """

    def verify(token: str, sale: str, uid: str | None) -> PassClaims | None:
        now = now_ms(sale)
        admitted = passes.read(token, sale, now)
        if admitted is None or uid not in (None, admitted.uid):
            return None
        return PassClaims(
            sale,
            admitted.uid,
            admitted.pass_id,
            admitted.subject,
            admitted.expires_at_ms // 1000,
            admitted.epoch,
            frozenset(admitted.channels),
            admitted.renewable_until_ms // 1000,
            final=0 < admitted.renewable_until_ms <= now,
        )

    return verify
