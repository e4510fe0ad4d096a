import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, make_mocked_request

from holdfast_ledger import errors as ledger
from holdfast_lua import errors as store
from holdfast_metrics.exposition import exposition
from holdfast_metrics.metrics import Metrics
from holdfast_web.cors import RETURN_ORIGINS, Cors, preflight_handler
from holdfast_web.endpoint import (
    add_fallback,
    buyer_endpoint,
    endpoint,
    public_endpoint,
    stream_endpoint,
)
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.metrics import METRICS
from holdfast_web.problems import problem_response, to_error
from holdfast_web.responses import json_response

Client = TestClient[web.Request, web.Application]
Serve = Callable[[web.Application], Awaitable[Client]]
SHOP = "https://shop.example"


async def _ok(request: web.Request) -> web.Response:
    return json_response({"sale": request.match_info["sale"]})


async def _refuse(request: web.Request) -> web.Response:
    raise HoldfastError(ErrorCode.SEAT_UNAVAILABLE, conflicts=["A-1"])


async def _break(request: web.Request) -> web.Response:
    raise RuntimeError("the secret is hunter2")


async def _begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"begun")
    raise HoldfastError(ErrorCode.OVERLOADED)


async def _origins(sale: str) -> frozenset[str]:
    return frozenset({SHOP}) if sale == "concert" else frozenset()


def _app() -> web.Application:
    app = web.Application()
    app[RETURN_ORIGINS] = _origins
    app[METRICS] = Metrics()
    app.router.add_get("/{sale}/plain", endpoint(_ok))
    app.router.add_get("/{sale}/public", public_endpoint(_ok))
    app.router.add_get("/{sale}/buyer", buyer_endpoint(_ok))
    app.router.add_post("/{sale}/refuse", buyer_endpoint(_refuse))
    app.router.add_get("/{sale}/break", endpoint(_break))
    app.router.add_get("/{sale}/begin", stream_endpoint(_begin))
    app.router.add_options("/{sale}/buyer", preflight_handler(Cors.BUYER))
    add_fallback(app)
    return app


async def test_refusal_becomes_a_problem_document(serve: Serve) -> None:
    client = await serve(_app())
    answer = await client.post("/concert/refuse", headers={"X-Request-Id": "r-1"})
    assert answer.status == 409
    assert answer.content_type == "application/problem+json"
    assert await answer.json() == {
        "type": "urn:holdfast:problem:seat_unavailable",
        "title": "Seat unavailable",
        "status": 409,
        "detail": ErrorCode.SEAT_UNAVAILABLE.doc,
        "code": "seat_unavailable",
        "conflicts": ["A-1"],
        "request_id": "r-1",
    }


async def test_response_that_has_begun_is_cut_off_and_no_other_put_into_it(serve: Serve) -> None:
    client = await serve(_app())
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(b"GET /concert/begin HTTP/1.1\r\nHost: a\r\n\r\n")
    async with asyncio.timeout(10):
        answered = await reader.read()
    writer.close()
    assert answered.endswith(b"begun\r\n")
    assert answered.count(b"HTTP/1.1") == 1


async def test_fault_tells_the_client_nothing_and_the_log_everything(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    client = await serve(_app())
    with caplog.at_level(logging.ERROR):
        answer = await client.get("/concert/break")
    assert answer.status == 500
    body = await answer.text()
    assert "internal_error" in body
    assert "hunter2" not in body
    assert "hunter2" in caplog.text


async def test_buyer_answer_is_readable_by_the_return_origin_only(serve: Serve) -> None:
    client = await serve(_app())
    ours = await client.get("/concert/buyer", headers={"Origin": SHOP})
    assert ours.headers["Access-Control-Allow-Origin"] == SHOP
    assert ours.headers["Vary"] == "Origin"
    other = await client.get("/concert/buyer", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    assert other.headers["Vary"] == "Origin"
    elsewhere = await client.get("/match/buyer", headers={"Origin": SHOP})
    assert "Access-Control-Allow-Origin" not in elsewhere.headers


async def test_refusals_are_readable_across_origins_too(serve: Serve) -> None:
    client = await serve(_app())
    answer = await client.post("/concert/refuse", headers={"Origin": SHOP})
    assert answer.status == 409
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP


async def test_no_answer_ever_allows_cookies_across_origins(serve: Serve) -> None:
    client = await serve(_app())
    for path in ("/concert/plain", "/concert/public", "/concert/buyer"):
        answer = await client.get(path, headers={"Origin": SHOP})
        assert "Access-Control-Allow-Credentials" not in answer.headers
    plain = await client.get("/concert/plain", headers={"Origin": SHOP})
    assert "Access-Control-Allow-Origin" not in plain.headers


async def test_preflight_allows_what_buyers_send(serve: Serve) -> None:
    client = await serve(_app())
    answer = await client.options("/concert/buyer", headers={"Origin": SHOP})
    assert answer.status == 204
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    refused = await client.options("/concert/buyer", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Methods" not in refused.headers


async def test_origins_that_cannot_be_read_are_a_problem_document(serve: Serve) -> None:
    async def fail(sale: str) -> frozenset[str]:
        raise store.StoreUnavailable("gone")

    app = _app()
    app[RETURN_ORIGINS] = fail
    client = await serve(app)
    answer = await client.get("/concert/buyer", headers={"Origin": SHOP})
    assert answer.status == 503
    assert (await answer.json())["code"] == "store_unavailable"


async def test_unknown_path_and_method_are_problem_documents(serve: Serve) -> None:
    client = await serve(_app())
    missing = await client.get("/no/such/thing")
    assert missing.status == 404
    assert (await missing.json())["code"] == "not_found"
    wrong = await client.delete("/concert/buyer")
    assert wrong.status == 405
    assert (await wrong.json())["code"] == "method_not_allowed"
    assert wrong.headers["Allow"] == "GET, HEAD, OPTIONS"


async def test_requests_are_counted_by_pattern_and_code(serve: Serve) -> None:
    app = _app()
    client = await serve(app)
    for _ in range(3):
        await client.get("/concert/plain")
    await client.post("/match/refuse")
    await client.get("/no/such/thing")
    app[METRICS].flush()
    text = exposition(app[METRICS])[0].decode()
    assert 'code="200",method="GET",route="/{sale}/plain"} 3.0' in text
    assert 'code="409",method="POST",route="/{sale}/refuse"} 1.0' in text
    assert 'holdfast_request_seconds_count{route="/{sale}/plain"} 3.0' in text
    assert "/no/such" not in text


async def test_cancellation_passes_through() -> None:
    async def cancelled(request: web.Request) -> web.Response:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await endpoint(cancelled)(make_mocked_request("GET", "/", app=web.Application()))


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (store.StoreBehind("u", seen_revision=2, store_revision=1), ErrorCode.STORE_BEHIND),
        (store.EpochChanged("u", known_epoch=1, store_epoch=2), ErrorCode.STORE_BEHIND),
        (store.StoreBusy("full", retry_after_seconds=2.2), ErrorCode.STORE_BUSY),
        (store.StoreUnavailable("gone"), ErrorCode.STORE_UNAVAILABLE),
        (store.StoreOutcomeUnknown("lost"), ErrorCode.OUTCOME_UNKNOWN),
        (ledger.LedgerUnavailable(), ErrorCode.LEDGER_UNAVAILABLE),
        (ledger.LedgerBusy(), ErrorCode.OVERLOADED),
        (ledger.SaleMissing(), ErrorCode.UNKNOWN_SALE),
        (ledger.SaleTaken("x"), ErrorCode.CONFLICT),
        (ledger.EpochPassed(), ErrorCode.STORE_BEHIND),
        (ledger.EpochElsewhere(), ErrorCode.STORE_BEHIND),
        (web.HTTPRequestEntityTooLarge(1, 2), ErrorCode.BODY_TOO_LARGE),
        (web.HTTPBadRequest(), ErrorCode.INVALID_REQUEST),
    ],
)
def test_exception_maps_to_its_code(fault: Exception, code: ErrorCode) -> None:
    assert to_error(fault).code is code


def test_every_503_says_when_to_come_back() -> None:
    for code in ErrorCode:
        response = problem_response(HoldfastError(code))
        assert ("Retry-After" in response.headers) == (code.status == 503)
    busy = problem_response(to_error(store.StoreBusy("full", retry_after_seconds=2.2)))
    assert busy.headers["Retry-After"] == "3"


def test_every_error_of_the_ledger_has_a_code() -> None:
    for error in ledger.LedgerError.__subclasses__():
        fault = error("x")  # each takes a message, or a name
        assert to_error(fault).code is not ErrorCode.INTERNAL_ERROR, error


def test_client_is_told_what_the_ledger_says_and_how_long_to_wait() -> None:
    refused = to_error(ledger.LedgerUnavailable("the order is contended", ledger.READ_ONLY))
    assert (refused.detail, refused.retry_after) == ("the order is contended", 2.0)
    assert to_error(ledger.EpochPassed()).detail == ErrorCode.STORE_BEHIND.doc
    assert to_error(ledger.SaleTaken("x")).detail == "A sale named 'x' exists."
    assert to_error(ledger.SaleTaken("x")).retry_after is None
    assert to_error(ledger.OrdersKept(2)).members == {"orders": 2}


def test_401_names_the_scheme() -> None:
    response = problem_response(HoldfastError(ErrorCode.UNAUTHORIZED))
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_error_codes_are_unique_and_snake_case() -> None:
    assert len({code.value for code in ErrorCode}) == len(ErrorCode.__members__)
    for name, code in ErrorCode.__members__.items():
        assert code.value == name.lower()
        assert code.doc.endswith(".")
        assert 400 <= code.status < 600
