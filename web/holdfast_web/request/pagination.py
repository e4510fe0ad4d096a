"""Lists: `limit` and `cursor` in, `{"items": [...], "next": cursor|null}` out.

A cursor is opaque to clients and contains the sort key of the last item shown, never an offset:
items that appear or vanish between two pages neither repeat nor hide others.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from aiohttp import web

from holdfast_web.errors import HoldfastError, invalid
from holdfast_web.request.text import INT64_MAX, cleaned, query_text

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
MAX_CURSOR_CHARS: Final = 512

CursorKey = tuple[str | Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)], ...]
"""No list is sorted by anything that is negative, or more than the databases keep."""


@dataclass(frozen=True)
class PageQuery:
    """How many items, and after which sort key (`()` = from the start)."""

    limit: int
    after: CursorKey


def page_query(
    request: web.Request, *shape: type[str] | type[int], default: int = DEFAULT_LIMIT
) -> PageQuery:
    """`limit` and `cursor` of the query string; a cursor must have the types of `shape`."""
    text = query_text(request, "cursor")
    after = decode_cursor(text, *shape) if text else ()
    return PageQuery(page_limit(request, default), after)


def page(items: Sequence[object], after: CursorKey | None) -> dict[str, object]:
    """The body of a list; `after` is the sort key of the last item when there are more, else
    None.
    """
    return {"items": items, "next": None if after is None else encode_cursor(*after)}


def encode_cursor(*key: str | int) -> str:
    """The cursor of a sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def decode_cursor(text: str, *shape: type[str] | type[int]) -> CursorKey:
    """The sort key in a cursor; raises 400 `invalid_request` for one that is not of this shape."""
    if len(text) > MAX_CURSOR_CHARS:
        raise invalid("cursor", "The cursor is not one of ours.")
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        key = msgspec.json.decode(raw, type=CursorKey)
        cleaned(key, "cursor")  # refuses what no name of ours has, and changes none
    except (binascii.Error, UnicodeError, msgspec.MsgspecError, RecursionError, HoldfastError):
        raise invalid("cursor", "The cursor is not one of ours.") from None
    if tuple(type(part) for part in key) != shape:
        raise invalid("cursor", "The cursor is not one of ours.")
    return key


def page_limit(request: web.Request, default: int = DEFAULT_LIMIT) -> int:
    """How many items a page may have, by the query string."""
    text = query_text(request, "limit")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= MAX_LIMIT):
        raise invalid("limit", f"limit must be a number from 1 to {MAX_LIMIT}.")
    return int(text)
