"""deploy/nginx/holdfast.conf when more comes than the service takes: roles apart, the shop's own
way, and what nginx refuses by itself.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from http import HTTPStatus

import aiohttp
import pytest
from aiohttp import web
from support.api_client import Answer, Api, create
from support.ports import free_port
from support.service.nginx import Certificate, echo, one_for_all, problem, service_recipe

from holdfast_web.errors import ErrorCode
from holdfast_web.roles.service_roles import ServiceRole

RETRY_AFTER = {"1", "2", "3", "4", "5"}
QUEUE = 256
"""Of holds and orders of buyers, as the recipe bounds it."""
BOUND_SECONDS = 30
REPEATS = 5
ROOM, SALES_FLOOR, SHOP, OPERATOR = ServiceRole


async def test_shop_confirms_hundreds_of_orders_at_once_from_one_address(
    operator: Api, name: str
) -> None:
    """Far more than a visitor's address may do: 300 at once and 10 a second."""
    await create(operator, name)
    unit = {"areas": [{"id": "floor", "quantity": 1}]}
    requests = [unit | {"buyer": f"buyer-{number}"} for number in range(100)]
    held = await asyncio.gather(*(operator.hold(name, request) for request in requests))
    confirmed: list[Answer] = []
    for _ in range(REPEATS):
        confirmed += await asyncio.gather(*(operator.confirm(name, one.body) for one in held))
    assert {answer.status for answer in confirmed} == {HTTPStatus.OK}
    assert {answer.body["status"] for answer in confirmed} == {"confirmed"}


async def test_shop_and_operator_do_not_come_by_the_public_address(
    certificate: Certificate, http: aiohttp.ClientSession
) -> None:
    """Whatever the credential is; the service does not hear of it."""
    denied = """
        POST /v1/sales/x/holds/h1/confirm
        POST /v1/sales/x/holds/h1/paying
        POST /v1/sales/x/orders/h1/refund
        GET /v1/sales/x/events
        GET /v1/sales/x/identity-key
        PUT /v1/sales/x/plan
        POST /v1/sales/x/seats/block
        POST /v1/sales/x/open
        POST /v1/sales/x/draw/beacon
        PATCH /v1/sales/x
        GET /v1/sales
    """
    port = free_port()
    async with echo() as upstream:
        with service_recipe(port, certificate, one_for_all(upstream.port)):
            public = Api(http, f"https://localhost:{port}", "a-key")
            for method, path in (line.split() for line in denied.strip().splitlines()):
                answer = await public.call(method, path)
                assert answer.status == HTTPStatus.NOT_FOUND, path
                assert answer.body == problem(ErrorCode.ROLE_ELSEWHERE)
        assert upstream.seen == []


async def test_each_role_is_asked_at_its_own_upstream(
    certificate: Certificate, http: aiohttp.ClientSession
) -> None:
    public = {
        ROOM: "/v1/sales/x/status /v1/sales/x/draw /v1/sales/x/ticket /v1/sales/x/tickets "
        "/v1/sales/x/pass /v1/sales/x/pass/renew /wait/x /wait/x/place /.well-known/jwks.json "
        "/livez",
        SALES_FLOOR: "/v1/sales/x/plan /v1/sales/x/seats /v1/sales/x/changes /v1/sales/x/holds "
        "/v1/sales/x/holds/h1 /v1/sales/x/holds/h1/extend /v1/sales/x/holds/cancel "
        "/v1/sales/x/orders /v1/sales/x/orders/h1",
    }
    inside = {
        SHOP: "/v1/sales/x/holds /v1/sales/x/holds/h1/confirm /v1/sales/x/holds/h1/paying "
        "/v1/sales/x/orders /v1/sales/x/orders/h1/refund /v1/sales/x/events "
        "/v1/sales/x/identity-key",
        OPERATOR: "/v1/sales /v1/sales/x /v1/sales/x/plan /v1/sales/x/seats/block "
        "/v1/sales/x/draw/beacon",
    }
    port, shop_port = free_port(), free_port()
    async with AsyncExitStack() as stack:
        upstreams = {role: await stack.enter_async_context(echo()) for role in ServiceRole}
        ports = {role.value: upstream.port for role, upstream in upstreams.items()}
        stack.enter_context(service_recipe(port, certificate, ports, shop_port=shop_port))
        for at, served in ((port, public), (shop_port, inside)):
            for paths in served.values():
                for path in paths.split():
                    async with http.get(f"https://localhost:{at}{path}") as answer:
                        assert answer.status == HTTPStatus.OK, path
    for role, paths in (public | inside).items():
        assert [said[""] for said in upstreams[role].seen] == [f"GET {p}" for p in paths.split()]


async def test_queue_is_bounded_and_the_shop_is_not_in_it(
    certificate: Certificate, http: aiohttp.ClientSession
) -> None:
    """As many holds as the recipe has room for wait for the service; nginx refuses the others."""
    answering = asyncio.Event()

    async def wait(_: web.Request) -> None:
        await answering.wait()

    port, shop_port = free_port(), free_port()
    public, inside = (Api(http, f"https://localhost:{at}") for at in (port, shop_port))
    async with echo(wait) as crowd, echo() as others:
        ports = one_for_all(others.port) | {SALES_FLOOR.value: crowd.port}
        with service_recipe(port, certificate, ports, shop_port=shop_port):
            beyond = 40
            calls = [
                asyncio.create_task(public.post("/v1/sales/x/holds")) for _ in range(QUEUE + beyond)
            ]
            refused: list[Answer] = []
            async with asyncio.timeout(BOUND_SECONDS):
                for call in asyncio.as_completed(calls):
                    refused.append(await call)
                    if len(refused) == beyond:
                        break
            shop = await inside.post("/v1/sales/x/holds/h1/confirm")
            room = await public.get("/v1/sales/x/ticket")
            answering.set()
            answers = await asyncio.gather(*calls)
    assert (shop.status, room.status) == (HTTPStatus.OK, HTTPStatus.OK)
    for answer in refused:
        assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.body == problem(ErrorCode.OVERLOADED)
        assert answer.headers["Retry-After"] in RETRY_AFTER
        assert answer.headers["Cache-Control"] == "no-store"
    assert [answer.status for answer in answers].count(HTTPStatus.OK) == QUEUE
    assert len(crowd.seen) == QUEUE


async def test_nobody_answers(certificate: Certificate, http: aiohttp.ClientSession) -> None:
    """Nothing was done, and the documents say so."""
    port, shop_port = free_port(), free_port()
    nodes = [free_port(), free_port()]
    with service_recipe(port, certificate, one_for_all(nodes), shop_port=shop_port):
        public, inside = (Api(http, f"https://localhost:{at}") for at in (port, shop_port))
        for answer in (
            await public.post("/v1/sales/x/holds"),
            await public.get("/v1/sales/x/status"),
            await inside.post("/v1/sales/x/holds/h1/confirm"),
        ):
            assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
            assert answer.body == problem(ErrorCode.OVERLOADED)
            assert answer.headers["Retry-After"] in RETRY_AFTER


@pytest.mark.parametrize("is_shop", [False, True])
async def test_what_may_have_been_done_is_not_done_at_another_node(
    certificate: Certificate, http: aiohttp.ClientSession, is_shop: bool
) -> None:
    """The first node takes a request and dies; nginx tells the client what it does not know."""

    async def die(request: web.Request) -> None:
        assert request.transport is not None
        request.transport.close()

    port, shop_port = free_port(), free_port()
    async with echo(die) as one, echo(die) as other:
        nodes = one_for_all([one.port, other.port])
        with service_recipe(port, certificate, nodes, shop_port=shop_port):
            at, path = (shop_port, "/holds/h1/confirm") if is_shop else (port, "/holds")
            answer = await Api(http, f"https://localhost:{at}").post(f"/v1/sales/x{path}")
        assert len(one.seen) + len(other.seen) == 1
    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.body == problem(ErrorCode.OUTCOME_UNKNOWN)
    assert answer.headers["Retry-After"] in RETRY_AFTER
