"""The routes of the waiting room: thin handlers, each one call into the room.

No handler decides who is admitted.
"""

from collections.abc import Awaitable
from typing import Annotated, Final

import msgspec
from aiohttp import web

from holdfast_connector.contract import HS256, JWKS_PATH, MAX_TOKEN_CHARS
from holdfast_connector.origins import MAX_URL_CHARS
from holdfast_queue.http.credentials import (
    join_room,
    may_use_cookies,
    observe_wait,
    require_own_page,
    require_ticket,
    set_ticket_cookie,
)
from holdfast_queue.http.poll import (
    ROOM_SERVICES,
    ROOMS,
    STATUS_CACHING,
    STATUS_ROUTE,
    StatusPoll,
)
from holdfast_queue.http.responses import admission_members, draw_members, join_members
from holdfast_queue.http.return_urls import check_return_url
from holdfast_queue.line.results import RetryLater, VisitorView
from holdfast_queue.line.room import Room
from holdfast_web.cors import Cors
from holdfast_web.credentials import Role, require_pass, require_role
from holdfast_web.endpoint import buyer_endpoint, endpoint, poll_endpoint, public_endpoint
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.metrics import METRICS
from holdfast_web.origins import PUBLIC_ORIGIN
from holdfast_web.paths import SALE
from holdfast_web.request.body import BODY_LIMIT_BYTES, read_json
from holdfast_web.request.speculation import is_speculative
from holdfast_web.responses import json_response
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole

_MAX_NONCE_CHARS: Final = 128
TokenText = Annotated[str, msgspec.Meta(max_length=BODY_LIMIT_BYTES)]
"""A token that is too long for an identity is refused like any other invalid one."""
Url = Annotated[str, msgspec.Meta(max_length=MAX_URL_CHARS)]
_JWKS_CACHING: Final = "no-cache"
"""A client that meets an unknown key reads the set again, and must not get a cached one."""


class JoinBody(msgspec.Struct, forbid_unknown_fields=True):
    """`nonce` takes part in the draw; `identity` is signed by the storefront."""

    nonce: Annotated[str, msgspec.Meta(max_length=_MAX_NONCE_CHARS)] | None = None
    identity: TokenText | None = None
    return_url: Url | None = None


class ClaimBody(msgspec.Struct, forbid_unknown_fields=True):
    return_url: Url | None = None


class ExchangeBody(msgspec.Struct, forbid_unknown_fields=True):
    token: Annotated[str, msgspec.Meta(max_length=MAX_TOKEN_CHARS)]
    origin: Url | None = None


def add_routes(app: web.Application) -> None:
    """Adds all routes of the waiting room; to be called before other packages add theirs."""
    room, shop = RoleRoutes(app, ServiceRole.ROOM), RoleRoutes(app, ServiceRole.SHOP)
    room.get(STATUS_ROUTE, poll_endpoint(StatusPoll().respond))
    room.get(SALE + "/ticket", _ticket)
    room.add("POST", SALE + "/tickets", _tickets)
    room.add("POST", SALE + "/pass", _claim)
    room.add("DELETE", SALE + "/pass", _release)
    room.add("POST", SALE + "/pass/exchange", _exchange)
    room.add("POST", SALE + "/pass/renew", _renew)
    room.add("POST", SALE + "/pass/release", _release)
    room.get(SALE + "/draw", _draw)
    shop.get(SALE + "/identity-key", _identity_key)
    room.get(JWKS_PATH, _jwks)
    for path in ("/status", "/draw"):
        room.allow_preflight(SALE + path, Cors.PUBLIC)
    for path in ("/ticket", "/tickets", "/pass", "/pass/exchange", "/pass/renew", "/pass/release"):
        room.allow_preflight(SALE + path, Cors.BUYER)


def _room(request: web.Request) -> Awaitable[Room]:
    return request.app[ROOMS].get(request.match_info["sale"])


@buyer_endpoint
async def _tickets(request: web.Request) -> web.StreamResponse:
    room = await _room(request)
    with_cookie = may_use_cookies(request, room)
    body = await read_json(request, JoinBody, default=JoinBody())
    _check_return_url(body.return_url, request, room)
    joined = await join_room(request, room, body.nonce, body.identity)
    response = json_response(
        join_members(joined, room, body.return_url), status=200 if joined.again else 201
    )
    if with_cookie:
        set_ticket_cookie(response, request, room.name, joined.token)
    return response


@buyer_endpoint
async def _ticket(request: web.Request) -> web.StreamResponse:
    rooms, name = request.app[ROOMS], request.match_info["sale"]
    room = rooms.known(name) or await rooms.get(name)
    ticket = require_ticket(request, room)
    return json_response(room.view(ticket) if is_speculative(request) else room.visit(ticket))


@buyer_endpoint
async def _claim(request: web.Request) -> web.StreamResponse:
    room = await _room(request)
    require_own_page(request, room)
    ticket = require_ticket(request, room)
    body = await read_json(request, ClaimBody, default=ClaimBody())
    _check_return_url(body.return_url, request, room)
    try:
        outcome = await room.claim(ticket)
    except HoldfastError as error:
        _count_pass(request, room, "expired" if error.code is ErrorCode.CALL_EXPIRED else "refused")
        raise
    if isinstance(outcome, RetryLater):
        _count_pass(request, room, "waiting")
        if outcome.called:
            _count_deferred(request, room)
        return _retry_later(outcome, room.view(ticket))
    _count_pass(request, room, "again" if outcome.again else "issued")
    if not outcome.again:
        observe_wait(request, room, ticket, outcome.now_ms)
    members = admission_members(outcome, room, body.return_url)
    return json_response(members, status=200 if outcome.claimed else 201)


@buyer_endpoint
async def _exchange(request: web.Request) -> web.StreamResponse:
    room = await _room(request)
    body = await read_json(request, ExchangeBody)
    admission = await room.exchange(body.token, _exchanging_origin(request, body))
    return json_response(admission_members(admission, room, None))


@buyer_endpoint
async def _renew(request: web.Request) -> web.StreamResponse:
    room = await _room(request)
    claims = await require_pass(request, room)
    admission = await room.renew(claims)
    return json_response(admission_members(admission, room, None))


@buyer_endpoint
async def _release(request: web.Request) -> web.StreamResponse:
    room = await _room(request)
    claims = await require_pass(request, room)
    await room.end(claims.pass_id)
    return web.Response(status=204)


@public_endpoint
async def _draw(request: web.Request) -> web.StreamResponse:
    document = draw_members(await _room(request))
    return json_response(document, headers={"Cache-Control": STATUS_CACHING})


@endpoint
async def _identity_key(request: web.Request) -> web.StreamResponse:
    """The key with which the sale's storefront signs identities."""
    await require_role(request, Role.PLATFORM)
    room = await _room(request)
    kid, key = request.app[ROOM_SERVICES].identities.key_of(room.uid)
    members = {"kid": kid, "algorithm": HS256, "key": key, "audience": room.name}
    return json_response(members, headers={"Cache-Control": "no-store"})


@endpoint
async def _jwks(request: web.Request) -> web.StreamResponse:
    headers = {"Cache-Control": _JWKS_CACHING, "Access-Control-Allow-Origin": "*"}
    return json_response(request.app[ROOM_SERVICES].jwks, headers=headers)


def _check_return_url(url: str | None, request: web.Request, room: Room) -> None:
    if url is not None:
        check_return_url(url, room.settings.return_origins, request.app[PUBLIC_ORIGIN])


def _exchanging_origin(request: web.Request, body: ExchangeBody) -> str | None:
    """The origin that the hand-off must be meant for; None when the request names none.

    A browser sends its origin with every POST, truthfully. A program can send any, so to require
    one of a shop's server would keep no attacker out; an origin that is sent is checked.
    """
    return request.headers.get("Origin") or body.origin


def _retry_later(outcome: RetryLater, view: VisitorView) -> web.StreamResponse:
    seconds = str(max(1, round(outcome.seconds)))
    return json_response(view, status=202, headers={"Retry-After": seconds})


def _count_deferred(request: web.Request, room: Room) -> None:
    metrics = request.app.get(METRICS)
    if metrics is not None:
        metrics.deferred.add(room.name)


def _count_pass(request: web.Request, room: Room, outcome: str) -> None:
    metrics = request.app.get(METRICS)
    if metrics is not None:
        metrics.passes.add(room.name, outcome)
