"""A store whose clock was ahead for a moment: its sales' time stands still, and buyers buy."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
from redis import Redis
from support.api_client import Api, create
from support.service.running import Service, StartService

from holdfast_connector import PublishedKeys, Verifier
from holdfast_lua.calls import keys

AHEAD_MS = 60_000
UNIT = {"areas": [{"id": "floor", "quantity": 1}]}


@pytest.fixture
def service(start_service: StartService) -> Service:
    return start_service("--workers", "2")


@pytest.fixture
def operator(service: Service, http: Any) -> Api:
    return Api(http, service.url, service.operator_key)


async def jump(service: Service, operator: Api, name: str, ahead_ms: int = AHEAD_MS) -> None:
    """The store has said, a moment ago, that it was later: its time for the sale stands there."""
    uid = (await operator.get(f"/v1/sales/{name}")).body["uid"]
    with Redis(unix_socket_path=str(service.data_dir / "store" / "run.sock")) as store:
        store.hset(keys.sale(uid), "clock_ms", int(time.time() * 1000) + ahead_ms)


async def test_pass_of_a_store_that_was_ahead_buys_at_once(
    service: Service, operator: Api, name: str
) -> None:
    """By every worker, here and offline: it was 401 for 55 s."""
    await create(operator, name)
    await jump(service, operator, name)
    for turn in range(20):
        joined = await operator.as_(None).post(f"/v1/sales/{name}/tickets")
        token = joined.body["pass"]
        held = await operator.as_(token).hold(name, UNIT, f"key-{turn}")
        assert held.status == 201, held
    verifier = Verifier(service.url, PublishedKeys(service.url))
    assert (await verifier.visitor_pass_async(token, name)).sale == name


async def test_pass_is_over_when_its_session_is_by_the_sales_clock(
    service: Service, operator: Api, name: str
) -> None:
    """Catches a service that judges by its host's clock, by which it has a quarter of an hour."""
    await create(operator, name)
    buyer = await operator.as_(None).admitted(name)
    assert (await buyer.get(f"/v1/sales/{name}/holds")).status == 200
    await jump(service, operator, name, ahead_ms=16 * 60_000)
    refused = 0
    async with asyncio.timeout(20):
        while refused < 20:  # in a row: both workers have heard of it
            over = (await buyer.get(f"/v1/sales/{name}/holds")).status == 401
            refused = refused + 1 if over else 0
            await asyncio.sleep(0.02)


async def test_skew_is_named_by_readiness_and_shown_by_a_gauge(
    service: Service, operator: Api, name: str
) -> None:
    """A warning: the node serves as well as any other."""
    await create(operator, name)
    await jump(service, operator, name)
    assert (await operator.as_(None).post(f"/v1/sales/{name}/tickets")).status == 201
    deadline = time.monotonic() + 20
    while True:
        ready = await operator.get("/readyz")
        shown = (await operator.get("/metrics")).body.decode()
        gauge = re.search(rf'^holdfast_clock_skew_seconds\{{sale="{name}"\}} (\S+)', shown, re.M)
        if ready.body["clock"]["state"] == "ahead" and gauge and float(gauge[1]) > 1:
            break
        assert time.monotonic() < deadline, (ready.body, gauge)
    assert (ready.status, ready.body["status"]) == (200, "ok")
    assert 1 < ready.body["clock"]["skew_seconds"] <= AHEAD_MS / 1000
    assert float(gauge[1]) <= AHEAD_MS / 1000


async def test_clocks_that_agree_are_ok(operator: Api, name: str) -> None:
    await create(operator, name)
    ready = (await operator.get("/readyz")).body
    assert ready["clock"]["state"] == "ok"
    assert abs(ready["clock"]["skew_seconds"]) < 1
