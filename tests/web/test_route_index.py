"""The index of routes finds what aiohttp's router finds by trying one after the other."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from holdfast.config import Config
from holdfast.http.app import create_app
from holdfast_web.paths import SALE
from holdfast_web.request.route_index import RouteIndex

CONFIG = Config(
    public_url="http://127.0.0.1:8080",
    store_url="redis://127.0.0.1",
    ledger_url="sqlite://",
    secret="secret-" * 8,
    operator_key="key-" * 8,
)
TRIED_FIRST = 3
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture(scope="module")
def router() -> web.UrlDispatcher:
    """The router of the service, frozen as when it has started."""
    app = create_app(CONFIG)
    app.freeze()
    return app.router


def paths(router: web.UrlDispatcher) -> list[str]:
    """An address of each route, and some that have none."""
    known = [resource.canonical for resource in router.resources()]
    odd = [
        "",
        "/",
        "/none",
        "/holds/",
        "//holds",
        "/holds/a/b/c",
        "/ticket/x",
        "/hold%73",
        "/%2Fholds",
    ]
    filled = [path.replace("{sale}", "gala").replace("{", "").replace("}", "") for path in known]
    return [*filled, *(f"/v1/sales/gala{path}" for path in odd), "/v1/sales//holds"]


async def found(router: web.UrlDispatcher, method: str, path: str) -> tuple[object, ...]:
    match = await router.resolve(make_mocked_request(method, path))
    exception = match.http_exception
    if isinstance(exception, web.HTTPMethodNotAllowed):
        return 405, frozenset(exception.allowed_methods)
    return match.route, dict(match)


async def test_every_address_leads_where_it_leads_without_the_index(
    router: web.UrlDispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = [(method, path) for path in paths(router) for method in METHODS]
    with_index = [await found(router, *address) for address in addresses]

    async def nothing(_index: RouteIndex, _request: web.Request) -> tuple[None, set[str]]:
        return None, set()

    monkeypatch.setattr(RouteIndex, "resolve", nothing)
    assert [await found(router, *address) for address in addresses] == with_index


async def test_route_of_a_sale_is_found_after_few_tries(
    router: web.UrlDispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    resolve = web.Resource.resolve

    async def counted(resource: web.Resource, request: web.Request) -> object:
        tried.append(resource.canonical)
        return await resolve(resource, request)

    monkeypatch.setattr(web.Resource, "resolve", counted)
    match, _ = await found(router, "POST", f"{SALE}/holds".replace("{sale}", "gala"))
    assert isinstance(match, web.AbstractRoute)
    assert len(tried) <= TRIED_FIRST + 1


async def test_resource_that_could_hide_another_is_refused() -> None:
    app = web.Application()
    app.router.register_resource(RouteIndex(app.router))

    async def never(_request: web.Request) -> web.Response:
        raise AssertionError

    app.router.add_get(SALE + "/{part}", never)
    with pytest.raises(TypeError, match="hidden"):
        await app.router.resolve(make_mocked_request("GET", "/v1/sales/gala/holds"))
