"""The routes of the waiting page.

`GET /wait/{sale}` gives everybody the same document and may be cached; everything that acts is a
POST, by the page's script to the API or by a form to `/place`. A form acts on the visitor's cookie,
so it must come from our own page, and it is answered with 303, so that a reload repeats nothing. An
error is answered with a page for browsers and a problem document for programs.

A shop may send its visitors with an identity in the address. The response is then for this visitor
alone (`no-store`); the form contains the identity, the page's script removes it from the address.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import wraps
from typing import Final

from aiohttp import hdrs, web

from holdfast_connector.origins import origin_of
from holdfast_queue.http.credentials import (
    join_room,
    set_ticket_cookie,
    shown_ticket,
)
from holdfast_queue.http.pages import preview
from holdfast_queue.http.pages.documents import (
    ASSETS,
    IDENTIFIED_HEADERS,
    PAGE_HEADERS,
    PageVisit,
    brand_stylesheet,
    place_document,
    place_url,
    security_policy,
    waiting_document,
)
from holdfast_queue.http.pages.place import PageState, Scene, page_state, place_values
from holdfast_queue.http.pages.refusals import problem_page
from holdfast_queue.http.pages.render import Html
from holdfast_queue.http.pages.visits import (
    JOINED_PARAMETER,
    form_values,
    link_values,
    names_identity,
    read_visit,
)
from holdfast_queue.http.poll import ROOMS
from holdfast_queue.line.brand import is_colour
from holdfast_queue.line.results import Admission
from holdfast_queue.line.room import Room
from holdfast_queue.tokens.handoffs import redirect_url
from holdfast_web.endpoint import endpoint
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.origins import require_same_origin
from holdfast_web.pages.assets import IMMUTABLE
from holdfast_web.problems import to_error
from holdfast_web.request.negotiation import takes
from holdfast_web.request.speculation import is_speculative
from holdfast_web.request.text import query_text
from holdfast_web.roles.role_routes import SERVED_ROLES, RoleRoutes
from holdfast_web.roles.service_roles import ALL_ROLES, ServiceRole

PAGE: Final = "/wait/{sale}"
_PAGE_CACHING: Final = "public, max-age=60"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_EXPIRED_SCENES: Final = {ErrorCode.CALL_EXPIRED: Scene.EXPIRED, ErrorCode.PASS_ENDED: Scene.ENDED}
_PRIVATE: Final = "no-store"
_STATES_OF_THE_SALE: Final = frozenset(
    {
        ErrorCode.NOT_OPEN,
        ErrorCode.DRAINING,
        ErrorCode.SALE_CLOSED,
        ErrorCode.SOLD_OUT,
        ErrorCode.JOIN_REFUSED,
        ErrorCode.UNAUTHORIZED,
    }
)
"""Refusals that the page after the 303 shows as a state of the sale."""


def add_routes(app: web.Application) -> None:
    room = RoleRoutes(app, ServiceRole.ROOM)
    room.get(PAGE, _waiting_page)
    room.get(PAGE + "/place", _place)
    room.add("POST", PAGE + "/place", _act)
    # Previews of operators are styled by the same files, wherever the room is served.
    served = app.get(SERVED_ROLES, frozenset(ALL_ROLES))
    styles = RoleRoutes(
        app, ServiceRole.ROOM if ServiceRole.ROOM in served else ServiceRole.OPERATOR
    )
    styles.get(PAGE + "/brand.css", _brand)
    styles.get(ASSETS.pattern, ASSETS.serve)
    preview.add_route(app)


def _page(handler: _Handler) -> _Handler:
    """An endpoint whose errors are pages for clients that accept HTML, else problem documents."""

    @endpoint
    @wraps(handler)
    async def responded(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as exc:
            if not takes(request.headers.get(hdrs.ACCEPT, ""), "text/html"):
                raise
            return problem_page(request, to_error(exc))

    return responded


@_page
async def _waiting_page(request: web.Request) -> web.StreamResponse:
    _, visit = await read_visit(request, link_values(request))
    caching = _PRIVATE if names_identity(request) else _PAGE_CACHING
    return _html(visit, waiting_document(visit), caching)


@_page
async def _place(request: web.Request) -> web.StreamResponse:
    values = link_values(request)
    room, visit = await read_visit(request, values)
    token = shown_ticket(request, room.name)
    ticket = room.read_ticket(token) if token else None
    look = room.view if is_speculative(request) else room.visit
    lost = token is None and JOINED_PARAMETER in values
    found = page_state(
        room,
        None if ticket is None else look(ticket),
        identified=visit.identity is not None,
        ticket_lost=lost,
    )
    return _place_page(visit, found)


@_page
async def _act(request: web.Request) -> web.StreamResponse:
    form = await form_values(request)
    room, visit = await read_visit(request, form)
    require_same_origin(request)
    act = {"join": _join, "claim": _claim}.get(form.get("do", ""))
    if act is None:
        raise invalid("do", "do must be join or claim.")
    try:
        return await act(request, room, visit)
    except HoldfastError as error:
        if error.code in _EXPIRED_SCENES:
            expired = PageState(_EXPIRED_SCENES[error.code], room.document, room.settings, None)
            return _place_page(visit, expired)
        if error.code in _STATES_OF_THE_SALE:
            return _see_other(place_url(visit))
        if error.code is ErrorCode.IDENTITY_REQUIRED:
            return _unidentified(request, room, visit)
        raise


def _unidentified(request: web.Request, room: Room, visit: PageVisit) -> web.Response:
    """A visitor who has a place is sent to it; everybody else gets the link to the shop, with
    401.
    """
    token = shown_ticket(request, room.name)
    if token and room.read_ticket(token):
        return _see_other(place_url(visit))
    return _place_page(
        visit, PageState(Scene.IDENTITY, room.document, room.settings, None), status=401
    )


async def _join(request: web.Request, room: Room, visit: PageVisit) -> web.StreamResponse:
    joined = await join_room(request, room, None, visit.identity)
    response = _see_other(f"{place_url(visit)}&{JOINED_PARAMETER}=1")
    if joined.admission is not None:
        response = _see_other(_shop_redirect(room, visit, joined.admission))
    set_ticket_cookie(response, request, room.name, joined.token)
    return response


async def _claim(request: web.Request, room: Room, visit: PageVisit) -> web.StreamResponse:
    token = shown_ticket(request, room.name)
    ticket = room.read_ticket(token) if token else None
    if ticket is None:
        raise HoldfastError(ErrorCode.UNAUTHORIZED)
    outcome = await room.claim(ticket)
    if isinstance(outcome, Admission):
        return _see_other(_shop_redirect(room, visit, outcome))
    return _see_other(place_url(visit))


@endpoint
async def _brand(request: web.Request) -> web.StreamResponse:
    """The sheet of the colour in the address, which never changes; without one the sale's."""
    room = await request.app[ROOMS].get(request.match_info["sale"])
    named = f"#{query_text(request, 'v') or ''}"
    brand = replace(room.brand, colour=named) if is_colour(named) else room.brand
    headers = {
        hdrs.CACHE_CONTROL: IMMUTABLE if brand.colour == named else "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    text = brand_stylesheet(brand)
    return web.Response(text=text, content_type="text/css", headers=headers)


def _shop_redirect(room: Room, visit: PageVisit, admission: Admission) -> str:
    return redirect_url(visit.return_url, room.handoff(admission, origin_of(visit.return_url)))


def _see_other(location: str) -> web.Response:
    headers = {hdrs.LOCATION: location, hdrs.CACHE_CONTROL: _PRIVATE}
    return web.Response(status=303, headers=headers)


def _place_page(visit: PageVisit, look: PageState, status: int = 200) -> web.Response:
    return _html(visit, place_document(visit, place_values(visit, look)), _PRIVATE, status)


def _html(visit: PageVisit, document: Html, caching: str, status: int = 200) -> web.Response:
    headers = {
        **(PAGE_HEADERS if visit.identity is None else IDENTIFIED_HEADERS),
        hdrs.CACHE_CONTROL: caching,
        hdrs.VARY: hdrs.ACCEPT_LANGUAGE,
        hdrs.CONTENT_LANGUAGE: visit.language,
        hdrs.CONTENT_SECURITY_POLICY: security_policy(origin_of(visit.return_url)),
    }
    return web.Response(text=document, status=status, content_type="text/html", headers=headers)
