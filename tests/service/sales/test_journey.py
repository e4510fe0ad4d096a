"""The main job over HTTP: from creating a sale to orders that can be read, on two workers."""

from typing import Any

import pytest
from support.api_client import (
    ALL_PRICES,
    FLOOR,
    NIGHT,
    Answer,
    Api,
    create,
    eventually,
    seating_plan,
)

FUTURE = "2099-01-01T10:00:00Z"
PAST = "2020-01-01T10:00:00Z"
ONE_UNIT = [{**FLOOR, "capacity": 1}]
UNIT = {"areas": [{"id": "floor", "quantity": 1}]}


async def all_events(api: Api, sale: str) -> list[dict[str, Any]]:
    """Every event of a sale, page by page."""
    events: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await api.get(
            f"/v1/sales/{sale}/events?limit=50" + (f"&after={after}" if after else "")
        )
        assert page.status == 200, page
        events += page.body["items"]
        after = page.body["next"]
        if not page.body["items"] or after is None:
            return events


async def test_whole_journey(operator: Api, platform: Api, name: str) -> None:
    """Given a hall and a floor, a visitor joins, is admitted, holds, pays and has an order."""
    made = await operator.put(
        f"/v1/sales/{name}",
        {**NIGHT, "plan": seating_plan(), "prices": ALL_PRICES, "event_start_time": FUTURE},
    )
    assert made.status == 201, made
    units = made.body["counts"]["free"]
    refused = await operator.as_(None).post(f"/v1/sales/{name}/tickets")
    assert (refused.status, refused.code) == (409, "not_open")
    assert (await operator.post(f"/v1/sales/{name}/open")).status == 200

    buyer = await operator.as_(None).admitted(name)
    held = await buyer.hold(
        name,
        {
            "best_available": {"quantity": 2, "categories": ["I"]},
            "areas": [{"id": "floor", "quantity": 1}],
        },
    )
    assert held.status == 201, held
    hold = held.body
    assert (hold["status"], hold["total"], hold["currency"]) == ("active", 2 * 9000 + 4500, "EUR")
    assert hold["next_to_each_other"] is True
    assert (await buyer.get(f"/v1/sales/{name}/holds/{hold['id']}")).body["status"] == "active"

    assert (await platform.post(f"/v1/sales/{name}/holds/{hold['id']}/paying")).status == 200
    confirmed = await platform.confirm(name, hold)
    assert (confirmed.status, confirmed.body["status"]) == (200, "confirmed")
    again = await platform.confirm(name, hold)
    assert again.body["order"] == confirmed.body["order"]

    order = await platform.get(f"/v1/sales/{name}/orders/{hold['id']}")
    assert order.status == 200
    assert sum(item["quantity"] for item in order.body["items"]) == 3
    listed = (await platform.get(f"/v1/sales/{name}/orders")).body["items"]
    assert [item["id"] for item in listed] == [hold["id"]]

    seats = (await operator.as_(None).get(f"/v1/sales/{name}/seats")).body
    assert seats["states"].count("b") == 2
    assert (seats["counts"]["free"], seats["counts"]["booked"]) == (units - 3, 3)
    events = await all_events(platform, name)
    kinds = [event["type"] for event in events]
    assert kinds.index("pass.issued") < kinds.index("hold.created") < kinds.index("order.confirmed")
    assert_gap_free(events)


def assert_gap_free(events: list[dict[str, Any]]) -> None:
    cursors = [event["id"].rpartition(".")[2] for event in events]
    epoch = cursors[0].partition("-")[0]
    assert cursors == [f"{epoch}-{seq}" for seq in range(1, len(cursors) + 1)]


async def test_pass_of_one_worker_is_good_on_the_other(operator: Api, name: str) -> None:
    await create(operator, name)
    for _ in range(6):
        buyer = await operator.as_(None).admitted(name)
        assert (await buyer.hold(name, UNIT)).status == 201


async def test_buyer_sees_and_releases_only_their_own_holds(operator: Api, name: str) -> None:
    await create(operator, name)
    anna = await operator.as_(None).admitted(name)
    ben = await operator.as_(None).admitted(name)
    hold = (await anna.hold(name, UNIT)).body
    path = f"/v1/sales/{name}/holds/{hold['id']}"
    stolen = await ben.post(f"{path}/release")
    assert (stolen.status, stolen.code) == (403, "not_owner")
    assert (await ben.get(path)).status == 403
    assert (await operator.as_(None).get(path)).status == 401
    assert (await anna.post(f"{path}/paying")).status == 403
    assert (await anna.as_("a.b.c").post(f"{path}/paying")).status == 401
    assert (await anna.post(f"{path}/release")).status == 200
    counts = {"free": 100, "held": 0, "sold": 0}
    await eventually(operator, f"/v1/sales/{name}", "counts", counts)


async def test_platform_buys_for_a_named_buyer(operator: Api, platform: Api, name: str) -> None:
    await create(operator, name)
    held = await platform.hold(name, {**UNIT, "buyer": "kiosk-7"})
    assert held.status == 201, held
    assert (await platform.confirm(name, held.body)).status == 200
    viewer = operator.as_(None)
    assert (await viewer.get(f"/v1/sales/{name}/orders/{held.body['id']}")).status == 401


async def in_state(operator: Api, platform: Api, name: str, state: str) -> None:
    """Bring a fresh sale into a state."""
    times = {
        "scheduled": {"event_start_time": FUTURE},
        "lobby": {"event_start_time": FUTURE, "prequeue_start_time": PAST},
    }
    areas = ONE_UNIT if state == "sold_out" else [FLOOR]
    await create(operator, name, areas=areas, **times.get(state, {}))
    change = {"paused": "pause", "draining": "drain", "closed": "close"}.get(state)
    if change is not None:
        assert (await operator.post(f"/v1/sales/{name}/{change}")).status == 200
    if state == "sold_out":
        hold = (await platform.hold(name, {**UNIT, "buyer": "first"})).body
        assert (await platform.confirm(name, hold)).status == 200
    await eventually(operator, f"/v1/sales/{name}/status", "state", state)


def outcome(answer: Answer) -> object:
    return answer.code or answer.status


# state: join, hold, then the operator's open, pause, resume, drain, close, delete.
TABLE: dict[str, tuple[object, ...]] = {
    "scheduled": ("not_open", "not_open", 200, 200, 200, 200, 200, "sale_not_closed"),
    "lobby": (201, "not_open", 200, 200, 200, 200, 200, "sale_not_closed"),
    "open": (201, 201, 200, 200, 200, 200, 200, "sale_not_closed"),
    "paused": (201, 201, 200, 200, 200, 200, 200, "sale_not_closed"),
    "draining": ("draining", 201, 200, 200, 200, 200, 200, "sale_not_closed"),
    "sold_out": ("sold_out", "sold_out", 200, 200, 200, 200, 200, "sale_not_closed"),
    "closed": (
        *("sale_closed", "sale_closed"),
        *("sale_closed", "sale_closed", "sale_closed", "sale_closed", 200, 204),
    ),
}


@pytest.mark.parametrize("state", TABLE)
async def test_state_decides_what_visitors_may(
    operator: Api, platform: Api, name: str, state: str
) -> None:
    await in_state(operator, platform, name, state)
    join, hold = TABLE[state][:2]
    assert outcome(await operator.as_(None).post(f"/v1/sales/{name}/tickets")) == join
    assert outcome(await platform.hold(name, {**UNIT, "buyer": "second"})) == hold


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("position", range(6))
async def test_state_decides_what_the_operator_may(
    operator: Api, platform: Api, name: str, state: str, position: int
) -> None:
    await in_state(operator, platform, name, state)
    operation = ("open", "pause", "resume", "drain", "close", "delete")[position]
    if operation == "delete":
        answer = await operator.delete(f"/v1/sales/{name}")
    else:
        answer = await operator.post(f"/v1/sales/{name}/{operation}")
    assert outcome(answer) == TABLE[state][2 + position]


@pytest.mark.parametrize("state", ["open", "paused", "draining", "closed"])
async def test_confirm_works_in_every_state(
    operator: Api, platform: Api, name: str, state: str
) -> None:
    """Who holds something may pay for it, whatever the operator does meanwhile."""
    await create(operator, name)
    hold = (await platform.hold(name, {**UNIT, "buyer": "kept"})).body
    change = {"paused": "pause", "draining": "drain", "closed": "close"}.get(state)
    if change is not None:
        assert (await operator.post(f"/v1/sales/{name}/{change}")).status == 200
    assert (await platform.confirm(name, hold)).status == 200


async def test_metrics_count_over_both_workers(operator: Api, platform: Api, name: str) -> None:
    await create(operator, name)
    for number in range(10):
        held = await platform.hold(name, {**UNIT, "buyer": f"b{number}"})
        assert held.status == 201, held
    await eventually(operator, f"/v1/sales/{name}", "counts", {"free": 90, "held": 10, "sold": 0})
    text = (await operator.get("/metrics")).body.decode()
    lines = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in text.splitlines()}
    assert float(lines[f'holdfast_units{{sale="{name}",state="held"}}']) == 10
