"""JSON responses: encoded by msgspec without an intermediate `str`, and written at once (see
server.ready).
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from holdfast_web.server.ready import Ready

JSON_TYPE: Final = "application/json"

# Every response copies them, which costs less than setting them one by one.
_HEADERS: Final = CIMultiDictProxy(
    CIMultiDict({"Content-Type": JSON_TYPE, "Cache-Control": "no-store"})
)
_encode = msgspec.json.Encoder().encode


def json_response(
    value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A response with `value` (structs, dataclasses, plain containers) as JSON; not cacheable
    unless `headers` say so.
    """
    response = Ready(body=_encode(value), status=status, headers=_HEADERS)
    if headers is not None:
        response.headers.update(headers)
    return response
