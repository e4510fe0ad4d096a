"""The operator's hold on the line, and the stock's, over HTTP with a real service."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from support.api_client import FLOOR, STUCK_SECONDS, Api, create, eventually, in_time
from support.service.running import StartService

UNIT = {"areas": [{"id": "floor", "quantity": 1}]}
SOON_SECONDS = 2.0
Shown = dict[str, Any]


async def shown(api: Api, path: str, right: Callable[[Shown], bool]) -> Shown:
    """The first answer that is right."""
    deadline = time.monotonic() + STUCK_SECONDS
    while True:
        answer = await api.get(path)
        if right(answer.body):
            return dict(answer.body)
        assert time.monotonic() < deadline, answer.body


async def claim(api: Api, name: str, ticket: str) -> tuple[int, str | None]:
    answer = await api.post(f"/v1/sales/{name}/pass", **{"Holdfast-Ticket": ticket})
    return answer.status, answer.code


async def test_line_is_told_that_all_is_held_waits_and_wakes_with_a_release(
    operator: Api, name: str
) -> None:
    # Given a sale of one unit that somebody holds
    await create(operator, name, areas=[{**FLOOR, "capacity": 1}])
    visitor = operator.as_(None)
    buyer = await visitor.admitted(name)
    hold = (await buyer.hold(name, UNIT)).body
    status = f"/v1/sales/{name}/status"
    # Then those who join are told that nothing is free but held, and wait
    ticket = await visitor.join(name)
    told = await shown(visitor, status, lambda s: s["sellable"] == 0 and s["held"] == 1)
    assert told["state"] == "open"
    assert await claim(visitor, name, ticket) == (202, None)
    own = (await visitor.call("GET", f"/v1/sales/{name}/ticket", None, headers(ticket))).body
    assert (own["called"], own["estimated_wait_seconds"]) == (False, None)
    # When the unit is free again
    assert (await buyer.post(f"/v1/sales/{name}/holds/{hold['id']}/release")).status == 200
    # Then the line moves
    await shown(visitor, status, lambda s: s["sellable"] == 1 and s["serving"] == 2)
    await visitor.claim(name, ticket)


async def test_sold_out_is_told_to_everybody_within_two_seconds(
    operator: Api, platform: Api, name: str
) -> None:
    visitor = operator.as_(None)

    async def sold_out(turn: int) -> float:
        sale = f"{name}-{turn}"
        await create(operator, sale, areas=[{**FLOOR, "capacity": 1}])
        buyer = await visitor.admitted(sale)
        hold = (await buyer.hold(sale, UNIT)).body
        waiting = await visitor.join(sale)
        assert (await platform.confirm(sale, hold)).status == 200
        seconds = await eventually(operator, f"/v1/sales/{sale}/status", "state", "sold_out")
        assert await claim(visitor, sale, waiting) == (409, "sold_out")
        late = await visitor.post(f"/v1/sales/{sale}/tickets")
        assert (late.status, late.code) == (409, "sold_out")
        return seconds

    await in_time(sold_out, SOON_SECONDS)


async def test_stock_is_set_aside_for_who_was_admitted_until_the_first_hold_is_overdue(
    operator: Api, name: str
) -> None:
    visitor = operator.as_(None)
    one = [{**FLOOR, "capacity": 1}]
    await create(operator, name, areas=one, first_hold_seconds=600)
    await visitor.admitted(name)
    assert await claim(visitor, name, await visitor.join(name)) == (202, None)
    overdue = f"{name}-2"
    await create(operator, overdue, areas=one, first_hold_seconds=2)
    await visitor.admitted(overdue)
    await visitor.admitted(overdue)


async def test_stock_factor_lets_in_more_than_there_are_units(operator: Api, name: str) -> None:
    await create(operator, name, areas=[{**FLOOR, "capacity": 2}], stock_factor=2.0)
    visitor = operator.as_(None)
    for _ in range(4):
        await visitor.admitted(name)
    assert await claim(visitor, name, await visitor.join(name)) == (202, None)


async def test_queue_all_holds_everybody_and_lets_go_again(operator: Api, name: str) -> None:
    await create(operator, name, queue_all=True)
    visitor, status = operator.as_(None), f"/v1/sales/{name}/status"
    ticket = await visitor.join(name)
    await shown(visitor, status, lambda s: s["issued"] == 1 and s["queue_all"])
    assert await claim(visitor, name, ticket) == (202, None)
    assert (await operator.patch(f"/v1/sales/{name}", {"queue_all": False})).status == 200
    await visitor.claim(name, ticket)


async def test_suspended_lets_everybody_through_whatever_rate_and_cap(
    operator: Api, name: str
) -> None:
    tight = {"new_users_per_minute": 1, "burst": 1, "total_active_users": 1}
    await create(operator, name, **tight)
    visitor = operator.as_(None)
    await visitor.admitted(name)
    tickets = [await visitor.join(name) for _ in range(3)]
    assert await claim(visitor, name, tickets[0]) == (202, None)
    assert (await operator.patch(f"/v1/sales/{name}", {"suspended": True})).status == 200
    for ticket in tickets:
        await visitor.claim(name, ticket)
    await visitor.admitted(name)


async def test_passthrough_admits_and_reject_refuses_from_the_start(
    operator: Api, name: str
) -> None:
    tight = {"new_users_per_minute": 1, "burst": 1, "total_active_users": 1}
    await create(operator, name, queueing_method="passthrough", **tight)
    visitor = operator.as_(None)
    for _ in range(3):
        await visitor.admitted(name)
    await create(operator, f"{name}-not", queueing_method="reject")
    refused = await visitor.post(f"/v1/sales/{name}-not/tickets")
    assert (refused.status, refused.code) == (409, "join_refused")


async def test_message_is_seen_by_everybody_within_two_seconds(operator: Api, name: str) -> None:
    await create(operator, name)

    async def told(turn: int) -> float:
        message = f"the band is {turn + 1} minutes late"
        await operator.patch(f"/v1/sales/{name}", {"message": message})
        return await eventually(operator, f"/v1/sales/{name}/status", "message", message)

    await in_time(told, SOON_SECONDS)


async def test_identity_has_one_place_and_nobody_else_gets_in(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name, identity="required")
    visitor, path = operator.as_(None), f"/v1/sales/{name}/tickets"
    assert (await visitor.get(f"/v1/sales/{name}/identity-key")).status == 401
    given = (await platform.get(f"/v1/sales/{name}/identity-key")).body
    now = int(time.time())
    claims = {"aud": given["audience"], "sub": "customer-7", "iat": now, "exp": now + 60}
    token = jwt.encode(claims, given["key"], given["algorithm"], {"kid": given["kid"]})
    joins = [await visitor.post(path, {"identity": token}) for _ in range(6)]
    assert [join.status for join in joins] == [201] + [200] * 5
    assert len({join.body["number"] for join in joins}) == 1
    passes = set()
    for join in joins:
        ticket = headers(join.body["ticket"])
        passes.add((await visitor.post(f"/v1/sales/{name}/pass", **ticket)).body["pass_id"])
    assert len(passes) == 1
    for body in ({}, {"identity": token[:-2] + "xx"}):
        refused = await visitor.post(path, body)
        assert (refused.status, refused.code) == (401, "identity_required")


async def test_joins_of_one_address_are_limited_whatever_the_client_writes(
    operator: Api, name: str
) -> None:
    await create(operator, name, address_joins_per_minute=1, address_joins_burst=2)
    visitor, path = operator.as_(None), f"/v1/sales/{name}/tickets"
    answers = [
        await visitor.post(path, None, **{"X-Forwarded-For": f"198.51.100.{at}"}) for at in range(4)
    ]
    assert [answer.status for answer in answers] == [201, 201, 429, 429]
    assert answers[3].code == "join_limited"
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 60
    again = await visitor.post(path, None, **headers(answers[0].body["ticket"]))
    assert again.status == 200


async def test_behind_a_trusted_proxy_its_own_entry_counts(
    start_service: StartService, http: aiohttp.ClientSession, tmp_path: Path, name: str
) -> None:
    service = start_service(HOLDFAST_TRUSTED_PROXIES="127.0.0.0/8")
    operator = Api(http, service.url, service.operator_key)
    await create(operator, name, address_joins_per_minute=1, address_joins_burst=1)
    visitor, path = operator.as_(None), f"/v1/sales/{name}/tickets"

    async def join(forwarded: str) -> int:
        return (await visitor.post(path, None, **{"X-Forwarded-For": forwarded})).status

    assert await join("198.51.100.1") == 201
    # What stands left of the proxy's own entry was written by the client.
    assert await join("203.0.113.9, 198.51.100.1") == 429
    assert await join("198.51.100.2") == 201


@pytest.mark.parametrize("field", ["address_joins_per_minute", "address_joins_burst"])
async def test_limit_can_be_changed_while_people_wait(operator: Api, name: str, field: str) -> None:
    await create(operator, name)
    changed = await operator.patch(f"/v1/sales/{name}", {field: 5})
    assert (changed.status, changed.body[field]) == (200, 5)


def headers(ticket: str) -> dict[str, str]:
    return {"Holdfast-Ticket": ticket}
