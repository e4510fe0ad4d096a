"""deploy/nginx/holdfast.conf before a real service: what is the same for everybody is cached, and
nothing else.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from contextlib import AsyncExitStack
from http import HTTPStatus
from urllib.parse import quote

import aiohttp
import pytest
from multidict import CIMultiDict
from support.api_client import Answer, Api, create
from support.inventory.harness import plan_json
from support.ports import free_port
from support.service.nginx import Certificate, Front, echo, one_for_all, problem, service_recipe

from holdfast_queue.line.joining.join_limits import DEFAULT_BURST
from holdfast_web.errors import ErrorCode

BURST = DEFAULT_BURST
RETRY_AFTER = {"1", "2", "3", "4", "5"}
"""Seconds, of which each refusal names one."""


@pytest.fixture
async def sale(operator: Api, name: str) -> str:
    await create(operator, name)
    return name


def cache_of(answer: Answer) -> str | None:
    """What nginx's cache had to do with an answer; None where there is no cache."""
    return answer.headers.get("X-Cache")


async def test_status_polls_are_answered_by_nginx(visitor: Api, sale: str) -> None:
    """A crowd, each with a query of its own, costs the service a read or two a second."""
    began = time.monotonic()
    paths = (f"/v1/sales/{sale}/status?n={n}" for n in range(100))
    answers = await asyncio.gather(*(visitor.get(path) for path in paths))
    assert {answer.status for answer in answers} == {HTTPStatus.OK}
    assert {answer.body["sale"] for answer in answers} == {sale}
    fresh = [one for one in answers if cache_of(one) not in {"HIT", "UPDATING", "STALE"}]
    assert 1 <= len(fresh) <= 5 + 2 * (time.monotonic() - began)


async def test_status_is_never_older_than_a_moment(operator: Api, visitor: Api, sale: str) -> None:
    await operator.patch(f"/v1/sales/{sale}", {"message": "Doors at eight"})
    async with asyncio.timeout(5):
        while True:
            shown = await visitor.get(f"/v1/sales/{sale}/status")
            if shown.body["message"] == "Doors at eight":
                break
            await asyncio.sleep(0.05)


async def test_unchanged_status_is_304(visitor: Api, sale: str) -> None:
    path = f"/v1/sales/{sale}/status"
    etag = CIMultiDict((await visitor.get(path)).headers)["ETag"]
    again = await visitor.call("GET", path, headers={"If-None-Match": etag})
    assert again.status == HTTPStatus.NOT_MODIFIED


@pytest.mark.parametrize("what", ["v1/sales/{}/plan", "wait/{}?t={}"])
async def test_second_reader_is_served_from_the_cache(
    visitor: Api, front: Front, sale: str, what: str
) -> None:
    path = "/" + what.format(sale, quote(f"{front.url}/", safe=""))
    first, second = [await visitor.get(path) for _ in range(2)]
    assert (first.status, second.status) == (HTTPStatus.OK, HTTPStatus.OK), first
    assert cache_of(second) == "HIT"
    assert first.body == second.body
    assert "Set-Cookie" not in second.headers


async def test_forms_of_the_plan_are_told_apart_by_the_cache(operator: Api, visitor: Api) -> None:
    sale = "in-forms"
    plan = json.loads(plan_json(["AA"]))
    await create(operator, sale, plan=plan, prices={"A": 100}, areas=[])
    paths = [
        f"/v1/sales/{sale}/plan{query}"
        for query in ("", "?form=columns", "?form=columns&guids=none")
    ]
    first, second = [[await visitor.get(path) for path in paths] for _ in range(2)]
    assert {cache_of(answer) for answer in second} == {"HIT"}
    for whole, columns, without_guids in (first, second):
        assert "seat_count" not in whole.body
        assert columns.body["zones"][0]["rows"]["seat_guids"]
        assert "seat_guids" not in without_guids.body["zones"][0]["rows"]


async def test_static_files_are_cached_and_compressed(
    front: Front, visitor: Api, http: aiohttp.ClientSession, sale: str
) -> None:
    page = (await visitor.get(f"/wait/{sale}?t={quote(front.url)}")).body.decode()
    script = page.partition('type="module" src="')[2].partition('"')[0]
    assert script.startswith("/wait/-/")
    for expected in ("MISS", "HIT"):
        async with http.get(front.url + script) as response:
            assert response.headers["X-Cache"] == expected
            assert "immutable" in response.headers["Cache-Control"]
            assert response.headers["Content-Encoding"] == "gzip"
            assert response.headers["Vary"] == "Accept-Encoding"


async def test_link_with_an_identity_is_neither_cached_nor_written_down(
    visitor: Api, front: Front, sale: str
) -> None:
    back = quote(f"{front.url}/", safe="")
    path = f"/wait/{sale}?t={back}&identity=one.signed.identity"
    answers = [await visitor.get(path) for _ in range(2)]
    assert [cache_of(answer) for answer in answers] == ["MISS", "MISS"]
    referred = {"Referer": f"{front.url}{path}"}
    assert (await visitor.call("GET", "/livez", headers=referred)).status == 200
    async with asyncio.timeout(5):
        while True:
            written = front.log.read_text()
            if "/livez" in written:
                break
            await asyncio.sleep(0.05)
    assert f'"GET /wait/{sale} HTTP/' in written
    assert "identity" not in written


async def test_nothing_that_sets_a_cookie_is_cached(visitor: Api, sale: str) -> None:
    joined = [await visitor.post(f"/v1/sales/{sale}/tickets") for _ in range(3)]
    cookies = {answer.headers["Set-Cookie"] for answer in joined}
    assert len(cookies) == 3
    assert all(cookie.startswith(f"__Host-holdfast_{sale}=") for cookie in cookies)
    assert all(cache_of(answer) is None for answer in joined)


async def test_own_view_is_never_cached(operator: Api, visitor: Api, name: str) -> None:
    await create(operator, name, queue_all=True)
    tickets = [await visitor.join(name) for _ in range(3)]
    views = [
        await visitor.call("GET", f"/v1/sales/{name}/ticket", headers={"Holdfast-Ticket": ticket})
        for ticket in tickets * 2
    ]
    assert [view.body["number"] for view in views] == [1, 2, 3, 1, 2, 3]
    assert all(cache_of(view) is None for view in views)


async def test_whole_way_to_a_hold_leads_through_nginx(visitor: Api, sale: str) -> None:
    buyer = await visitor.admitted(sale)
    held = await buyer.hold(sale, {"areas": [{"id": "floor", "quantity": 2}]})
    assert held.status == HTTPStatus.CREATED, held
    assert (await buyer.get(f"/v1/sales/{sale}/holds")).body["items"][0]["id"] == held.body["id"]


async def test_what_is_the_operators_own_stays_inside(operator: Api, visitor: Api) -> None:
    for path in ("/metrics", "/readyz", "/console", "/console/x"):
        answer = await visitor.as_(operator.token).get(path)
        assert answer.status == HTTPStatus.NOT_FOUND
        assert answer.headers["Content-Type"] == "text/html"  # nginx's


# -- before a server that says what it was asked ----------------------------------------------


async def test_headers_of_a_client_are_not_believed(
    certificate: Certificate, http: aiohttp.ClientSession, client_address: str
) -> None:
    async with echo() as upstream:
        port = free_port()
        lies = {
            "X-Forwarded-For": "203.0.113.9",
            "X-Request-Start": "t=1",
            "X-Forwarded-Proto": "http",
            "Cookie": "a=b",
        }
        with service_recipe(port, certificate, one_for_all(upstream.port)):
            for path in ("/v1/sales/x/tickets", "/v1/sales/x/status?a=1"):
                async with http.get(f"https://localhost:{port}{path}", headers=lies) as response:
                    assert response.status == HTTPStatus.OK
        for said in upstream.seen:
            assert said["x-forwarded-for"] == client_address
            assert said["x-forwarded-proto"] == "https"
            assert float(said["x-request-start"].removeprefix("t=")) > 1_700_000_000
        acting, cached = upstream.seen
        assert acting["cookie"] == "a=b"
        assert "cookie" not in cached
        assert cached[""] == "GET /v1/sales/x/status"


async def test_cache_refuses_cookies_and_credentials_even_where_it_may_keep(
    certificate: Certificate, http: aiohttp.ClientSession
) -> None:
    async with echo() as upstream:
        port = free_port()
        upstream.headers = {"Cache-Control": "public, max-age=60", "Set-Cookie": "a=b"}
        with service_recipe(port, certificate, one_for_all(upstream.port)):
            url = f"https://localhost:{port}/v1/sales/x/status"
            for _ in range(3):
                assert (await http.get(url)).headers["X-Cache"] == "MISS"
            upstream.headers = {"Cache-Control": "public, max-age=60"}
            own = await http.get(url, headers={"Authorization": "Bearer x"})
            assert own.headers["X-Cache"] == "BYPASS"
            assert [(await http.get(url)).headers["X-Cache"] for _ in range(2)] == ["MISS", "HIT"]
        assert len(upstream.seen) == 5


async def test_crowd_is_one_request_and_an_outage_shows_the_last_status(
    certificate: Certificate, http: aiohttp.ClientSession
) -> None:
    port = free_port()
    url = f"https://localhost:{port}/v1/sales/x/status"
    async with AsyncExitStack() as alive:
        upstream = await alive.enter_async_context(echo())
        upstream.headers = {"Cache-Control": "public, max-age=0, s-maxage=3600"}
        with service_recipe(port, certificate, one_for_all(upstream.port)):
            answers = await asyncio.gather(*(http.get(url) for _ in range(80)))
            assert {answer.status for answer in answers} == {HTTPStatus.OK}
            assert len(upstream.seen) <= 2
            url = f"https://localhost:{port}/v1/sales/y/status"
            upstream.headers = {"Cache-Control": "public, max-age=0, s-maxage=1"}
            assert (await http.get(url)).status == HTTPStatus.OK
            await alive.aclose()
            async with asyncio.timeout(10):
                while True:  # until the copy's second is over and nginx has to ask again
                    late = await http.get(url)
                    assert late.status == HTTPStatus.OK
                    if late.headers["X-Cache"] in {"STALE", "UPDATING"}:
                        break
                    await asyncio.sleep(0.1)


async def test_too_many_acts_of_one_address_are_told_to_wait(visitor: Api, sale: str) -> None:
    path = f"/v1/sales/{sale}/pass"
    answers: list[Answer] = []
    while len(answers) < 3 * BURST:  # within what nginx here has connections for
        answers += await asyncio.gather(*(visitor.post(path) for _ in range(100)))
    refused = [answer for answer in answers if answer.status == HTTPStatus.TOO_MANY_REQUESTS]
    assert BURST <= len(refused) <= 2 * BURST
    assert refused[0].body == problem(ErrorCode.TOO_MANY_REQUESTS)
    assert {answer.headers["Retry-After"] for answer in refused} == RETRY_AFTER
    assert (await visitor.get(f"/v1/sales/{sale}/status")).status == HTTPStatus.OK


async def test_a_compressed_body_is_refused_behind_nginx_too(visitor: Api, sale: str) -> None:
    body = gzip.compress(bytes(10_000_000))
    assert len(body) < 16 * 1024
    for path in (f"/v1/sales/{sale}/tickets", f"/v1/sales/{sale}/holds", "/nowhere"):
        async with visitor.http.post(
            visitor.url + path, data=body, headers={"Content-Encoding": "gzip"}
        ) as response:
            assert response.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
            assert (await response.json(content_type=None))["code"] == "unsupported_encoding"


async def test_nginx_names_no_version(operator: Api, visitor: Api, sale: str) -> None:
    for api in (operator, visitor):
        for path in (f"/v1/sales/{sale}/status", "/metrics"):
            assert (await api.get(path)).headers["Server"] == "nginx"
