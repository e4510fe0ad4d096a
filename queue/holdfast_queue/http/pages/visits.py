"""Reads the request for a page: the sale, the return URL, the language.

A link reaches people through newsletters and advertisements, which add parameters of their own;
those are ignored. The page's own parameters may be in a link once only, since otherwise the one
that is checked here could differ from the one that the browser's script reads.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from holdfast_connector.contract import IDENTITY_PARAMETER
from holdfast_queue.http.pages.documents import PageVisit
from holdfast_queue.http.pages.languages import negotiate
from holdfast_queue.http.poll import ROOMS
from holdfast_queue.http.return_urls import check_return_url
from holdfast_queue.line.room import Room
from holdfast_queue.line.settings import LineSettings
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.origins import PUBLIC_ORIGIN
from holdfast_web.request.body import BODY_LIMIT_BYTES, BODY_SECONDS, read_bytes

JOINED_PARAMETER: Final = "joined"
"""Marks the address after a join: a browser that comes there without a ticket keeps no cookies."""

VISIT: Final = web.RequestKey("visit", PageVisit)
"""The visit of a request, kept for the page of an error that is raised later."""

ONLY_SHOP: Final = web.RequestKey("only_shop", str)
"""The sale's only shop, kept for the page of an error in the link."""

_MAX_FORM_FIELDS: Final = 8
_PARAMETERS: Final = frozenset({"t", "lang", "do", IDENTITY_PARAMETER, JOINED_PARAMETER})


async def read_visit(request: web.Request, values: Mapping[str, str]) -> tuple[Room, PageVisit]:
    """The room, and the visit with a checked return URL; raises before anything is shown or
    done.
    """
    room = await request.app[ROOMS].get(request.match_info["sale"])
    shop = only_shop(room.settings)
    if shop is not None:
        request[ONLY_SHOP] = shop
    return_url = _return_url(room.settings, values.get("t"), request.app[PUBLIC_ORIGIN])
    language = language_of(request, values)
    identity = values.get(IDENTITY_PARAMETER) or None
    request[VISIT] = visit = PageVisit(room.name, return_url, language, room.brand, identity)
    return room, visit


def language_of(request: web.Request, values: Mapping[str, str] | None = None) -> str:
    """The language of the response, by the visit's `values` or else by the address."""
    wished = request.query if values is None else values
    return negotiate(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""), wished.get("lang"))


def names_identity(request: web.Request) -> bool:
    """Whether the address has an identity: then neither it nor the response is for others."""
    return IDENTITY_PARAMETER in request.query


def link_values(request: web.Request) -> dict[str, str]:
    """The parameters of a page's address."""
    return _single_values(list(request.query.items()))


async def form_values(request: web.Request) -> dict[str, str]:
    """The fields of a page's form."""
    body = await read_bytes(request, limit=BODY_LIMIT_BYTES, seconds=BODY_SECONDS)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS)
    except ValueError:
        raise invalid("body", "The body is not a form.") from None
    return _single_values(pairs)


def only_shop(settings: LineSettings) -> str | None:
    """The front page of the shop, when the sale has a single one."""
    return f"{settings.return_origins[0]}/" if len(settings.return_origins) == 1 else None


def _return_url(settings: LineSettings, url: str | None, own_origin: str) -> str:
    """The checked return URL; a link without `t` returns to the sale's only shop."""
    target = only_shop(settings) if url is None else url
    return check_return_url(target or "", settings.return_origins, own_origin)


def _single_values(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    known = [(name, value) for name, value in pairs if name in _PARAMETERS]
    values = dict(known)
    if len(values) != len(known):
        raise HoldfastError(ErrorCode.INVALID_RETURN_URL, "A parameter is given twice.")
    return values
