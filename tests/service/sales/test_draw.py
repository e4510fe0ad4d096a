"""A lobby that is drawn, over HTTP on two workers, and checked from outside."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.api_client import STUCK_SECONDS, Api, create
from support.line import draw_by_page
from support.service import forked_command
from support.service.running import Service, StartService

from holdfast.sales.draws import STARTS_MAX

FUTURE, FUTURE_MS = "2099-01-01T10:00:00Z", "2099-01-01T10:00:00.000Z"
PAST = "2020-01-01T10:00:00Z"
LOBBY = {"prequeue_start_time": PAST, "event_start_time": FUTURE, "queueing_method": "random"}
CROWD = 300
COMPARED_WITH_NOTHING = 4


def verify(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a visitor would run it."""
    return forked_command.run("verify-draw", *arguments, environ=os.environ)


async def join_many(visitor: Api, sale: str, count: int, salt: str = "") -> list[dict[str, Any]]:
    async def join(index: int) -> dict[str, Any]:
        body = {"nonce": f"{salt}{index}"} if index % 3 else None
        joined = await visitor.post(f"/v1/sales/{sale}/tickets", body)
        assert joined.status == 201, joined
        answer: dict[str, Any] = joined.body
        return answer

    return await asyncio.gather(*(join(index) for index in range(count)))


async def ticket_view(visitor: Api, sale: str, token: str) -> dict[str, Any]:
    shown = await visitor.call("GET", f"/v1/sales/{sale}/ticket", None, {"Holdfast-Ticket": token})
    assert shown.status == 200, shown
    view: dict[str, Any] = shown.body
    return view


async def until(api: Api, path: str, settled: Callable[[Any], bool]) -> Any:
    """Every one of 20 answers in a row (two workers) is as it should be; the last of them."""
    agreed = 0
    async with asyncio.timeout(STUCK_SECONDS):
        while True:
            body = (await api.look(path)).body
            agreed = agreed + 1 if settled(body) else 0
            if agreed == 20:
                return body
            await asyncio.sleep(0.02)


async def drawn(api: Api, sale: str) -> dict[str, Any]:
    facts: dict[str, Any] = await until(
        api, f"/v1/sales/{sale}/draw", lambda body: body["secret"] is not None
    )
    return facts


async def test_lobby_is_drawn_and_every_number_can_be_recomputed(
    operator: Api, name: str, tmp_path: Path
) -> None:
    # Given a lobby of some hundreds, who were all told the commitment
    await create(operator, name, **LOBBY, new_users_per_minute=60)
    visitor = operator.as_(None)
    before = (await visitor.get(f"/v1/sales/{name}/draw")).body
    tickets = await join_many(visitor, name, CROWD)
    assert sorted(one["lobby_index"] for one in tickets) == list(range(CROWD))
    assert {one["commitment"] for one in tickets} == {before["commitment"]}
    assert {one["state"] for one in tickets} == {"lobby"}

    # When the sale opens
    assert (await operator.post(f"/v1/sales/{name}/open")).status == 200
    facts = await drawn(visitor, name)
    assert (facts["entrants"], facts["commitment"]) == (CROWD, before["commitment"])

    # Then each has one number, in no order of arrival, and later visitors come behind
    views = [await ticket_view(visitor, name, one["ticket"]) for one in tickets]
    numbers = {one["lobby_index"]: view["number"] for one, view in zip(tickets, views, strict=True)}
    assert sorted(numbers.values()) == list(range(1, CROWD + 1))
    assert [numbers[index] for index in range(CROWD)] != list(range(1, CROWD + 1))
    late = (await visitor.post(f"/v1/sales/{name}/tickets")).body
    assert (late["number"], late["lobby_index"]) == (CROWD + 1, None)

    # And the command agrees, number by number
    url = f"{operator.url}/v1/sales/{name}"
    note = ("--commitment", before["commitment"])
    whole = await asyncio.to_thread(verify, url, *note)
    assert whole.returncode == COMPARED_WITH_NOTHING, whole.stderr
    found = re.search(r"fingerprint of all numbers: (\w+)", whole.stdout)
    order = [numbers[index] for index in range(CROWD)]
    assert found is not None
    assert found[1] == draw_by_page.fingerprint_of(order)
    whole = await asyncio.to_thread(verify, url, *note, "--fingerprint", found[1])
    assert whole.returncode == 0, whole.stderr
    assert "The draw holds." in whole.stdout
    assert "before the announced start" in whole.stdout.partition("TO JUDGE")[2]
    saved = tmp_path / "draw.json"
    saved.write_text(json.dumps(facts))
    for index in (0, 1, CROWD // 2, CROWD - 1):
        told = ("--index", str(index), "--number", str(numbers[index]))
        one = await asyncio.to_thread(verify, str(saved), "--no-whole", *told)
        assert one.returncode == 0, one.stderr
    # And so does a program that was written from the page alone
    key = draw_by_page.key_of(facts)
    assert draw_by_page.commitment_of(facts).hex() == before["commitment"]
    assert [draw_by_page.number_of(key, CROWD, index) for index in range(CROWD)] == order
    wrong = ("--index", "0", "--number", str(numbers[0] % CROWD + 1))
    assert (await asyncio.to_thread(verify, str(saved), *wrong)).returncode == 1


async def test_called_are_the_first_of_the_drawn_order(operator: Api, name: str) -> None:
    """Catches a claim that goes by the lobby index."""
    await create(operator, name, **LOBBY, burst=5, new_users_per_minute=1, claim_window_seconds=600)
    visitor = operator.as_(None)
    tickets = await join_many(visitor, name, 40)
    await operator.post(f"/v1/sales/{name}/open")
    await drawn(visitor, name)
    views = {one["ticket"]: await ticket_view(visitor, name, one["ticket"]) for one in tickets}
    first = [token for token, view in views.items() if view["number"] <= 5]
    for token in first:
        assert await visitor.claim(name, token)
    last = next(token for token, view in views.items() if view["number"] == 40)
    too_early = await visitor.post(f"/v1/sales/{name}/pass", **{"Holdfast-Ticket": last})
    assert too_early.status == 202


async def test_secret_is_nowhere_before_the_open(
    start_service: StartService, http: Any, name: str
) -> None:
    """Searched for in public answers, metrics, pages and everything that was printed."""
    service: Service = start_service("--workers", "2")
    operator = Api(http, service.url, service.operator_key)
    await create(operator, name, **LOBBY)
    tickets = await join_many(operator.as_(None), name, 20)
    token = tickets[0]["ticket"]
    shown = [json.dumps(tickets)]
    for path in ("draw", "status", "ticket", "plan", "seats", "events?limit=50", ""):
        answer = await operator.call(
            "GET", f"/v1/sales/{name}/{path}".rstrip("/"), None, {"Holdfast-Ticket": token}
        )
        shown.append(str(answer.body))
    pages = ("/metrics", f"/wait/{name}", f"/wait/{name}/place")
    shown += [str((await operator.get(path)).body) for path in pages]
    before = (await operator.get(f"/v1/sales/{name}/draw")).body
    assert (before["secret"], before["accumulator"], before["entrants"]) == (None, None, None)

    await operator.post(f"/v1/sales/{name}/open")
    secret = (await drawn(operator, name))["secret"]
    assert len(secret) == 64
    assert secret not in "".join(shown) + service.text


async def test_start_time_opens_and_draws_by_itself(operator: Api, name: str) -> None:
    # To the millisecond, as the service keeps times
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    await create(operator, name, **{**LOBBY, "event_start_time": start.isoformat()})
    visitor = operator.as_(None)
    lobby: list[int] = []
    line: list[int] = []
    async with asyncio.timeout(20):
        while not line or len(line) < 20:
            for joined in await join_many(visitor, name, 4):
                one = lobby if joined["number"] is None else line
                one.append(joined["lobby_index"] if joined["number"] is None else joined["number"])
    facts = await drawn(visitor, name)
    closed = datetime.fromisoformat(facts["closed_at"])
    assert timedelta() <= closed - start < timedelta(seconds=5)
    assert facts["closed_at"] <= facts["sealed_at"]
    assert facts["entrants"] == len(lobby)
    assert sorted(lobby) == list(range(len(lobby)))
    assert sorted(line) == list(range(len(lobby) + 1, len(lobby) + len(line) + 1))


async def test_draw_waits_for_the_beacon_that_was_announced(operator: Api, name: str) -> None:
    source = "first block of the chain after 10:00 UTC, its hash in hex"
    await create(operator, name, **LOBBY, draw_beacon=source)
    visitor = operator.as_(None)
    tickets = await join_many(visitor, name, 30)
    path = f"/v1/sales/{name}/draw/beacon"

    # A value before the lobby is closed could still be answered by joining once more
    early = await operator.post(path, {"value": "00ff"})
    assert (early.status, early.code) == (409, "not_open")
    await operator.post(f"/v1/sales/{name}/open")
    draw = f"/v1/sales/{name}/draw"
    facts = await until(visitor, draw, lambda body: body["entrants"] == 30)
    assert (facts["secret"], facts["beacon_source"]) == (None, source)
    status = (await visitor.get(f"/v1/sales/{name}/status")).body
    assert (status["draw"]["drawn"], status["serving"]) == (False, 0)
    waiting = await ticket_view(visitor, name, tickets[0]["ticket"])
    assert (waiting["state"], waiting["number"]) == ("lobby", None)
    late = (await visitor.post(f"/v1/sales/{name}/tickets")).body
    assert (late["number"], late["state"]) == (31, "waiting")

    # When the operator gives the value, it counts, once, and only for operators
    assert (await visitor.post(path, {"value": "00ff"})).status == 401
    for value in ("", " 00ff", "00\nff", "x" * 257):
        assert (await operator.post(path, {"value": value})).status == 400
    given = await operator.post(path, {"value": "00ff"})
    assert (given.status, given.body["beacon"]) == (200, "00ff")
    assert (await operator.post(path, {"value": "00ff"})).status == 200
    again = await operator.post(path, {"value": "00fe"})
    assert (again.status, again.code) == (409, "draw_fixed")
    await drawn(visitor, name)
    url = f"{operator.url}/v1/sales/{name}"
    number = (await ticket_view(visitor, name, tickets[0]["ticket"]))["number"]
    told = ("--index", str(tickets[0]["lobby_index"]), "--number", str(number))
    held = await asyncio.to_thread(verify, url, "--beacon", "00ff", *told)
    assert held.returncode == 0, held.stderr
    assert (await asyncio.to_thread(verify, url, "--beacon", "00fe")).returncode == 1


@pytest.mark.parametrize("method", ["random", "fifo"])
async def test_beacon_that_was_not_announced_is_refused(
    operator: Api, name: str, method: str
) -> None:
    await create(operator, name, queueing_method=method)
    refused = await operator.post(f"/v1/sales/{name}/draw/beacon", {"value": "1"})
    assert (refused.status, refused.code) == (409, "draw_fixed")


async def test_beacon_is_fixed_before_the_first_ticket(operator: Api, name: str) -> None:
    """Catches an announcement that is changed once it is known which value suits."""
    await create(operator, name, **LOBBY, draw_beacon="the lottery of Saturday")
    for change in ({"draw_beacon": "the lottery of Sunday"}, {"queueing_method": "fifo"}):
        assert (await operator.patch(f"/v1/sales/{name}", change)).status == 400
    first = (await operator.get(f"/v1/sales/{name}/draw")).body["commitment"]
    ticket = (await operator.as_(None).post(f"/v1/sales/{name}/tickets")).body
    assert ticket["commitment"] == first
    body = {"name": "Night", "areas": [{"id": "f", "name": "F", "capacity": 9, "category": "GA"}]}
    replaced = await operator.put(f"/v1/sales/{name}", {**body, **LOBBY, "prices": {"GA": 1}})
    assert (replaced.status, replaced.code) == (409, "sale_started")


async def test_beacon_without_a_draw_is_refused(operator: Api, name: str) -> None:
    body = {"name": "Night", "areas": [{"id": "f", "name": "F", "capacity": 9, "category": "GA"}]}
    made = await operator.put(
        f"/v1/sales/{name}", {**body, "prices": {"GA": 1}, "draw_beacon": "the lottery"}
    )
    assert (made.status, made.body["field"]) == (400, "draw_beacon")


async def test_times_and_starts_are_published_from_the_commitment_on(
    operator: Api, name: str
) -> None:
    asked = datetime.now(UTC)
    await create(operator, name, **LOBBY)
    visitor, path = operator.as_(None), f"/v1/sales/{name}/draw"
    first = (await visitor.get(path)).body
    committed = datetime.fromisoformat(first["committed_at"])
    assert timedelta(seconds=-1) < committed - asked < timedelta(seconds=30)
    assert first["starts"] == [{"start": FUTURE_MS, "announced_at": first["committed_at"]}]
    assert (first["closed_at"], first["sealed_at"]) == (None, None)

    # When the start is moved while visitors wait, the commitment stays to the first
    await join_many(visitor, name, 3)
    later = "2099-01-01T12:00:00Z"
    assert (await operator.patch(f"/v1/sales/{name}", {"event_start_time": later})).status == 200
    assert (await operator.patch(f"/v1/sales/{name}", {"burst": 3})).status == 200
    moved = await until(visitor, path, lambda body: len(body["starts"]) == 2)
    assert moved["starts"][0] == first["starts"][0]
    assert moved["starts"][1]["start"] == "2099-01-01T12:00:00.000Z"
    assert moved["commitment"] == first["commitment"]

    # Then all of it is in the record of the draw, and in the events
    await operator.post(f"/v1/sales/{name}/open")
    facts = await drawn(visitor, name)
    assert facts["starts"] == moved["starts"]
    times = [facts["committed_at"], facts["starts"][1]["announced_at"], facts["closed_at"]]
    assert sorted([*times, facts["sealed_at"]]) == [*times, facts["sealed_at"]]
    events = (await operator.get(f"/v1/sales/{name}/events?limit=100")).body["items"]
    kinds = [one["type"] for one in events if one["type"].startswith("draw.")]
    assert kinds == ["draw.committed", "draw.start_moved", "draw.closed", "draw.sealed"]
    assert next(one for one in events if one["type"] == "draw.closed")["time"] == facts["closed_at"]


@pytest.mark.parametrize("start", [PAST, None])
@pytest.mark.parametrize("method", ["random", "fifo"])
async def test_start_is_not_dated_back_while_visitors_wait(
    operator: Api, name: str, method: str, start: str | None
) -> None:
    """A lobby kept open past its start, or past a beacon, would seem to have closed before."""
    await create(operator, name, **{**LOBBY, "queueing_method": method})
    change = {"event_start_time": start, "prequeue_start_time": start and PAST}
    refused = await operator.patch(f"/v1/sales/{name}", change)
    assert (refused.status, refused.code) == (409, "start_passed")
    shown = (await operator.get(f"/v1/sales/{name}")).body
    assert (shown["event_start_time"], shown["state"]) == (FUTURE, "lobby")


async def test_open_lobby_of_a_draw_is_not_closed_before_the_start(
    operator: Api, name: str
) -> None:
    """Who knows the secret could stop the joins when the order suits, all times as announced."""
    await create(operator, name, **LOBBY)
    path = f"/v1/sales/{name}"
    await operator.as_(None).join(name)
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    for moment in (later, None):
        refused = await operator.patch(path, {"prequeue_start_time": moment})
        assert (refused.status, refused.code) == (409, "sale_started")
    await operator.as_(None).join(name)
    earlier = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    assert (await operator.patch(path, {"prequeue_start_time": earlier})).status == 200


@pytest.mark.parametrize("start", [PAST, FUTURE, None])
async def test_start_of_an_open_sale_is_what_it_was(
    operator: Api, name: str, start: str | None
) -> None:
    await create(operator, name, **LOBBY)
    opened = (await operator.post(f"/v1/sales/{name}/open")).body
    change = {"event_start_time": start, "prequeue_start_time": None}
    refused = await operator.patch(f"/v1/sales/{name}", change)
    assert (refused.status, refused.code) == (409, "sale_started")
    shown = (await operator.get(f"/v1/sales/{name}")).body
    assert shown["event_start_time"] == opened["event_start_time"]
    unmoved = {"event_start_time": opened["event_start_time"], "burst": 3}
    assert (await operator.patch(f"/v1/sales/{name}", unmoved)).status == 200


async def test_start_of_a_draw_is_moved_a_bounded_number_of_times(operator: Api, name: str) -> None:
    await create(operator, name, **LOBBY)
    for move in range(1, STARTS_MAX):
        start = f"2099-01-01T10:{move:02}:00Z"
        moved = await operator.patch(f"/v1/sales/{name}", {"event_start_time": start})
        assert moved.status == 200
    refused = await operator.patch(f"/v1/sales/{name}", {"event_start_time": FUTURE})
    assert (refused.status, refused.body["field"]) == (400, "event_start_time")
