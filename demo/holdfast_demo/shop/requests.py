"""Reads bodies of scripts and forms, and turns failures into problem documents.

A script sends JSON and is answered with JSON; a form of a page without scripts is answered with a
page, so that nobody is left before a document that is not for them.
"""

from typing import Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from holdfast_demo.shop.service_client import ServiceRefused
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.problems import problem_response, to_error
from holdfast_web.request.body import BODY_LIMIT_BYTES, BODY_SECONDS, read_bytes, read_json
from holdfast_web.responses import json_response

_JSON: Final = "application/json"
_MAX_FIELDS: Final = 10

T = TypeVar("T", bound=msgspec.Struct)


async def read_fields(request: web.Request, shape: type[T]) -> T:
    """The body as a `shape`: JSON of a script, or the fields of a form."""
    if from_script(request):
        return await read_json(request, shape)
    body = await read_bytes(request, limit=BODY_LIMIT_BYTES, seconds=BODY_SECONDS)
    try:
        fields = dict(parse_qsl(body.decode(), max_num_fields=_MAX_FIELDS))
        return msgspec.convert(fields, shape, strict=False)
    except ValueError:  # msgspec's and Unicode's faults are of that kind
        raise HoldfastError(ErrorCode.INVALID_REQUEST) from None


def from_script(request: web.Request) -> bool:
    return request.content_type == _JSON


def answer(request: web.Request, document: object, address: str) -> web.Response:
    """`document` for a script, the page at `address` for a form."""
    if from_script(request):
        return json_response(document)
    return see(address)


def see(address: str) -> web.Response:
    """Redirects the browser (303), so that a reload repeats nothing."""
    return web.Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})


def refusal_of(failure: Exception) -> ServiceRefused:
    """Any failure as a problem document; faults are logged."""
    if isinstance(failure, ServiceRefused):
        return failure
    response = problem_response(to_error(failure))
    assert isinstance(response.body, bytes)
    return ServiceRefused(response.status, msgspec.json.decode(response.body, type=dict))
