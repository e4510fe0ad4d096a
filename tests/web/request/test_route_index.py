"""The index of routes finds what aiohttp's router finds by trying one after the other."""

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from support.http.connections import Start

from holdfast.config import Config
from holdfast.http.app import create_app
from holdfast_web.paths import SALE
from holdfast_web.request.route_index import FOUND_KEPT, RouteIndex

CONFIG = Config(
    public_url="http://127.0.0.1:8080",
    store_url="redis://127.0.0.1",
    ledger_url="sqlite://",
    secret="secret-" * 8,
    operator_key="key-" * 8,
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ODD = (
    "",
    "/",
    "/none",
    "/holds/",
    "//holds",
    "/holds/a/b/c",
    "/holds/cancel",
    "/holds/{id}",
    "/holds/..",
    "/ticket/x",
    "/ticket?seats=1",
    "/ticket#x",
    "/hold%73",
    "/%2Fholds",
    "/holds/a%2Fb",
    "/holds/é",
)


@pytest.fixture(scope="module")
def app() -> web.Application:
    """The service's, frozen as when it has started."""
    app = create_app(CONFIG)
    app.freeze()
    return app


def filled(path: str) -> str:
    return path.replace("{sale}", "gala").replace("{", "").replace("}", "")


async def test_what_the_index_finds_is_what_the_router_finds(app: web.Application) -> None:
    index, known = RouteIndex(app), [one.canonical for one in app.router.resources()]
    paths = [*map(filled, known), *(f"/v1/sales/gala{path}" for path in ODD), "/v1/sales//holds"]
    found = 0
    for method, path in ((method, path) for path in paths for method in METHODS):
        match = index.match(method, path)
        if match is None:
            continue
        found += 1
        by_router = await app.router.resolve(make_mocked_request(method, path))
        assert (match.route, dict(match)) == (by_router.route, dict(by_router)), (method, path)
        assert match.current_app is app
    assert found > 100


def test_every_route_of_a_sale_is_found_without_the_router(app: web.Application) -> None:
    index = RouteIndex(app)
    routes = [
        route
        for route in app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith(f"{SALE}/")
    ]
    assert len(routes) > 70
    for route in routes:
        assert route.resource is not None
        match = index.match(route.method, filled(route.resource.canonical))
        assert match is not None
        assert match.route is route


def test_what_could_be_read_in_another_way_is_left_to_the_router(app: web.Application) -> None:
    index = RouteIndex(app)
    for path in ("/v1/sales/gala/hold%73", "/v1/sales/gala/holds#x", "/v1/sales/g%2Fa/holds"):
        assert index.match("POST", path) is None
    assert index.match("POST", "http://a/v1/sales/gala/holds") is None
    assert index.match("BREW", "/v1/sales/gala/holds") is None


def test_only_so_many_addresses_are_kept(app: web.Application) -> None:
    index = RouteIndex(app)
    first = index.match("GET", "/v1/sales/gala/status")
    assert index.match("GET", "/v1/sales/gala/status") is first
    for number in range(FOUND_KEPT):
        index.match("GET", f"/v1/sales/s{number}/status")
    assert index.match("GET", "/v1/sales/gala/status") is not first


async def never(_request: web.Request) -> web.Response:
    raise AssertionError


def test_resource_that_could_hide_another_is_refused() -> None:
    app = web.Application()
    app.router.add_get(SALE + "/{part}", never)
    with pytest.raises(TypeError, match="hidden"):
        RouteIndex(app)


def test_an_application_with_middlewares_is_left_to_aiohttp() -> None:
    @web.middleware
    async def seen(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        return await handler(request)

    app = web.Application(middlewares=[seen])
    app.router.add_get(SALE + "/part", never)
    assert RouteIndex(app).match("GET", "/v1/sales/gala/part") is None


async def test_an_expectation_is_met_before_the_handler(start: Start) -> None:
    """By aiohttp, which answers it; a handler alone would wait for a body that does not come."""
    site = await start()
    reader, writer = await site.opened()
    writer.write(
        b"POST /v1/sales/gala/holds/1/confirm HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
        b"Expect: 100-continue\r\n\r\n"
    )
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    writer.write(b"{}")
    assert (await reader.readuntil(b"taken")).startswith(b"HTTP/1.1 200 ")
    writer.close()
