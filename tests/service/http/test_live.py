"""`GET /live` of a running service with two workers: the figures are those of what was done."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from support.api_client import Api, create, keys_command, make_key
from support.service.running import Service

TRIES = 200
PAUSE_SECONDS = 0.1
FLOOR = {"areas": [{"id": "floor", "quantity": 2}]}


async def _until(api: Api, name: str, **wanted: Any) -> dict[str, Any]:
    """The document once its `funnel` shows this."""
    for _ in range(TRIES):
        document: dict[str, Any] = (await api.get(f"/v1/sales/{name}/live")).body
        if wanted.items() <= document["funnel"].items():
            return document
        await asyncio.sleep(PAUSE_SECONDS)
    pytest.fail(f"{wanted}: {document['funnel']}")


async def test_document_shows_what_was_sold(operator: Api, name: str) -> None:
    await create(operator, name)
    buyer = await operator.admitted(name)
    bought = (await buyer.hold(name, FLOOR)).body
    kept = (await buyer.hold(name, FLOOR)).body
    assert (await operator.confirm(name, bought)).status == 200
    assert kept["id"] != bought["id"]

    shown = await _until(operator, name, confirmed=1)
    funnel = {"joined": 1, "called": 1, "admitted": 1, "held": 1, "paying": 1, "confirmed": 1}
    assert shown["funnel"] | {"called": 1} == funnel
    assert shown["revenue"] == {
        "confirmed": bought["total"],
        "refunded": 0,
        "currency": bought["currency"],
    }
    stock = shown["stock"]
    assert (stock["held"], stock["booked"], stock["total"]) == (2, 2, 100)
    (area,) = stock["areas"]
    assert (area["free"], area["held"], area["booked"]) == (96, 2, 2)
    assert sum(one["booked"] for one in stock["categories"]) == 2
    assert shown["state"] == "open"
    assert shown["headline"].startswith("0 waiting")
    assert shown["health"] == {"status": "ok", "alerts": []}
    lengths = {len(values) for values in shown["history"]["series"].values()}
    assert len(lengths) == 1
    assert shown["history"]["series"]["confirmed"][-1] == 1

    whole = (await operator.get(f"/v1/sales/{name}/live?history=sale")).body["history"]
    assert whole["series"]["revenue"][-1] == bought["total"]
    assert [values[-1] for values in whole["free_by_category"].values()] == [96]

    (listed,) = [
        item for item in (await operator.get("/v1/sales?limit=500")).body["items"]
        if item["sale"] == name
    ]  # fmt: skip
    assert (listed["sold"], listed["held"], listed["total"]) == (2, 2, 100)
    assert listed["sold_share"] == 0.02
    assert listed["revenue"] == bought["total"]
    assert listed["alerts"] == []


async def test_document_is_made_once_a_second_for_all_who_ask(operator: Api, name: str) -> None:
    await create(operator, name)
    await operator.get(f"/v1/sales/{name}/live")
    started = time.monotonic()
    answers = await asyncio.gather(*(operator.get(f"/v1/sales/{name}/live") for _ in range(40)))
    seconds = time.monotonic() - started
    assert {answer.status for answer in answers} == {200}
    # Two workers, each of which may have made one before the requests, and one in each second.
    made = {json.dumps(answer.body, sort_keys=True) for answer in answers}
    assert len(made) <= 2 * (2 + int(seconds))


async def test_stream_begins_with_everything_and_goes_on_without_history(
    operator: Api, name: str
) -> None:
    await create(operator, name)
    events = [event async for event in _events(operator, name, 3)]
    assert [kind for kind, _ in events] == ["live"] * 3
    first, *later = (data for _, data in events)
    assert "history" in first
    assert all("history" not in data for data in later)
    assert first.keys() - {"history"} == later[0].keys()
    assert events[1][1]["time"] != events[2][1]["time"]


async def test_stream_ends_with_its_sale(operator: Api, name: str) -> None:
    await create(operator, name)
    await operator.post(f"/v1/sales/{name}/close")
    seen: list[tuple[str, dict[str, Any]]] = []
    async for kind, data in _events(operator, name, 50):
        if not seen:
            assert (await operator.delete(f"/v1/sales/{name}")).status == 204
        seen.append((kind, data))
    assert seen[-1] == ("end", {"code": "unknown_sale"})


async def test_only_keys_may_look(
    operator: Api, name: str, shared_service: Service, http: aiohttp.ClientSession
) -> None:
    await create(operator, name)
    viewer = operator.as_(make_key(shared_service, "viewer"))
    assert (await viewer.get(f"/v1/sales/{name}/live")).status == 200
    async with http.get(f"{operator.url}/v1/sales/{name}/live") as answer:
        assert answer.status == 401
    assert (await operator.get(f"/v1/sales/{name}/live?history=day")).status == 400
    assert (await operator.get("/v1/sales/no-such-sale/live")).status == 404


async def test_stream_ends_with_its_key(operator: Api, name: str, shared_service: Service) -> None:
    await create(operator, name)
    key = f"live-{name}"
    secret = keys_command(shared_service, "create", key, "--role", "viewer").strip()
    listed = keys_command(shared_service, "list")
    key_id = next(line.split()[0] for line in listed.splitlines() if key in line)
    seen: list[tuple[str, dict[str, Any]]] = []
    async for kind, data in _events(operator.as_(secret), name, 50):
        if not seen:
            await asyncio.to_thread(keys_command, shared_service, "revoke", key_id)
        seen.append((kind, data))
    assert seen[-1] == ("end", {"code": "unauthorized"})


async def _events(api: Api, name: str, count: int) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {api.token}"}
    async with api.http.get(f"{api.url}/v1/sales/{name}/live", headers=headers) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        kind = ""
        async for line in response.content:
            if line.startswith(b"event: "):
                kind = line[7:].decode().strip()
            elif line.startswith(b"data: "):
                yield kind, json.loads(line[6:])
                count -= 1
                if not count or kind == "end":
                    return
