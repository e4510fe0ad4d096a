"""What an operator sees of holds, orders and visitors, and takes away: over HTTP, for real."""

from typing import Any

import pytest
from support.api_client import NIGHT, Answer, Api, create, make_key
from support.service.running import Service

BODY = {"areas": [{"id": "floor", "quantity": 2}]}


@pytest.fixture(scope="module")
def viewer_key(shared_service: Service) -> str:
    return make_key(shared_service, "viewer")


@pytest.fixture
def viewer(operator: Api, viewer_key: str) -> Api:
    return operator.as_(viewer_key)


async def held(platform: Api, name: str, buyer: str) -> dict[str, Any]:
    answer = await platform.hold(name, {**BODY, "buyer": buyer})
    assert answer.status == 201, answer
    body: dict[str, Any] = answer.body
    return body


async def find(platform: Api, name: str, **what: object) -> Answer:
    return await platform.post(f"/v1/sales/{name}/visitors/find", what)


# Holds


async def test_all_open_holds_are_listed_page_by_page_the_oldest_first(
    operator: Api, platform: Api, viewer: Api, name: str
) -> None:
    await create(operator, name)
    holds = [await held(platform, name, f"buyer-{n}") for n in range(5)]
    path = f"/v1/sales/{name}/holds"
    await platform.post(f"{path}/{holds[1]['id']}/paying", {})
    await platform.post(f"{path}/{holds[2]['id']}/release", {})
    await platform.confirm(name, holds[3])
    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await viewer.get(f"{path}?limit=2" + (f"&cursor={cursor}" if cursor else ""))
        assert page.status == 200, page
        assert len(page.body["items"]) <= 2
        seen, cursor = [*seen, *page.body["items"]], page.body["next"]
    assert [hold["id"] for hold in seen] == [holds[at]["id"] for at in (0, 1, 4)]
    assert [hold["buyer"] for hold in seen] == ["buyer-0", "buyer-1", "buyer-4"]
    assert [hold["paying"] for hold in seen] == [False, True, False]
    assert all(0 <= hold["age_seconds"] < 60 for hold in seen)
    assert [hold["created_at"] for hold in seen] == sorted(hold["created_at"] for hold in seen)
    of_one = await platform.get(f"{path}?buyer=buyer-1")
    assert [hold["id"] for hold in of_one.body["items"]] == [holds[1]["id"]]
    assert "age_seconds" not in of_one.body["items"][0]


async def test_all_open_holds_are_for_keys_alone(operator: Api, viewer: Api, name: str) -> None:
    await create(operator, name)
    path = f"/v1/sales/{name}/holds"
    buyer = await operator.as_(None).admitted(name)
    await buyer.hold(name, BODY)
    assert len((await buyer.get(path)).body["items"]) == 1
    assert "age_seconds" not in (await buyer.get(path)).body["items"][0]
    assert (await operator.as_(None).get(path)).code == "unauthorized"
    assert (await viewer.get(f"{path}?buyer=somebody")).code == "forbidden"
    assert (await viewer.get(f"{path}?cursor=x")).body["field"] == "cursor"


async def test_operator_releases_by_force_and_says_so(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name)
    by_shop, by_force, named = [await held(platform, name, f"b{n}") for n in range(3)]
    path = f"/v1/sales/{name}/holds"
    await platform.post(f"{path}/{by_force['id']}/paying", {})
    assert (await platform.post(f"{path}/{by_shop['id']}/release")).body["reason"] == "released"
    forced = await operator.post(f"{path}/{by_force['id']}/release")
    assert (forced.status, forced.body["status"]) == (200, "released")
    assert forced.body["reason"] == "operator"
    ordinary = await operator.post(f"{path}/{named['id']}/release", {"buyer": "b2"})
    assert ordinary.body["reason"] == "released"
    events = (await platform.get(f"/v1/sales/{name}/events?limit=500")).body["items"]
    reasons = {e["subject"]: e["data"]["reason"] for e in events if e["type"] == "hold.released"}
    assert reasons == {
        by_shop["id"]: "released",
        by_force["id"]: "operator",
        named["id"]: "released",
    }
    order = await platform.get(f"/v1/sales/{name}/orders/{by_force['id']}")
    assert order.body["status"] == "void"
    counts = (await operator.get(f"/v1/sales/{name}/seats")).body["areas"]["floor"]
    assert (counts["free"], counts["held"]) == (100, 0)
    late = await platform.confirm(name, by_force)
    assert (late.status, late.code, late.body["refund_required"]) == (410, "hold_released", True)


# Orders


async def test_orders_are_found_by_reference_and_id(
    operator: Api, platform: Api, viewer: Api, name: str
) -> None:
    await create(operator, name)
    holds = [await held(platform, name, f"b{n}") for n in range(3)]
    for hold in holds:
        assert (await platform.confirm(name, hold)).status == 200
    wanted, path = holds[1]["id"], f"/v1/sales/{name}/orders"
    for query in (f"order_ref=order-{wanted}", f"payment_ref=pay-{wanted}", f"id={wanted}"):
        found = await viewer.get(f"{path}?{query}")
        assert [order["id"] for order in found.body["items"]] == [wanted], query
        both = await viewer.get(f"{path}?{query}&buyer=b0")
        assert both.body["items"] == []
    assert (await viewer.get(f"{path}?order_ref=order-{wanted[:-1]}")).body["items"] == []
    assert (await viewer.get(f"{path}?payment_ref=a%00")).body["field"] == "payment_ref"


async def test_order_of_another_sale_is_not_found(
    operator: Api, platform: Api, viewer: Api, name: str
) -> None:
    await create(operator, name)
    await create(operator, f"{name}-b")
    hold = await held(platform, name, "b")
    await platform.confirm(name, hold)
    for query in (f"order_ref=order-{hold['id']}", f"id={hold['id']}"):
        assert (await viewer.get(f"/v1/sales/{name}-b/orders?{query}")).body["items"] == []


async def test_totals_are_those_of_the_orders(
    operator: Api, platform: Api, viewer: Api, name: str
) -> None:
    await create(operator, name, late_payment="refund")
    sold, part, back, pending, lost = [await held(platform, name, f"b{n}") for n in range(5)]
    path = f"/v1/sales/{name}"
    for hold in (sold, part, back):
        await platform.confirm(name, hold)
    await platform.post(f"{path}/holds/{pending['id']}/paying", {})
    await platform.post(f"{path}/holds/{lost['id']}/release", {})
    assert (await platform.confirm(name, lost)).status == 410
    some = {"items": [{"area": "floor", "quantity": 1}]}
    await platform.post(f"{path}/orders/{part['id']}/refund", some, **{"Idempotency-Key": "k"})
    await platform.post(f"{path}/orders/{back['id']}/refund", {})
    await platform.post(f"{path}/orders/{lost['id']}/refund", {})
    price = NIGHT["prices"]["GA"]  # type: ignore[index]
    totals = (await viewer.get(f"{path}/orders/totals")).body
    assert totals["orders"] == 5
    numbers = {status: total["orders"] for status, total in totals["by_status"].items()}
    assert numbers == {
        "pending": 1,
        "confirmed": 1,
        "refund_required": 0,
        "void": 0,
        "partially_refunded": 1,
        "refunded": 2,
    }
    assert totals["by_status"]["confirmed"] == {"orders": 1, "total": 2 * price, "paid": 2 * price}
    assert (totals["confirmed"], totals["refunded"]) == (6 * price, 3 * price)
    assert (totals["net"], totals["currency"]) == (3 * price, "EUR")
    assert totals["refunds"] == {
        "orders": 3,
        "refunds": 3,
        "units": 3,
        "amount": 5 * price,
        "of_sold": 3 * price,
    }
    assert (await operator.as_(None).get(f"{path}/orders/totals")).code == "unauthorized"
    shown = (await viewer.get(f"{path}/orders")).body["items"]
    assert sum(order["refunded_amount"] for order in shown) == totals["refunds"]["amount"]


# Visitors


async def test_visitor_is_found_by_number_ticket_pass_and_pass_id(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name)
    joined = (await operator.as_(None).post(f"/v1/sales/{name}/tickets")).body
    assert joined["state"] == "admitted"
    buyer = operator.as_(joined["pass"])
    hold = (await buyer.hold(name, BODY)).body
    by_ticket = await find(platform, name, ticket=joined["ticket"])
    assert by_ticket.status == 200, by_ticket
    assert by_ticket.body["number"] == joined["number"] == 1
    assert (by_ticket.body["state"], by_ticket.body["users_ahead"]) == ("admitted", None)
    assert by_ticket.body["pass"]["pass_id"] == joined["pass_id"]
    assert by_ticket.body["pass"]["state"] == "live"
    assert by_ticket.body["buyer"] == hold["buyer"]
    assert [one["id"] for one in by_ticket.body["holds"]] == [hold["id"]]
    for what in ({"pass": joined["pass"]}, {"pass_id": joined["pass_id"]}, {"number": 1}):
        found = (await find(platform, name, **what)).body
        assert found["state"] == "admitted", what
        assert found["pass"] == by_ticket.body["pass"], what
        assert found["buyer"] == hold["buyer"], what
        assert [one["id"] for one in found["holds"]] == [hold["id"]], what


async def test_visitor_who_waits_has_a_place_and_no_pass(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name, queue_all=True)
    tickets = [await operator.as_(None).join(name) for _ in range(3)]
    found = (await find(platform, name, ticket=tickets[2])).body
    assert (found["number"], found["state"], found["users_ahead"]) == (3, "waiting", 2)
    assert (found["pass"], found["calls"], found["holds"]) == (None, [], [])
    by_number = (await find(platform, name, number=3)).body
    assert (by_number["state"], by_number["users_ahead"]) == ("waiting", 2)
    assert by_number["buyer"] is None


@pytest.mark.parametrize(
    "what",
    [{"number": 7}, {"ticket": "x" * 60}, {"pass": "a.b.c"}, {"pass_id": "x"}, {"identity": "ann"}],
)
async def test_visitor_that_nobody_knows_is_unknown(
    operator: Api, platform: Api, name: str, what: dict[str, object]
) -> None:
    await create(operator, name)
    answer = await find(platform, name, **what)
    assert (answer.status, answer.code) == (404, "unknown_visitor")


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({}, "number"),
        ({"number": 1, "ticket": "x"}, "ticket"),
        ({"number": 0}, "number"),
        ({"number": 2**40}, "number"),
        ({"ticket": "x" * 400}, "ticket"),
        ({"surprise": "ann"}, "surprise"),
    ],
)
async def test_question_that_names_no_one_visitor_is_refused(
    operator: Api, platform: Api, name: str, what: dict[str, object], field: str
) -> None:
    await create(operator, name)
    answer = await find(platform, name, **what)
    assert (answer.status, answer.code, answer.body["field"]) == (400, "invalid_request", field)


async def test_revoked_pass_begins_nothing_any_more(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name)
    joined = (await operator.as_(None).post(f"/v1/sales/{name}/tickets")).body
    buyer, path = operator.as_(joined["pass"]), f"/v1/sales/{name}"
    unpaid, paying = [(await buyer.hold(name, BODY)).body["id"] for _ in range(2)]
    await platform.post(f"{path}/holds/{paying}/paying", {})
    revoke, body = f"{path}/visitors/revoke", {"pass_id": joined["pass_id"]}
    kept = await operator.post(revoke, body)
    assert (kept.status, kept.body["ended"], kept.body["released"]) == (200, True, [])
    assert set(kept.body["kept"]) == {unpaid, paying}
    released = await operator.post(revoke, {**body, "holds": "release"})
    assert released.body["ended"] is False
    assert (released.body["released"], released.body["kept"]) == ([unpaid], [paying])
    assert (await buyer.hold(name, BODY)).code == "pass_ended"
    assert (await buyer.post(f"{path}/pass/renew")).code == "pass_ended"
    claim = await operator.post(f"{path}/pass", **{"Holdfast-Ticket": joined["ticket"]})
    assert claim.code == "call_expired"
    assert (await platform.confirm(name, {"id": paying, "total": 9000})).status == 200
    events = (await platform.get(f"{path}/events?limit=500")).body["items"]
    ended = [event for event in events if event["type"] == "pass.ended"]
    assert [(e["subject"], e["data"]["reason"]) for e in ended] == [(joined["pass_id"], "revoked")]
    found = (await find(platform, name, ticket=joined["ticket"])).body
    assert (found["state"], found["pass"]["state"]) == ("ended", "ended")


async def test_only_an_operator_revokes_and_only_a_platform_finds(
    operator: Api, platform: Api, viewer: Api, name: str
) -> None:
    await create(operator, name)
    revoke = f"/v1/sales/{name}/visitors/revoke"
    assert (await platform.post(revoke, {"pass_id": "x"})).code == "forbidden"
    assert (await find(viewer, name, number=1)).code == "forbidden"
    assert (await find(operator.as_(None), name, number=1)).code == "unauthorized"
    unknown = await operator.post(revoke, {"pass_id": "x", "holds": "release"})
    assert (unknown.status, unknown.body["ended"]) == (200, False)
    assert (await operator.post(revoke, {"pass_id": "x", "holds": "all"})).body["field"] == "holds"
