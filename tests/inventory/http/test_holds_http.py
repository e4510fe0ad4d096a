import asyncio
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from support.inventory.app import SALE, SHOP, Client, application, problem
from support.inventory.harness import HOLD_MS, PRICES, Clock, InventoryHarness, Make

from holdfast_inventory.holds.hold_requests import HoldBody
from holdfast_lua.calls import keys


async def admit(harness: InventoryHarness, clock: Clock, buyer: str) -> str:
    """A live session; answers the pass."""
    deadline = await clock.now_ms() + 900_000
    await harness.executor.command("ZADD", keys.active(harness.uid), deadline, f"pass-{buyer}")
    return f"pass.{buyer}.x"


TWO = {"best_available": {"quantity": 2}}


async def test_a_buyer_with_a_pass_holds_seats(
    ask: Client, harness: InventoryHarness, clock: Clock
) -> None:
    token = await admit(harness, clock, "bea")
    body = {"seats": ["z1-1-1", "z1-1-2"], "areas": [{"id": "floor", "quantity": 2}]}
    response = await ask("POST", "/holds", token=token, key="k1", json=body)

    assert response.status == 201
    hold = await response.json()
    assert hold["id"]
    assert hold["status"] == "active"
    assert hold["buyer"] == "bea"
    assert hold["items"] == [
        {
            "seat": f"z1-1-{number}",
            "label": f"Z1, row 1, seat {number}",
            "category": "A",
            "price": PRICES["A"],
            "index": number - 1,
            "quantity": 1,
        }
        for number in (1, 2)
    ] + [
        {
            "area": "floor",
            "label": "Floor",
            "category": "GA",
            "price": PRICES["GA"],
            "quantity": 2,
        }
    ]
    assert hold["next_to_each_other"] is True
    assert hold["total"] == 2 * PRICES["A"] + 2 * PRICES["GA"]
    assert hold["currency"] == "EUR"
    assert hold["expires_in_seconds"] in (HOLD_MS // 1000, HOLD_MS // 1000 - 1)
    assert hold["expires_at"].endswith("Z")
    assert hold["version"] == 1


async def test_seats_go_by_their_index_in_the_plan(ask: Client, harness: InventoryHarness) -> None:
    plan = harness.plan
    wish = {"seat_indices": [6, 3], "plan_version": plan.version, "buyer": "bea"}
    first, again = [
        await ask("POST", "/holds", token="platform", key="k", json=wish) for _ in range(2)
    ]
    assert (first.status, again.status) == (201, 201)
    items = (await first.json())["items"]
    assert {item["seat"]: item["index"] for item in items} == {plan.guids[3]: 3, plan.guids[6]: 6}
    by_guid = {"seats": [plan.guids[3]], "plan_version": plan.version, "buyer": "abe"}
    taken = await ask("POST", "/holds", token="platform", key="other", json=by_guid)
    assert (taken.status, (await taken.json())["conflicts"]) == (409, [plan.guids[3]])


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        ({"seat_indices": [1]}, (400, "invalid_request", "plan_version")),
        ({"seat_indices": []}, (400, "invalid_request", "seat_indices")),
        ({"seat_indices": [-1]}, (400, "invalid_request", "seat_indices[0]")),
        ({"seat_indices": [1, 1], "plan_version": "own"}, (400, "invalid_request", "seat_indices")),
        ({"seat_indices": [1], "seats": ["z1-1-1"]}, (400, "invalid_request", "seat_indices")),
        ({"seat_indices": [999], "plan_version": "own"}, (400, "unknown_seat", "seat_indices")),
        ({"seat_indices": [1], "plan_version": "before"}, (409, "conflict", None)),
        ({"seats": ["z1-1-1"], "plan_version": "before"}, (409, "conflict", None)),
        (
            {"seat_indices": [1], "plan_version": "own", **TWO},
            (400, "invalid_request", "best_available"),
        ),
    ],
)
async def test_seats_by_an_index_that_says_nothing_are_refused(
    ask: Client, harness: InventoryHarness, wish: dict[str, Any], refusal: tuple[object, ...]
) -> None:
    if wish.get("plan_version") == "own":
        wish = {**wish, "plan_version": harness.plan.version}
    body = {**wish, "buyer": "bea"}
    response = await ask("POST", "/holds", token="platform", key="k", json=body)
    told = await response.json()
    assert (response.status, told["code"], told.get("field")) == refusal
    assert "h" not in await harness.states()


def test_later_members_leave_the_digest_of_other_requests_as_it_was() -> None:
    """Or a repeat that meets a node of the release before is another request to it."""
    assert set(msgspec.to_builtins(HoldBody(seats=("A-1",)))) == {
        "seats", "best_available", "areas", "buyer"
    }  # fmt: skip


async def test_a_repeat_gets_the_same_hold_and_another_request_does_not(ask: Client) -> None:
    one = {**TWO, "buyer": "bea"}
    first = await ask("POST", "/holds", token="platform", key="k", json=one)
    spelt = {
        "best_available": {"quantity": 2, "prevent_orphans": True},
        "seats": [],
        "buyer": "bea",
    }
    again = await ask("POST", "/holds", token="platform", key="k", json=spelt)
    assert (first.status, again.status) == (201, 201)
    assert (await first.json())["id"] == (await again.json())["id"]

    three = {"best_available": {"quantity": 3}, "buyer": "bea"}
    other = await ask("POST", "/holds", token="platform", key="k", json=three)
    assert await problem(other) == (422, "idempotency_mismatch")
    somebody = await ask("POST", "/holds", token="platform", key="k", json={**TWO, "buyer": "abe"})
    assert await problem(somebody) == (422, "idempotency_mismatch")
    elsewhere = await ask("POST", "/holds", token="second", key="k", json=one)
    assert (await elsewhere.json())["id"] != (await first.json())["id"]


async def test_concurrent_repeats_make_one_hold(ask: Client, harness: InventoryHarness) -> None:
    body = {**TWO, "buyer": "bea"}
    responses = await asyncio.gather(
        *[ask("POST", "/holds", token="platform", key="k", json=body) for _ in range(20)]
    )
    ids = {(await response.json())["id"] for response in responses}
    assert len(ids) == 1
    assert (await harness.states()).count("h") == 2


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 400, "invalid_request", "seats"),
        ({"seats": ["z1-1-1"], **TWO}, 400, "invalid_request", "best_available"),
        ({"seats": ["z1-1-1", "z1-1-1"]}, 400, "invalid_request", "seats"),
        ({"seats": ["nope"]}, 400, "unknown_seat", "seats"),
        ({"areas": [{"id": "nope", "quantity": 1}]}, 400, "unknown_seat", "areas"),
        ({"areas": [{"id": "floor", "quantity": 1}] * 2}, 400, "invalid_request", "areas"),
        ({"best_available": {"quantity": 0}}, 400, "invalid_request", "best_available.quantity"),
        (
            {"best_available": {"quantity": 1, "categories": ["Z"]}},
            400,
            "unknown_seat",
            "categories",
        ),
        ({"best_available": {"quantity": 1, "zones": ["Z9"]}}, 400, "unknown_seat", "zones"),
        ({"seats": ["z1-1-1"], "sets": 1}, 400, "invalid_request", "sets"),
        ({"best_available": {"quantity": 7}}, 409, "hold_limit_exceeded", None),
        (
            {"best_available": {"quantity": 6}, "areas": [{"id": "floor", "quantity": 1}]},
            409,
            "hold_limit_exceeded",
            None,
        ),
    ],
)
async def test_a_request_that_makes_no_sense_is_told_why(
    ask: Client, body: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    response = await ask("POST", "/holds", token="platform", key="k", json={**body, "buyer": "bea"})
    document = await response.json()
    assert (response.status, document["code"], document.get("field")) == (status, code, field)


async def test_conflicts_are_named(ask: Client, harness: InventoryHarness) -> None:
    await harness.held(harness.seats("z1-1-2"))
    body = {"seats": ["z1-1-1", "z1-1-2"], "buyer": "bea"}
    response = await ask("POST", "/holds", token="platform", key="k", json=body)
    assert response.status == 409
    document = await response.json()
    assert (document["code"], document["conflicts"]) == ("seat_unavailable", ["z1-1-2"])


async def test_pass_that_is_renewed_no_more_begins_no_hold(
    ask: Client, harness: InventoryHarness, clock: Clock
) -> None:
    token = await admit(harness, clock, "bea")
    held = await (await ask("POST", "/holds", token=token, key="k", json=TWO)).json()
    final = token.rpartition(".")[0] + ".final"
    refused = await ask("POST", "/holds", token=final, key="other", json=TWO)
    assert await problem(refused) == (409, "pass_ended")
    # What is held goes on, and whoever lost the answer to its request finds it
    again = await ask("POST", "/holds", token=final, key="k", json=TWO)
    assert (again.status, (await again.json())["id"]) == (201, held["id"])
    extended = await ask("POST", f"/holds/{held['id']}/extend", token=final)
    assert extended.status == 200


async def test_pass_whose_session_is_over_still_has_what_it_holds(
    ask: Client, harness: InventoryHarness, clock: Clock
) -> None:
    token = await admit(harness, clock, "bea")
    held = await (await ask("POST", "/holds", token=token, key="k", json=TWO)).json()
    await harness.executor.command("DEL", keys.active(harness.uid))
    refused = await ask("POST", "/holds", token=token, key="other", json=TWO)
    assert await problem(refused) == (409, "pass_ended")
    shown = await (await ask("GET", "/holds", token=token)).json()
    assert [hold["id"] for hold in shown["items"]] == [held["id"]]
    for what in ("extend", "release"):
        assert (await ask("POST", f"/holds/{held['id']}/{what}", token=token)).status == 200


async def test_who_may_not_is_told_so(ask: Client, harness: InventoryHarness, clock: Clock) -> None:
    body = {**TWO, "buyer": "bea"}
    assert await problem(await ask("POST", "/holds", key="k", json=TWO)) == (401, "unauthorized")
    forged = await ask("POST", "/holds", token="fake.bea.x", key="k", json=TWO)
    assert await problem(forged) == (401, "unauthorized")
    viewer = await ask("POST", "/holds", token="viewer", key="k", json=body)
    assert await problem(viewer) == (403, "forbidden")
    ended = await ask("POST", "/holds", token="pass.bea.x", key="k", json=TWO)
    assert await problem(ended) == (409, "pass_ended")
    token = await admit(harness, clock, "bea")
    other = await ask("POST", "/holds", token=token, key="k", json={**TWO, "buyer": "abe"})
    assert await problem(other) == (403, "not_owner")
    keyless = await ask("POST", "/holds", token=token, json=TWO)
    assert await problem(keyless) == (400, "invalid_request")
    nameless = await ask("POST", "/holds", token="platform", key="k", json=TWO)
    assert await problem(nameless) == (400, "invalid_request")


async def test_a_hold_is_its_owners_and_the_platforms(
    ask: Client, harness: InventoryHarness, clock: Clock
) -> None:
    bea, abe = [await admit(harness, clock, buyer) for buyer in ("bea", "abe")]
    hold = await (await ask("POST", "/holds", token=bea, key="k", json=TWO)).json()
    path = f"/holds/{hold['id']}"

    assert (await (await ask("GET", path, token=bea)).json())["id"] == hold["id"]
    assert (await ask("GET", path, token="platform")).status == 200
    for method, where in (("GET", path), ("POST", path + "/extend"), ("POST", path + "/release")):
        assert await problem(await ask(method, where, token=abe)) == (403, "not_owner")
    named = await ask("GET", path + "?buyer=abe", token="platform")
    assert await problem(named) == (403, "not_owner")
    assert await problem(await ask("GET", "/holds/none", token=bea)) == (404, "unknown_hold")
    mine = await (await ask("GET", "/holds", token=bea)).json()
    assert [item["id"] for item in mine["items"]] == [hold["id"]]
    theirs = await (await ask("GET", "/holds?buyer=abe", token="platform")).json()
    assert theirs == {"items": [], "next": None}


async def test_extending_and_releasing(
    ask: Client, harness: InventoryHarness, clock: Clock
) -> None:
    token = await admit(harness, clock, "bea")
    hold = await (await ask("POST", "/holds", token=token, key="k", json=TWO)).json()
    path = f"/holds/{hold['id']}"
    await clock.advance_ms(60_000)

    longer = await (await ask("POST", path + "/extend", token=token, json={"version": 1})).json()
    assert (longer["version"], longer["expires_at"] > hold["expires_at"]) == (2, True)
    stale = await ask("POST", path + "/extend", token=token, json={"version": 1})
    assert await problem(stale) == (409, "conflict")
    released = await (await ask("POST", path + "/release", token=token)).json()
    assert (released["status"], released["reason"]) == ("released", "released")
    assert (await ask("POST", path + "/release", token=token)).status == 200
    late = await ask("POST", path + "/extend", token=token)
    assert await problem(late) == (410, "hold_released")
    assert "h" not in await harness.states()


async def test_an_expired_hold_says_so_without_any_sweep(
    ask: Client, harness: InventoryHarness, clock: Clock
) -> None:
    token = await admit(harness, clock, "bea")
    hold = await (await ask("POST", "/holds", token=token, key="k", json=TWO)).json()
    await clock.advance_ms(HOLD_MS)
    seen = await (await ask("GET", f"/holds/{hold['id']}", token=token)).json()
    assert (seen["status"], seen["expires_in_seconds"]) == ("expired", 0)
    late = await ask("POST", f"/holds/{hold['id']}/extend", token=token)
    assert await problem(late) == (410, "hold_expired")


async def test_cancelling_by_idempotency_key_works_before_and_after(
    ask: Client, harness: InventoryHarness
) -> None:
    body = {**TWO, "buyer": "bea"}
    who = {"buyer": "bea"}
    early = await ask("POST", "/holds/cancel", token="platform", key="early", json=who)
    assert (await early.json())["status"] == "released"
    refused = await ask("POST", "/holds", token="platform", key="early", json=body)
    assert await problem(refused) == (410, "hold_released")
    hold = await (await ask("POST", "/holds", token="platform", key="k", json=body)).json()
    late = await ask("POST", "/holds/cancel", token="platform", key="k", json=who)
    assert (await late.json())["id"] == hold["id"]
    assert "h" not in await harness.states()


async def test_cancelling_with_a_pass_needs_its_session_and_is_limited(
    ask: Client, harness: InventoryHarness, clock: Clock
) -> None:
    await clock.stand_still()
    over = await ask("POST", "/holds/cancel", token="pass.ann.x", key="k")
    assert await problem(over) == (409, "pass_ended")
    token = await admit(harness, clock, "bea")
    for number in range(60):
        early = await ask("POST", "/holds/cancel", token=token, key=f"k{number}")
        assert early.status == 200
    for path, body in (("/holds/cancel", {}), ("/holds", TWO)):
        limited = await ask("POST", path, token=token, key="another", json=body)
        assert await problem(limited) == (429, "too_many_requests")
        assert limited.headers["Retry-After"] == "60"
    kept = await ask("POST", "/holds", token=token, key="k0", json=TWO)
    assert await problem(kept) == (410, "hold_released")


async def test_buyer_is_told_which_of_the_seats_in_the_way_are_their_own(
    ask: Client, harness: InventoryHarness, clock: Clock
) -> None:
    token = await admit(harness, clock, "bea")
    await harness.held(harness.seats("z1-1-1"), buyer="abe")
    mine = {"seats": ["z1-1-2", "z1-1-3"]}
    hold = await (await ask("POST", "/holds", token=token, key="k1", json=mine)).json()
    bought = await (
        await ask("POST", "/holds", token=token, key="k2", json={"seats": ["z1-2-1"]})
    ).json()
    await harness.confirmed(bought["id"])
    body = {"seats": ["z1-1-1", "z1-1-2", "z1-2-1", "z1-2-2"]}
    refused = await ask("POST", "/holds", token=token, key="k3", json=body)
    assert await problem(refused) == (409, "seat_unavailable")
    told = await refused.json()
    assert told["conflicts"] == ["z1-1-1", "z1-1-2", "z1-2-1"]
    assert told["yours"] == ["z1-1-2", "z1-2-1"]
    await ask("POST", f"/holds/{hold['id']}/release", token=token)
    other = await ask("POST", "/holds", token=token, key="k4", json={"seats": ["z1-1-1"]})
    assert "yours" not in await other.json()


async def test_pages_of_the_return_origins_may_hold(ask: Client) -> None:
    for origin, allowed in ((SHOP, SHOP), ("https://evil.example", None)):
        response = await ask("OPTIONS", "/holds", headers={"Origin": origin})
        assert response.headers.get("Access-Control-Allow-Origin") == allowed


async def test_sold_out_and_not_together_are_different_answers(make_harness: Make) -> None:
    harness = await make_harness(["AAA"], areas=())
    await harness.held(harness.seats("z1-1-2"))
    async with TestClient(TestServer(application(harness))) as client:

        async def code(quantity: int) -> str:
            response = await client.post(
                SALE + "/holds",
                json={"best_available": {"quantity": quantity}, "buyer": "bea"},
                headers={"Authorization": "Bearer platform", "Idempotency-Key": f"k{quantity}"},
            )
            return str((await response.json()).get("code", response.status))

        assert await code(2) == "not_enough_together"
        assert await code(1) == "201"
        await harness.held(harness.choice(1))
        assert await code(3) == "sold_out"
