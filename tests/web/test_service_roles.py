from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from holdfast_web.cors import Cors
from holdfast_web.endpoint import add_fallback, endpoint
from holdfast_web.roles.role_routes import SERVED_ROLES, RoleRoutes
from holdfast_web.roles.service_roles import ALL_ROLES, ServiceRole

Client = TestClient[web.Request, web.Application]
Serve = Callable[[web.Application], Awaitable[Client]]
PASS = {"Authorization": "Bearer a.b.c"}
KEY = {"Authorization": "Bearer hf_platform"}
ELSEWHERE = (404, "role_elsewhere")
SERVED = (200, "")


@endpoint
async def _serve(_request: web.Request) -> web.Response:
    return web.Response()


def _app(*roles: ServiceRole) -> web.Application:
    """Without keys, passes and sales: whoever looks one up fails with 500."""
    app = web.Application()
    app[SERVED_ROLES] = frozenset(roles)
    floor = RoleRoutes(app, ServiceRole.SALES_FLOOR)
    shop = RoleRoutes(app, ServiceRole.SHOP)
    holds = RoleRoutes(app, ServiceRole.SALES_FLOOR, with_key=ServiceRole.SHOP)
    floor.get("/plan", _serve)
    floor.allow_preflight("/plan", Cors.PUBLIC)
    shop.add("POST", "/confirm", _serve, unaudited="a test")
    holds.add("POST", "/holds", _serve, unaudited="a test")
    add_fallback(app)
    return app


async def ask(
    client: Client, method: str, path: str, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    answer = await client.request(method, path, headers=headers)
    is_problem = answer.content_type == "application/problem+json"
    return answer.status, (await answer.json())["code"] if is_problem else ""


async def test_application_serves_every_role_unless_it_is_told_which(serve: Serve) -> None:
    app = web.Application()
    for role in ALL_ROLES:
        RoleRoutes(app, role).get(f"/{role}", _serve)
    client = await serve(app)
    assert [await ask(client, "GET", f"/{role}") for role in ALL_ROLES] == [SERVED] * 4


async def test_role_that_is_not_served_is_elsewhere_whatever_the_credential(serve: Serve) -> None:
    client = await serve(_app(ServiceRole.SALES_FLOOR))
    for headers in (None, KEY, PASS, {"Authorization": "Basic x"}):
        assert await ask(client, "POST", "/confirm", headers) == ELSEWHERE
        assert await ask(client, "GET", "/plan", headers) == SERVED


async def test_preflight_belongs_to_the_role_of_its_path(serve: Serve) -> None:
    origin = {"Origin": "https://shop.example"}
    served = await serve(_app(ServiceRole.SALES_FLOOR))
    assert await ask(served, "OPTIONS", "/plan", origin) == (204, "")
    other = await serve(_app(ServiceRole.SHOP))
    assert await ask(other, "OPTIONS", "/plan", origin) == ELSEWHERE


@pytest.mark.parametrize(
    ("role", "with_pass", "with_key"),
    [(ServiceRole.SALES_FLOOR, SERVED, ELSEWHERE), (ServiceRole.SHOP, ELSEWHERE, SERVED)],
)
async def test_kind_of_credential_decides_where_a_hold_belongs(
    serve: Serve, role: ServiceRole, with_pass: tuple[int, str], with_key: tuple[int, str]
) -> None:
    client = await serve(_app(role))
    assert await ask(client, "POST", "/holds", PASS) == with_pass
    assert await ask(client, "POST", "/holds", KEY) == with_key
    # Without any, the handler says that one is missing.
    assert await ask(client, "POST", "/holds") == SERVED


async def test_holds_are_elsewhere_where_neither_role_is_served(serve: Serve) -> None:
    client = await serve(_app(ServiceRole.OPERATOR))
    assert [await ask(client, "POST", "/holds", how) for how in (None, PASS, KEY)] == [
        ELSEWHERE
    ] * 3


async def test_method_that_a_path_does_not_have_is_405_in_any_role(serve: Serve) -> None:
    client = await serve(_app(ServiceRole.SHOP))
    assert await ask(client, "DELETE", "/plan") == (405, "method_not_allowed")
    assert await ask(client, "GET", "/nothing") == (404, "not_found")
