from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from holdfast_web.cors import RETURN_ORIGINS
from holdfast_web.endpoint import add_fallback, buyer_endpoint, endpoint
from holdfast_web.request.taken_query import takes_query
from holdfast_web.responses import json_response

Client = TestClient[web.Request, web.Application]
Serve = Callable[[web.Application], Awaitable[Client]]
SHOP = "https://shop.example"


@endpoint
async def _plain(_request: web.Request) -> web.Response:
    return json_response({})


@buyer_endpoint
@takes_query("limit", "cursor")
async def _list(_request: web.Request) -> web.Response:
    return json_response({})


async def _origins(_sale: str) -> frozenset[str]:
    return frozenset({SHOP})


@pytest.fixture
async def client(serve: Serve) -> Client:
    app = web.Application()
    app[RETURN_ORIGINS] = _origins
    for prefix in ("/v1/{sale}", "/wait/{sale}"):
        app.router.add_get(prefix + "/plain", _plain)
        app.router.add_get(prefix + "/list", _list)
    add_fallback(app)
    return await serve(app)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limits=1", "limits"),
        ("limit=1&Limit=1", "Limit"),
        ("=x", ""),
        ("%FF=1", "\\ufffd"),
        ("a" * 99 + "=1", "a" * 64),
    ],
)
async def test_unknown_parameter_is_refused_by_name(client: Client, query: str, field: str) -> None:
    answer = await client.get(f"/v1/gala/list?{query}")
    assert answer.status == 400
    problem = await answer.json(content_type=None)
    assert (problem["code"], problem["field"]) == ("invalid_request", field)


async def test_handler_that_says_nothing_takes_no_parameter(client: Client) -> None:
    assert (await client.get("/v1/gala/plain?limit=1")).status == 400
    assert (await client.get("/v1/gala/plain")).status == 200


@pytest.mark.parametrize("query", ["limit=1", "cursor=a&limit=2", "", "&&", "limit=1&limit=2"])
async def test_parameter_that_is_taken_gets_through(client: Client, query: str) -> None:
    assert (await client.get(f"/v1/gala/list?{query}")).status == 200


async def test_refusal_can_be_read_by_the_page_that_asked(client: Client) -> None:
    answer = await client.get("/v1/gala/list?page=1", headers={"Origin": SHOP})
    assert answer.status == 400
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP


async def test_pages_and_unknown_addresses_leave_queries_alone(client: Client) -> None:
    assert (await client.get("/wait/gala/plain?utm_source=mail")).status == 200
    assert (await client.get("/v1/nowhere?x=1")).status == 404
