from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from yarl import URL

from holdfast_web.credentials import API_KEYS, ApiKey, Role, require_role
from holdfast_web.endpoint import add_fallback, endpoint
from holdfast_web.request.body import read_bytes
from holdfast_web.request.client_address import TRUSTED_PROXIES, client_address
from holdfast_web.request.in_process import call_route
from holdfast_web.request.taken_query import takes_query
from holdfast_web.responses import json_response
from holdfast_web.roles.role_routes import SERVED_ROLES, RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole
from holdfast_web.trusted_proxies import TrustedProxies

Client = TestClient[web.Request, web.Application]
Serve = Callable[[web.Application], Awaitable[Client]]
OPERATOR = ApiKey("k1", Role.OPERATOR, "ann")
VIEWER = ApiKey("k2", Role.VIEWER, "bob")


@endpoint
@takes_query("x")
async def _order(request: web.Request) -> web.Response:
    key = await require_role(request, Role.PLATFORM)
    body = await read_bytes(request, limit=8, seconds=1)
    return json_response(
        {
            "key": key.id,
            "sale": request.match_info["sale"],
            "query": request.query_string,
            "body": body.decode(),
            "address": str(client_address(request)),
            "authorization": request.headers.get("Authorization"),
            "cookie": request.headers.get("Cookie"),
        }
    )


def _app(key: ApiKey, target: str, body: bytes = b"") -> web.Application:
    """An operator's listener with a page that calls `target`, which belongs to the shop."""

    async def no_key(_secret: str) -> ApiKey | None:
        return None

    @endpoint
    async def page(request: web.Request) -> web.Response:
        await request.read()
        called = await call_route(request, key, "POST", URL(target, encoded=True), body=body)
        assert isinstance(called, web.Response)
        assert isinstance(called.body, bytes)
        return web.Response(body=called.body, status=called.status)

    app = web.Application()
    app[API_KEYS] = no_key
    app[TRUSTED_PROXIES] = TrustedProxies(("127.0.0.0/8",))
    app[SERVED_ROLES] = frozenset({ServiceRole.OPERATOR})
    RoleRoutes(app, ServiceRole.SHOP).add(
        "POST", "/v1/sales/{sale}/orders", _order, unaudited="a test"
    )
    RoleRoutes(app, ServiceRole.OPERATOR).get("/page", page)
    add_fallback(app)
    return app


async def test_call_has_the_key_the_body_and_the_address_it_is_made_with(serve: Serve) -> None:
    client = await serve(_app(OPERATOR, "/v1/sales/a%2Fb/orders?x=%26", b"body"))
    headers = {"X-Forwarded-For": "203.0.113.9", "Cookie": "a=b", "Authorization": "Bearer x"}
    answer = await client.get("/page", headers=headers)
    assert await answer.json(content_type=None) == {
        "key": "k1",
        "sale": "a/b",
        "query": "x=%26",
        "body": "body",
        "address": "203.0.113.9",
        "authorization": None,
        "cookie": None,
    }


@pytest.mark.parametrize(
    "forwarded", [("198.51.100.1", "203.0.113.9"), ("\xff, 203.0.113.9",)], ids=["twice", "no text"]
)
async def test_address_is_the_one_that_the_request_has(
    serve: Serve, forwarded: tuple[str, ...]
) -> None:
    """A client that sends the header of its proxy itself changes nothing about its address."""
    client = await serve(_app(OPERATOR, "/v1/sales/a/orders"))
    headers = [("X-Forwarded-For", value) for value in forwarded]
    answer = await client.get("/page", headers=headers)
    assert (await answer.json(content_type=None))["address"] == "203.0.113.9"


async def test_rules_of_the_route_hold_within_the_process(serve: Serve) -> None:
    expected = {
        (VIEWER, "/v1/sales/a/orders", b""): (403, "forbidden"),
        (OPERATOR, "/v1/sales/a/orders", b"too long a body"): (413, "body_too_large"),
        (OPERATOR, "/v1/nowhere", b""): (404, "not_found"),
    }
    for call, (status, code) in expected.items():
        answer = await (await serve(_app(*call))).get("/page")
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (status, code)


async def test_listener_stays_closed_to_the_outside(serve: Serve) -> None:
    client = await serve(_app(OPERATOR, "/v1/sales/a/orders"))
    answer = await client.post("/v1/sales/a/orders", headers={"Authorization": "Bearer k"})
    assert (answer.status, (await answer.json())["code"]) == (404, "role_elsewhere")
