"""What a request for a page says: the sale, where its visitor goes afterwards, the language.

A link reaches people through newsletters and advertisements, which add parameters of their own;
those are ignored. What a page knows may stand in a link once only, for what is checked here and
what a browser's script reads could differ otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from holdfast_connector.contract import IDENTITY_PARAMETER
from holdfast_queue.http.pages.documents import Visit
from holdfast_queue.http.pages.languages import negotiate
from holdfast_queue.http.poll import ROOMS
from holdfast_queue.http.return_urls import check_return_url
from holdfast_queue.line.room import Room
from holdfast_queue.line.settings import LineSettings
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.origins import PUBLIC_ORIGIN
from holdfast_web.request.body import BODY_LIMIT_BYTES, BODY_SECONDS, read_bytes

JOINED_PARAMETER: Final = "joined"
"""On the address that a join leads to: a browser that comes without its ticket keeps no cookies."""

VISIT: Final = web.RequestKey("visit", Visit)
"""The visit of a request, once it has been read: a refusal that comes later knows the way on."""

ONLY_SHOP: Final = web.RequestKey("only_shop", str)
"""The sale's only shop, for refusals of what the link says."""

_MAX_FORM_FIELDS: Final = 8
_PARAMETERS: Final = frozenset({"t", "lang", "do", IDENTITY_PARAMETER, JOINED_PARAMETER})


async def read_visit(request: web.Request, values: Mapping[str, str]) -> tuple[Room, Visit]:
    """The room and the checked return URL; refuses before anything is shown or done."""
    room = await request.app[ROOMS].get(request.match_info["sale"])
    shop = only_shop(room.settings)
    if shop is not None:
        request[ONLY_SHOP] = shop
    return_url = _return_url(room.settings, values.get("t"), request.app[PUBLIC_ORIGIN])
    language = language_of(request, values)
    identity = values.get(IDENTITY_PARAMETER) or None
    request[VISIT] = visit = Visit(room.name, return_url, language, room.brand, identity)
    return room, visit


def language_of(request: web.Request, values: Mapping[str, str] | None = None) -> str:
    """The language to answer in, by the visit's `values`, or by the address as it is."""
    wished = request.query if values is None else values
    return negotiate(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""), wished.get("lang"))


def names_identity(request: web.Request) -> bool:
    """Whether the address itself says who comes: then neither it nor the answer is for others."""
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
    """The shop's front page, when the sale knows a single shop."""
    return f"{settings.return_origins[0]}/" if len(settings.return_origins) == 1 else None


def _return_url(settings: LineSettings, given: str | None, own_origin: str) -> str:
    """A link without `t` leads to the sale's only shop; with several shops nobody could know."""
    url = only_shop(settings) if given is None else given
    return check_return_url(url or "", settings.return_origins, own_origin)


def _single_values(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    known = [(name, value) for name, value in pairs if name in _PARAMETERS]
    values = dict(known)
    if len(values) != len(known):
        raise HoldfastError(ErrorCode.INVALID_RETURN_URL, "A parameter is given twice.")
    return values
