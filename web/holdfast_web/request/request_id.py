"""The id of a request: taken from `X-Request-Id`, else made, and the same wherever it is noted.

A proxy or a shop may send an id of 1 to 64 letters, digits, `.`, `_` and `-`; anything else is
replaced, since the id is written to logs and to the audit. It is answered in the same header, is a
member of problem documents, and stands on the log lines that the request causes.

What shared caches may keep is answered without it: they would hand the id of one client to all. So
polls, which nearly all requests are, pay nothing for it.
"""

import re
from os import urandom
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

HEADER: Final = "X-Request-Id"
MADE_BYTES: Final = 16
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY: Final = web.RequestKey("request_id", str)


def request_id(request: web.BaseRequest) -> str:
    """The id of this request, the same at each call."""
    known = request.get(_KEY)
    if known is None:
        sent = request.headers.getall(HEADER, [])
        valid = len(sent) == 1 and _ID.fullmatch(sent[0]) is not None
        known = request[_KEY] = sent[0] if valid else new_request_id()
    return known


def new_request_id() -> str:
    """A random id of 128 bits, in hex."""
    return urandom(MADE_BYTES).hex()


def answer_request_id(known: str, headers: CIMultiDict[str]) -> None:
    """Adds the id to the headers of a response, unless a shared cache may keep it."""
    if not headers.get("Cache-Control", "").startswith("public"):
        headers.setdefault(HEADER, known)
