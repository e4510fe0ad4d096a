import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from conftest import Clock
from support.line.http_visitor import OWN, SHOP, ClientFactory, RoomFactory, Visitor, crowded, tick

from holdfast_queue.line.room import Room
from holdfast_queue.line.settings import QueueingMethod


async def test_visitor_waits_and_sees_the_way(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:
    room = await crowded(make_room, clock)
    visitor = Visitor(await serve(room), room)
    status, joined = await visitor.join()
    assert (status, joined["state"], joined["number"], joined["lobby_index"]) == (
        201,
        "waiting",
        11,
        None,
    )
    await tick(room, clock)
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
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
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


async def test_joining_again_keeps_the_place(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:
    room = await crowded(make_room, clock)
    visitor = Visitor(await serve(room), room)
    _, first = await visitor.join()
    status, again = await visitor.join()
    assert (status, again["number"], again["ticket"]) == (200, first["number"], first["ticket"])


async def test_lapsed_visitor_gets_a_new_place(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:
    room = await make_room(burst=1, claim_window_ms=2_000, session_ms=1_000)
    await room.join()
    visitor = Visitor(await serve(room), room)
    _, first = await visitor.join()
    await tick(room, clock)
    for _ in range(4):
        await clock.advance_ms(1_000)
        await room.tick()
    status, problem, _ = await visitor.ask("POST", "/pass")
    assert (status, problem["code"]) == (410, "call_expired")
    status, again = await visitor.join()
    assert status == 201
    assert again["number"] > first["number"]


async def test_released_pass_frees_the_slot_and_is_worth_nothing(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:
    room = await make_room(total_active_users=1)
    visitor = Visitor(await serve(room), room)
    _, joined = await visitor.join()
    bearer = f"Bearer {joined['pass']}"
    status, _, _ = await visitor.ask("POST", "/pass/renew", Authorization=bearer)
    assert status == 200
    for method, path in (("DELETE", "/pass"), ("POST", "/pass/release")):
        assert (await visitor.ask(method, path, Authorization=bearer))[0] == 204
    await tick(room, clock)
    assert room.document.line.active == 0
    status, problem, _ = await visitor.ask("POST", "/pass/renew", Authorization=bearer)
    assert (status, problem["code"]) == (409, "pass_ended")
    status, problem, _ = await visitor.ask("POST", "/pass")
    assert (status, problem["code"]) == (410, "call_expired")


async def test_renewed_pass_is_the_same_pass_with_a_later_end(
    room: Room, serve: ClientFactory, clock: Clock
) -> None:
    visitor = Visitor(await serve(room), room)
    _, joined = await visitor.join()
    await clock.advance_ms(60_000)
    bearer = f"Bearer {joined['pass']}"
    _, renewed, _ = await visitor.ask("POST", "/pass/renew", Authorization=bearer)
    assert renewed["pass_id"] == joined["pass_id"]
    assert renewed["expires_at"] > joined["expires_at"]
    # and every answer with a pass says until when there is another
    _, claimed, _ = await visitor.ask("POST", "/pass")
    limits = {answer["renewable_until"] for answer in (joined, renewed, claimed)}
    assert len(limits) == 1
    assert limits.pop() > renewed["expires_at"]


async def test_lobby_becomes_the_line_at_the_open(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:
    opens = await clock.now_ms() + 60_000
    room = await make_room(prequeue_start_ms=1, event_start_ms=opens, burst=1)
    client = await serve(room)
    visitors = [Visitor(client, room) for _ in range(3)]
    places = [(await visitor.join())[1] for visitor in visitors]
    assert [(place["state"], place["lobby_index"], place["number"]) for place in places] == [
        ("lobby", index, None) for index in range(3)
    ]
    await tick(room, clock)
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


async def test_sold_out_is_told_to_who_waits(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:
    room = await crowded(make_room, clock)
    visitor = Visitor(await serve(room), room)
    await asyncio.gather(*(room.join() for _ in range(400)))
    await visitor.join()
    await room.change_lifecycle("close")
    status, problem, _ = await visitor.ask("POST", "/pass")
    assert (status, problem["code"]) == (409, "sale_closed")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"nounce": "x"}, "nounce"), ({"nonce": 5}, "nonce"), ({"nonce": "x" * 200}, "nonce")],
)
async def test_bad_body_is_named(
    room: Room, serve: ClientFactory, body: dict[str, Any], field: str
) -> None:
    status, problem = await Visitor(await serve(room), room).join(body)
    assert (status, problem["code"], problem["field"]) == (400, "invalid_request", field)
