import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, make_mocked_request

from holdfast_tasks import start_task
from holdfast_web.endpoint import add_fallback, endpoint, poll_endpoint, public_endpoint
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.request.current_request import current_request_id
from holdfast_web.request.request_id import HEADER, request_id
from holdfast_web.responses import json_response

Client = TestClient[web.Request, web.Application]
Serve = Callable[[web.Application], Awaitable[Client]]
MADE = re.compile(r"[0-9a-f]{32}")


async def _current(_: web.Request) -> web.Response:
    return json_response({"current": current_request_id.get()})


async def _shared_task(_: web.Request) -> web.Response:
    async def current() -> str | None:
        return current_request_id.get()

    own = start_task(current(), name="own", awaited=True, inherits=True)
    shared = start_task(current(), name="shared", awaited=True)
    return json_response({"own": await own, "shared": await shared})


async def _cached(_: web.Request) -> web.Response:
    return json_response({}, headers={"Cache-Control": "public, max-age=60"})


async def _refuse(request: web.Request) -> web.Response:
    raise HoldfastError(ErrorCode.UNKNOWN_SALE)


@pytest.fixture
async def client(serve: Serve) -> Client:
    app = web.Application()
    app.router.add_get("/current", endpoint(_current))
    app.router.add_get("/task", endpoint(_shared_task))
    app.router.add_get("/cached", public_endpoint(_cached))
    app.router.add_get("/poll", poll_endpoint(_current))
    app.router.add_get("/no-poll", poll_endpoint(_refuse))
    add_fallback(app)
    return await serve(app)


@pytest.mark.parametrize("sent", ["a", "A.b_c-9", "x" * 64])
async def test_valid_id_is_taken_and_answered(client: Client, sent: str) -> None:
    answer = await client.get("/current", headers={HEADER: sent})
    assert answer.headers[HEADER] == sent
    assert await answer.json() == {"current": sent}


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "a,b", "caf\u00e9", "a/b", 'a"', "a:b"])
def test_other_ids_are_replaced(sent: str) -> None:
    request = make_mocked_request("GET", "/", headers={HEADER: sent})
    made = request_id(request)
    assert MADE.fullmatch(made)
    assert request_id(request) == made
    assert request_id(make_mocked_request("GET", "/")) != made


def test_two_ids_are_none() -> None:
    request = make_mocked_request("GET", "/", headers=[(HEADER, "a"), (HEADER, "b")])
    assert MADE.fullmatch(request_id(request))


async def test_each_request_of_a_connection_has_its_own(client: Client) -> None:
    """And none is left behind for a poll that comes after it on the same connection."""
    answers = [await client.get("/current") for _ in range(3)]
    ids = [answer.headers[HEADER] for answer in answers]
    assert len(set(ids)) == 3
    assert [(await answer.json())["current"] for answer in answers] == ids
    assert (await (await client.get("/poll")).json())["current"] is None


async def test_problems_have_it_even_where_no_route_is(client: Client) -> None:
    for method, path in (("GET", "/nowhere"), ("PUT", "/poll"), ("GET", "/no-poll")):
        answer = await client.request(method, path, headers={HEADER: "r-7"})
        assert answer.status in {404, 405}
        assert answer.headers[HEADER] == (await answer.json())["request_id"] == "r-7"


async def test_what_caches_keep_is_nobodys(client: Client) -> None:
    """Catches a cache that hands the id of one client to all."""
    for path in ("/cached", "/poll"):
        answer = await client.get(path, headers={HEADER: "r-7"})
        assert HEADER not in answer.headers


async def test_work_for_several_requests_has_the_id_of_none(client: Client) -> None:
    answer = await client.get("/task", headers={HEADER: "r-7"})
    assert await answer.json() == {"own": "r-7", "shared": None}
    await asyncio.sleep(0)
