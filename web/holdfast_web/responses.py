"""JSON answers through msgspec: one encoder, one content type, no intermediate `str`, and written
out at once (see ready).
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from holdfast_web.server.ready import Ready

JSON_TYPE: Final = "application/json"

# Every answer copies them; made once, they cost less than setting them one by one.
_HEADERS: Final = CIMultiDictProxy(
    CIMultiDict({"Content-Type": JSON_TYPE, "Cache-Control": "no-store"})
)
_encode = msgspec.json.Encoder().encode


def json_response(
    value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """`value` (structs, dataclasses, plain containers) as a JSON document that nobody may cache by
    default.
    """
    response = Ready(body=_encode(value), status=status, headers=_HEADERS)
    if headers is not None:
        response.headers.update(headers)
    return response
