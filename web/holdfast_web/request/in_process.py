"""Calls a route of the same application, without a connection.

The console does all that it does by such calls, so it can do nothing that the API does not offer,
and every rule of the API holds: bounds, roles, the audit, the counts of requests. The caller has
looked the API key up already and hands it on; the address of the client is that of the request
which the call is made for.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import hdrs, web
from yarl import URL

from holdfast_web.credentials import ACTING_KEY, ApiKey
from holdfast_web.request.body import GIVEN_BODY
from holdfast_web.request.client_address import client_address
from holdfast_web.request.request_id import HEADER as REQUEST_ID
from holdfast_web.request.request_id import request_id
from holdfast_web.roles.role_routes import WITHIN
from holdfast_web.server.matched_route import set_matched_route

_FORWARDED_FOR: Final = "X-Forwarded-For"


async def call_route(
    request: web.Request,
    key: ApiKey,
    method: str,
    url: URL,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """The response of the route that `url` leads to, asked with `key` on behalf of `request`.

    Errors of the API are responses, as they are to everybody else. Streams cannot be called so.
    """
    # The address as it was found, not the header that it was found in: a client may have sent that
    # header several times, or bytes that are no text.
    given = {
        _FORWARDED_FOR: str(client_address(request)),
        REQUEST_ID: request_id(request),
        **(headers or {}),
    }
    host = request.headers.get(hdrs.HOST, "")
    if host.isascii():
        given[hdrs.HOST] = host
    inner = request.clone(method=method, rel_url=url, headers=given)
    inner[ACTING_KEY] = key
    inner[GIVEN_BODY] = body
    found = await request.app.router.resolve(inner)
    found.add_app(request.app)
    found.freeze()
    set_matched_route(inner, found)
    handler = request.app[WITHIN].get(found.route, found.handler)
    return await handler(inner)
