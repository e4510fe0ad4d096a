"""One exchange, and the crowd's patience: against a small server that misbehaves on purpose."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from holdfast_loadtest.audit.journal import Journal
from holdfast_loadtest.calls import BuyerCalls, LineCalls
from holdfast_loadtest.client import (
    DEFAULT_RETRY_AFTER_SECONDS,
    MAX_RETRY_AFTER_SECONDS,
    Answer,
    Client,
    Credentials,
    Malformed,
    Unreachable,
    open_session,
    retry_after_seconds,
)
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.crowd.tally import Tally
from holdfast_loadtest.wire import Status, Ticket

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Start = Callable[[Handler], Awaitable[Client]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a server with one handler for every request and answers a client of it."""
    runners: list[web.AppRunner] = []
    async with open_session() as session:

        async def started(handler: Handler) -> Client:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", handler)
            runner = web.AppRunner(app)
            runners.append(runner)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0]
            return Client(session, f"http://{host}:{port}/", "concert")

        yield started
    for runner in runners:
        await runner.cleanup()


def context(client: Client) -> CrowdContext:
    return CrowdContext(client, "key", Offer(), Tally(1), Journal())


async def test_call_sends_credentials_as_headers_and_body_as_json(start: Start) -> None:
    seen: list[tuple[str, str, dict[str, str], bytes]] = []

    async def handler(request: web.Request) -> web.Response:
        headers = dict(request.headers)
        seen.append((request.method, request.path, headers, await request.read()))
        return web.json_response({"id": "h"}, status=201)

    client = await start(handler)
    await BuyerCalls(client, "the-pass").hold({"seats": ["A-1"]}, "key-1")
    await LineCalls(client).view("the-ticket")
    method, path, headers, body = seen[0]
    assert (method, path, body) == ("POST", "/v1/sales/concert/holds", b'{"seats": ["A-1"]}')
    assert headers["Authorization"] == "Bearer the-pass"
    assert headers["Idempotency-Key"] == "key-1"
    assert seen[1][2]["Holdfast-Ticket"] == "the-ticket"
    assert "Authorization" not in seen[1][2]


async def test_call_counts_answers_by_route_without_ids(start: Start) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=404 if "absent" in request.path else 200)

    client = await start(handler)
    await BuyerCalls(client, "p").release("h1")
    await BuyerCalls(client, "p").release("h2")
    await BuyerCalls(client, "p").release("absent")
    assert client.traffic.answers == {
        ("POST /holds/{id}/release", 200): 2,
        ("POST /holds/{id}/release", 404): 1,
    }
    assert client.traffic.total == 3


async def test_no_answer_is_unreachable_and_counted() -> None:
    async with open_session() as session:
        client = Client(session, "http://127.0.0.1:1", "concert")
        with pytest.raises(Unreachable):
            await client.call("GET", "/status")
    assert client.traffic.unreachable == 1


async def test_a_connection_dropped_midway_is_unreachable(start: Start) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    client = await start(handler)
    with pytest.raises(Unreachable):
        await client.call("POST", "/tickets", body={})


def test_an_answer_out_of_the_contract_is_malformed() -> None:
    with pytest.raises(Malformed, match="Status"):
        Answer(200, b"<html>").read(Status)
    with pytest.raises(Malformed):
        Answer(200, b'{"state": 7, "revision": 1}').read(Status)


def test_unknown_fields_and_states_are_ignored() -> None:
    body = b'{"state": "brand_new", "revision": 3, "colour": "blue"}'
    assert Answer(200, body).read(Status).state == "brand_new"


def test_a_refusal_in_a_proxys_own_words_has_no_code() -> None:
    assert Answer(502, b"<html>Bad Gateway</html>").problem().code == ""


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("2", 2.0),
        ("0.25", 0.25),
        ("-3", 0.0),
        ("86400", MAX_RETRY_AFTER_SECONDS),
        ("Wed, 21 Oct 2026 07:28:00 GMT", DEFAULT_RETRY_AFTER_SECONDS),
    ],
)
def test_retry_after_is_bounded(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header) == seconds


def test_credentials_stay_out_of_what_is_printed() -> None:
    shown = repr(Credentials("secret-pass", "secret-ticket", "key"))
    assert "secret" not in shown


async def test_persist_repeats_what_got_no_answer_or_was_told_to_come_back(start: Start) -> None:
    dropped = 0
    statuses = iter([dropped, 503, 429, 201])

    async def handler(request: web.Request) -> web.Response:
        status = next(statuses)
        if status == dropped:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        body = {"ticket": "t", "number": 1}
        return web.json_response(body, status=status, headers={"Retry-After": "0"})

    client = await start(handler)
    crowd = context(client)
    answer = await crowd.persist(crowd.line.join)
    assert answer.read(Ticket).number == 1
    assert crowd.tally.happenings == {"no answer": 1, "told to come back": 2}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 500])
async def test_persist_takes_any_other_refusal_for_an_answer(start: Start, status: int) -> None:
    calls = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        return web.Response(status=status)

    crowd = context(await start(handler))
    assert (await crowd.persist(crowd.line.join)).status == status
    assert calls == 1


async def test_connections_are_shared_and_bounded(start: Start) -> None:
    peers: set[object] = set()

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        await asyncio.sleep(0)
        return web.Response()

    client = await start(handler)
    await asyncio.gather(*(client.call("GET", "/status") for _ in range(2000)))
    assert len(peers) <= 256
