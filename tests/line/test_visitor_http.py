"""A visitor's way over HTTP: join, poll, claim, come back, leave."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from holdfast_lua import Bundle, Executor
from holdfast_queue.room import Room
from holdfast_queue.settings import QueueingMethod

Client = TestClient[web.Request, web.Application]
ClientFactory = Callable[[Room], Awaitable[Client]]
RoomFactory = Callable[..., Awaitable[Room]]
SHOP = "https://shop.example"
OWN = "http://wait.example"


class DrivenClock(Protocol):
    async def now_ms(self) -> int: ...
    async def advance_ms(self, ms: int) -> None: ...


@pytest.fixture
def scripts() -> Counter[str]:
    """How often each script ran."""
    return Counter()


@pytest.fixture
async def executor(
    store_url: str, test_bundle: Bundle, scripts: Counter[str]
) -> AsyncIterator[Executor]:
    def count(script: str, _seconds: float, _batch: int) -> None:
        scripts[script] += 1

    async with Executor(store_url, test_bundle, observer=count) as running:
        yield running


class Visitor:
    """Talks to one sale, with its ticket in the header."""

    def __init__(self, client: Client, room: Room) -> None:
        self._client = client
        self._base = f"/v1/sales/{room.name}"
        self.ticket = ""

    async def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, Any], ClientResponse]:
        if self.ticket:
            headers["Holdfast-Ticket"] = self.ticket
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._client.session.cookie_jar.clear()
        response = await self._client.request(
            method, self._base + path, json=body, headers=named, skip_auto_headers=["User-Agent"]
        )
        return response.status, await response.json() if response.status != 204 else {}, response

    async def join(self, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        status, answer, _ = await self.ask("POST", "/tickets", body, **headers)
        self.ticket = answer.get("ticket", self.ticket)
        return status, answer


async def crowded(make_room: RoomFactory, **settings: Any) -> Room:
    """A room with a line: one visitor a minute is admitted, ten are ahead."""
    room = await make_room(
        **{"burst": 1, "new_users_per_minute": 1, "claim_window_ms": 3_600_000} | settings
    )
    await asyncio.gather(*(room.join() for _ in range(10)))
    await tick(room)
    return room


async def tick(room: Room) -> None:
    await asyncio.sleep(0.11)
    await room.tick()


async def test_visitor_waits_and_sees_the_way(make_room: RoomFactory, serve: ClientFactory) -> None:
    room = await crowded(make_room)
    visitor = Visitor(await serve(room), room)
    status, joined = await visitor.join()
    assert (status, joined["state"], joined["number"], joined["lobby_index"]) == (
        201,
        "waiting",
        11,
        None,
    )
    await tick(room)
    status, view, response = await visitor.ask("GET", "/ticket")
    serving = room.document.line.serving
    assert status == 200
    assert view["users_ahead"] == 11 - serving - 1
    assert (view["state"], view["called"], view["serving"]) == ("waiting", False, serving)
    assert view["estimated_wait_seconds"]["p50"] <= view["estimated_wait_seconds"]["p90"]
    assert view["revision"] == room.document.revision
    assert response.headers["Cache-Control"] == "no-store"
    # Claiming now is too early, and says when to come again
    status, _, response = await visitor.ask("POST", "/pass")
    assert (status, response.headers["Retry-After"]) == (202, "2")


async def test_called_visitor_claims_and_is_handed_to_the_shop(
    make_room: RoomFactory, serve: ClientFactory, clock: DrivenClock
) -> None:
    room = await make_room(return_origins=(SHOP,), burst=1, new_users_per_minute=600)
    await asyncio.gather(*(room.join() for _ in range(7)))
    visitor = Visitor(await serve(room), room)
    await visitor.join()
    await clock.advance_ms(300)
    await room.tick()
    status, view, _ = await visitor.ask("GET", "/ticket")
    assert (view["state"], view["called"], view["users_ahead"]) == ("called", True, 0)
    status, passed, _ = await visitor.ask("POST", "/pass", {"return_url": f"{SHOP}/seats?a=1"})
    assert status == 201
    # The pass is a JWT to this sale, verified by what is published
    status, document, _ = await visitor.ask("GET", "/../../../.well-known/jwks.json")
    kid = jwt.get_unverified_header(passed["pass"])["kid"]
    (key,) = [key for key in document["keys"] if key["kid"] == kid]
    claims = jwt.decode(
        passed["pass"],
        jwt.PyJWK(key),
        algorithms=["EdDSA"],
        audience=room.name,
        issuer=OWN,
        leeway=5,
    )
    assert (claims["jti"], claims["uid"]) == (passed["pass_id"], room.uid)
    # The hand-off goes back with the visitor, for that origin, and becomes the pass once
    target = urlsplit(passed["redirect_to"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == f"{SHOP}/seats"
    token = parse_qs(target.query)["holdfast_token"][0]
    assert jwt.decode(token, options={"verify_signature": False})["aud"] == SHOP
    status, exchanged, _ = await visitor.ask(
        "POST", "/pass/exchange", {"token": token}, Origin=SHOP
    )
    assert (status, exchanged["pass_id"]) == (200, passed["pass_id"])
    status, problem, _ = await visitor.ask("POST", "/pass/exchange", {"token": token}, Origin=SHOP)
    assert (status, problem["code"]) == (410, "handoff_used")
    # Claiming again is the same admission
    status, again, _ = await visitor.ask("POST", "/pass")
    assert (status, again["pass_id"], again["redirect_to"]) == (200, passed["pass_id"], None)


async def test_handoff_is_worth_nothing_to_another_origin(
    make_room: RoomFactory, serve: ClientFactory
) -> None:
    other = "https://other.example"
    room = await make_room(return_origins=(SHOP, other))
    visitor = Visitor(await serve(room), room)
    _, joined = await visitor.join({"return_url": SHOP})
    token = parse_qs(urlsplit(joined["redirect_to"]).query)["holdfast_token"][0]
    status, _, _ = await visitor.ask("POST", "/pass/exchange", {"token": token}, Origin=other)
    assert status == 410
    status, _, _ = await visitor.ask("POST", "/pass/exchange", {"token": token, "origin": SHOP})
    assert status == 200


async def test_server_without_an_origin_exchanges_a_handoff_once(
    make_room: RoomFactory, serve: ClientFactory
) -> None:
    room = await make_room(return_origins=(SHOP,))
    visitor = Visitor(await serve(room), room)
    _, joined = await visitor.join({"return_url": SHOP})
    token = parse_qs(urlsplit(joined["redirect_to"]).query)["holdfast_token"][0]
    status, passed, _ = await visitor.ask("POST", "/pass/exchange", {"token": token})
    assert (status, passed["pass_id"]) == (200, joined["pass_id"])
    status, _, _ = await visitor.ask("POST", "/pass/exchange", {"token": token})
    assert status == 410


async def test_quiet_sale_admits_in_the_join(room: Room, serve: ClientFactory) -> None:
    visitor = Visitor(await serve(room), room)
    status, joined = await visitor.join()
    assert (status, joined["state"], joined["number"]) == (201, "admitted", 1)
    for expected in (201, 200, 200):
        status, again, _ = await visitor.ask("POST", "/pass")
        assert (status, again["pass_id"]) == (expected, joined["pass_id"])


async def test_joining_again_keeps_the_place(make_room: RoomFactory, serve: ClientFactory) -> None:
    room = await crowded(make_room)
    visitor = Visitor(await serve(room), room)
    _, first = await visitor.join()
    status, again = await visitor.join()
    assert (status, again["number"], again["ticket"]) == (200, first["number"], first["ticket"])


async def test_lapsed_visitor_gets_a_new_place(
    make_room: RoomFactory, serve: ClientFactory, clock: DrivenClock
) -> None:
    room = await make_room(burst=1, claim_window_ms=2_000, session_ms=1_000)
    await room.join()
    visitor = Visitor(await serve(room), room)
    _, first = await visitor.join()
    await tick(room)
    for _ in range(4):
        await clock.advance_ms(1_000)
        await room.tick()
    status, problem, _ = await visitor.ask("POST", "/pass")
    assert (status, problem["code"]) == (410, "call_expired")
    status, again = await visitor.join()
    assert status == 201
    assert again["number"] > first["number"]


async def test_released_pass_frees_the_slot_and_is_worth_nothing(
    make_room: RoomFactory, serve: ClientFactory
) -> None:
    room = await make_room(total_active_users=1)
    visitor = Visitor(await serve(room), room)
    _, joined = await visitor.join()
    bearer = f"Bearer {joined['pass']}"
    status, _, _ = await visitor.ask("POST", "/pass/renew", Authorization=bearer)
    assert status == 200
    for method, path in (("DELETE", "/pass"), ("POST", "/pass/release")):
        assert (await visitor.ask(method, path, Authorization=bearer))[0] == 204
    await tick(room)
    assert room.document.line.active == 0
    status, problem, _ = await visitor.ask("POST", "/pass/renew", Authorization=bearer)
    assert (status, problem["code"]) == (409, "pass_ended")
    status, problem, _ = await visitor.ask("POST", "/pass")
    assert (status, problem["code"]) == (410, "call_expired")


async def test_renewed_pass_is_the_same_pass_with_a_later_end(
    room: Room, serve: ClientFactory, clock: DrivenClock
) -> None:
    visitor = Visitor(await serve(room), room)
    _, joined = await visitor.join()
    await clock.advance_ms(60_000)
    bearer = f"Bearer {joined['pass']}"
    _, renewed, _ = await visitor.ask("POST", "/pass/renew", Authorization=bearer)
    assert renewed["pass_id"] == joined["pass_id"]
    assert renewed["expires_at"] > joined["expires_at"]


async def test_status_is_served_from_memory(
    make_room: RoomFactory, serve: ClientFactory, scripts: Counter[str]
) -> None:
    room = await crowded(make_room, message="Doors at eight")
    visitor = Visitor(await serve(room), room)
    before = sum(scripts.values())
    status, document, response = await visitor.ask("GET", "/status")
    assert status == 200
    assert response.headers["Cache-Control"] == "public, max-age=0, s-maxage=1"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert document["message"] == "Doors at eight"
    assert (document["issued"], document["state"], document["sale"]) == (10, "open", room.name)
    etag = response.headers["ETag"]
    response = await visitor._client.get(
        f"/v1/sales/{room.name}/status", headers={"If-None-Match": f'W/"x", {etag}'}
    )
    assert (response.status, await response.read()) == (304, b"")
    assert response.headers["ETag"] == etag
    visitor.ticket = (await room.join()).token
    joins = sum(scripts.values())
    await visitor.ask("GET", "/ticket")
    assert (sum(scripts.values()) - joins, joins - before) == (0, 1)


async def test_etag_changes_with_the_content_only(make_room: RoomFactory) -> None:
    room = await make_room()
    etag, revision = room.document.etag, room.document.revision
    now = room.document.now_ms
    await tick(room)
    assert (room.document.etag, room.document.revision) == (etag, revision)
    assert room.document.now_ms > now
    assert room.document.changed_ms < room.document.now_ms
    await room.join()
    await tick(room)
    assert room.document.etag != etag


async def test_lobby_becomes_the_line_at_the_open(
    make_room: RoomFactory, serve: ClientFactory, clock: DrivenClock
) -> None:
    opens = await clock.now_ms() + 60_000
    room = await make_room(prequeue_start_ms=1, event_start_ms=opens, burst=1)
    client = await serve(room)
    visitors = [Visitor(client, room) for _ in range(3)]
    places = [(await visitor.join())[1] for visitor in visitors]
    assert [(place["state"], place["lobby_index"], place["number"]) for place in places] == [
        ("lobby", index, None) for index in range(3)
    ]
    await tick(room)
    _, document, _ = await visitors[0].ask("GET", "/status")
    assert (document["state"], document["lobby"], document["issued"]) == ("lobby", 3, 0)
    _, view, _ = await visitors[2].ask("GET", "/ticket")
    assert (view["state"], view["number"], view["users_ahead"]) == ("lobby", None, None)
    assert (await visitors[2].ask("POST", "/pass"))[0] == 202
    # When the sale opens, indices become numbers in the order of arrival
    await clock.advance_ms(60_500)
    await room.tick()
    _, view, _ = await visitors[2].ask("GET", "/ticket")
    assert view["number"] == 3
    assert (await visitors[0].ask("POST", "/pass"))[0] == 201
    assert (await Visitor(client, room).join())[1]["number"] == 4


async def test_fifo_draw_has_nothing_to_commit_to(room: Room, serve: ClientFactory) -> None:
    visitor = Visitor(await serve(room), room)
    _, document, response = await visitor.ask("GET", "/draw")
    assert document == {
        "method": "fifo",
        "algorithm": None,
        "commitment": None,
        "secret": None,
        "entrants": 0,
        "accumulator": None,
        "beacon": None,
        "beacon_source": None,
    }
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("operation", "code"), [("drain", (409, "draining")), ("close", (409, "sale_closed"))]
)
async def test_joins_are_refused_by_state(
    room: Room, serve: ClientFactory, operation: str, code: tuple[int, str]
) -> None:
    await room.change_lifecycle(operation)
    status, problem = await Visitor(await serve(room), room).join()
    assert (status, problem["code"]) == code


async def test_rejecting_sale_lets_nobody_in(make_room: RoomFactory, serve: ClientFactory) -> None:
    room = await make_room(queueing_method=QueueingMethod.REJECT)
    status, problem = await Visitor(await serve(room), room).join()
    assert (status, problem["code"]) == (409, "join_refused")


@pytest.mark.parametrize("settings", [{"suspended": True}, {"queueing_method": "passthrough"}])
async def test_everybody_passes_through(make_room: RoomFactory, settings: dict[str, Any]) -> None:
    if "queueing_method" in settings:
        settings = {"queueing_method": QueueingMethod.PASSTHROUGH}
    room = await make_room(burst=1, new_users_per_minute=1, total_active_users=1, **settings)
    entries = await asyncio.gather(*(room.join() for _ in range(20)))
    assert all(entry.admission is not None for entry in entries)


async def test_sold_out_is_told_to_who_waits(make_room: RoomFactory, serve: ClientFactory) -> None:
    room = await crowded(make_room)
    visitor = Visitor(await serve(room), room)
    await asyncio.gather(*(room.join() for _ in range(400)))
    await visitor.join()
    await room.change_lifecycle("close")
    status, problem, _ = await visitor.ask("POST", "/pass")
    assert (status, problem["code"]) == (409, "sale_closed")


async def test_cookie_keeps_the_place_of_a_browser(
    make_room: RoomFactory, serve: ClientFactory
) -> None:
    room = await crowded(make_room)
    client = await serve(room)
    base = f"/v1/sales/{room.name}"
    joined = await client.post(f"{base}/tickets", headers={"Origin": OWN})
    cookie = joined.cookies[f"holdfast_{room.name}"]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"]) == ("Lax", "/")
    # The jar sends it by itself
    assert (await client.get(f"{base}/ticket")).status == 200
    again = await client.post(f"{base}/tickets", headers={"Sec-Fetch-Site": "same-origin"})
    assert again.status == 200


async def test_cookie_is_found_among_others_and_taken_by_its_whole_name(
    make_room: RoomFactory, serve: ClientFactory
) -> None:
    room = await crowded(make_room)
    visitor = Visitor(await serve(room), room)
    await visitor.join()
    token, visitor.ticket = visitor.ticket, ""
    name = f"holdfast_{room.name}"
    for cookies, status in {
        f"a=b=c; {name}={token};theme=dark": 200,
        f"x{name}=foreign; {name}={token}; {name}2=foreign": 200,
        f"x{name}={token}; {name}2={token}; nothing": 401,
        f"{name}={token[:-1]}": 401,
        f"{name}=": 401,
    }.items():
        assert (await visitor.ask("GET", "/ticket", Cookie=cookies))[0] == status, cookies


async def test_secure_cookie_is_bound_to_the_host(
    make_room: RoomFactory, serve: ClientFactory
) -> None:
    from holdfast_web.origins import PUBLIC_ORIGIN

    room = await crowded(make_room)
    client = await serve(room)
    client.app._state[PUBLIC_ORIGIN] = "https://wait.example"
    joined = await client.post(f"/v1/sales/{room.name}/tickets")
    cookie = joined.cookies[f"__Host-holdfast_{room.name}"]
    assert cookie["secure"]
    assert cookie["path"] == "/"
    assert not cookie["domain"]


@pytest.mark.parametrize("path", ["/tickets", "/pass"])
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_another_site_can_neither_join_nor_claim_for_a_visitor(
    make_room: RoomFactory, serve: ClientFactory, path: str, headers: dict[str, str]
) -> None:
    room = await crowded(make_room, return_origins=(SHOP,))
    client = await serve(room)
    await client.post(f"/v1/sales/{room.name}/tickets")
    response = await client.post(f"/v1/sales/{room.name}{path}", headers=headers)
    assert (response.status, (await response.json())["code"]) == (403, "cross_origin")
    assert not response.cookies
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_page_of_a_return_origin_joins_by_header_and_gets_no_cookie(
    make_room: RoomFactory, serve: ClientFactory
) -> None:
    room = await crowded(make_room, return_origins=(SHOP,))
    visitor = Visitor(await serve(room), room)
    status, joined, response = await visitor.ask(
        "POST", "/tickets", Origin=SHOP, Sec_Fetch_Site="cross-site"
    )
    assert (status, response.headers["Access-Control-Allow-Origin"]) == (201, SHOP)
    assert not response.cookies
    visitor.ticket = joined["ticket"]
    assert (await visitor.ask("POST", "/pass", Origin=SHOP))[0] == 202
    # but the cookie of a visitor is of no use to it
    visitor.ticket = ""
    client = visitor._client
    await client.post(f"/v1/sales/{room.name}/tickets")
    response = await client.post(f"/v1/sales/{room.name}/pass", headers={"Origin": SHOP})
    assert response.status == 403


@pytest.mark.parametrize("ticket", ["", "nonsense", "x" * 500])
async def test_no_ticket_is_401(room: Room, serve: ClientFactory, ticket: str) -> None:
    visitor = Visitor(await serve(room), room)
    visitor.ticket = ticket
    for method, path in (("GET", "/ticket"), ("POST", "/pass")):
        status, problem, _ = await visitor.ask(method, path)
        assert (status, problem["code"]) == (401, "unauthorized")


async def test_ticket_of_another_sale_is_no_ticket(
    make_room: RoomFactory, serve: ClientFactory, room: Room, desk: Any
) -> None:
    entry = await room.join()
    assert room.read_ticket(entry.token) is not None
    foreign = desk.tickets.make(
        type(entry.ticket)("elsewhere", 1, entry.ticket.id, entry.ticket.number, None, 0)
    )
    visitor = Visitor(await serve(room), room)
    visitor.ticket = foreign
    assert (await visitor.ask("GET", "/ticket"))[0] == 401


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https:evil.example",
        "/\\evil.example",
        "//evil.example",
        "x" * 3000,
    ],
)
async def test_return_url_must_be_allowed(
    make_room: RoomFactory, serve: ClientFactory, url: str
) -> None:
    room = await make_room(return_origins=(SHOP,))
    visitor = Visitor(await serve(room), room)
    for path in ("/tickets", "/pass"):
        visitor.ticket = (await room.join()).token
        status, problem, _ = await visitor.ask("POST", path, {"return_url": url})
        assert status == 400
        assert problem["code"] in {"invalid_return_url", "invalid_request"}


@pytest.mark.parametrize(
    ("body", "field"),
    [({"nounce": "x"}, "nounce"), ({"nonce": 5}, "nonce"), ({"nonce": "x" * 200}, "nonce")],
)
async def test_bad_body_is_named(
    room: Room, serve: ClientFactory, body: dict[str, Any], field: str
) -> None:
    status, problem = await Visitor(await serve(room), room).join(body)
    assert (status, problem["code"], problem["field"]) == (400, "invalid_request", field)


async def test_unknown_sale_is_404(room: Room, serve: ClientFactory) -> None:
    client = await serve(room)
    for path in ("status", "ticket", "draw"):
        response = await client.get(f"/v1/sales/nosuch/{path}")
        assert (response.status, (await response.json())["code"]) == (404, "unknown_sale")


async def test_preflight_allows_the_ticket_header(
    make_room: RoomFactory, serve: ClientFactory
) -> None:
    room = await make_room(return_origins=(SHOP,))
    client = await serve(room)
    response = await client.options(
        f"/v1/sales/{room.name}/tickets",
        headers={"Origin": SHOP, "Access-Control-Request-Method": "POST"},
    )
    assert response.status == 204
    assert "Holdfast-Ticket" in response.headers["Access-Control-Allow-Headers"]


async def test_settings_changed_live_are_in_the_next_document(
    make_room: RoomFactory, serve: ClientFactory
) -> None:
    from dataclasses import replace

    room = await crowded(make_room)
    await room.update(replace(room.settings, message="Back at nine", burst=50), 2)
    assert b"Back at nine" in room.document.body
    assert room.document.line.settings_version == 2
