"""kill -9 in the middle of a rush: what was answered 200 stays sold, and nothing is sold twice."""

import asyncio
import os
import signal
import socket
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from api_client import ALL_PRICES, NIGHT, Api, make_key, seating_plan
from running_service import Service, StartService, is_alive, wait_until

BUYERS = 40
SALE = "rush"
CONNECTION_LOST = (aiohttp.ClientError, ConnectionError, asyncio.TimeoutError)
KILLS = 3
WORKERS = ("--workers", "2")
SETTINGS = {"HOLDFAST_RECOVERY_MS": "500"}


@dataclass
class Rush:
    """Buyers who hold and confirm one after the other until told to stop."""

    api: Api
    confirmed: dict[str, dict[str, Any]] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    answers: Counter[object] = field(default_factory=Counter)
    stopped: bool = False

    async def run(self) -> None:
        await asyncio.gather(*(self.buyer(number) for number in range(BUYERS)))

    async def buyer(self, number: int) -> None:
        visit = 0
        while not self.stopped:
            visit += 1
            try:
                await self.buy(f"buyer-{number}-{visit}", seats=number % 2 == 0)
            except CONNECTION_LOST:
                self.answers["lost"] += 1
                await asyncio.sleep(0.05)

    async def buy(self, buyer: str, *, seats: bool) -> None:
        wish: dict[str, Any] = {"best_available": {"quantity": 2}}
        wish = wish if seats else {"areas": [{"id": "floor", "quantity": 1}]}
        held = await self.api.hold(SALE, {**wish, "buyer": buyer})
        self.answers[held.code or held.status] += 1
        if held.status != 201:
            await asyncio.sleep(0.05)
            return
        self.unanswered.add(held.body["id"])
        done = await self.api.confirm(SALE, held.body)
        self.answers[done.code or f"confirm {done.status}"] += 1
        if done.status == 200:
            self.unanswered.discard(held.body["id"])
            self.confirmed[held.body["id"]] = done.body["order"]


async def create_rush_sale(service: Service, http: aiohttp.ClientSession) -> Rush:
    operator = Api(http, service.url, service.operator_key)
    body = {
        **NIGHT,
        "plan": seating_plan(),
        "prices": ALL_PRICES,
        "areas": [{"id": "floor", "name": "Floor", "capacity": 100_000, "category": "GA"}],
    }
    made = await operator.put(f"/v1/sales/{SALE}", body)
    assert made.status == 201, made
    return Rush(operator.as_(make_key(service, "platform")))


async def until_confirmed(rush: Rush, count: int) -> None:
    """Let the rush go on until so many more orders are confirmed."""
    wanted = len(rush.confirmed) + count
    for _ in range(1500):
        if len(rush.confirmed) >= wanted:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the rush stands still: {rush.answers}")


async def audit(rush: Rush) -> None:
    """Ledger against answers, and, once recovery has been round, seat map against ledger."""
    orders = await all_orders(rush.api)
    for order_id, answered in rush.confirmed.items():
        assert orders[order_id]["status"] == "confirmed", orders.get(order_id)
        assert orders[order_id]["items"] == answered["items"]
    sold = [order for order in orders.values() if order["status"] == "confirmed"]
    assert {order["id"] for order in sold} <= set(rush.confirmed) | rush.unanswered
    items = [item for order in sold for item in order["items"]]
    seats = [item["seat"] for item in items if "seat" in item]
    assert len(seats) == len(set(seats))
    floor = sum(item["quantity"] for item in items if "area" in item)
    await until_map_shows(rush, set(seats), floor)


async def until_map_shows(rush: Rush, seats: set[str], floor: int) -> None:
    for _ in range(200):
        shown = (await rush.api.get(f"/v1/sales/{SALE}/seats?seats=guids")).body
        if set(shown["seats"]["booked"]) == seats and shown["areas"]["floor"]["booked"] == floor:
            return
        await asyncio.sleep(0.1)
    assert set(shown["seats"]["booked"]) == seats
    assert shown["areas"]["floor"]["booked"] == floor


async def all_orders(api: Api) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    cursor: str | None = ""
    while cursor is not None:
        path = f"/v1/sales/{SALE}/orders?limit=500"
        page = await api.get(path + (f"&cursor={cursor}" if cursor else ""))
        assert page.status == 200, page
        found.update({order["id"]: order for order in page.body["items"]})
        cursor = page.body["next"]
    return found


async def finish(rush: Rush, running: asyncio.Task[None]) -> None:
    rush.stopped = True
    await running
    await audit(rush)


async def test_killed_service_loses_no_confirmed_order(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given a rush, when parent, workers and store are gone at once, a restart goes on selling."""
    service = start_service(*WORKERS, **SETTINGS)
    rush = await create_rush_sale(service, http)
    running = asyncio.create_task(rush.run())
    for _ in range(KILLS):
        await until_confirmed(rush, 30)
        pids = [*service.workers(), service.store_pid()]
        service.kill()
        wait_until(lambda pids=pids: not any(is_alive(pid) for pid in pids))  # type: ignore[misc]
        port = rush.api.url.rpartition(":")[2]
        service = await asyncio.to_thread(
            start_service, *WORKERS, "--port", port, data_dir=service.data_dir, **SETTINGS
        )
    await until_confirmed(rush, 30)
    await finish(rush, running)
    assert rush.answers["lost"] > 0


async def test_killed_store_loses_no_confirmed_order(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given a rush, when only the embedded store is killed, it comes back with everything."""
    service = start_service(*WORKERS, **SETTINGS)
    rush = await create_rush_sale(service, http)
    running = asyncio.create_task(rush.run())
    for _ in range(KILLS):
        await until_confirmed(rush, 30)
        os.kill(service.store_pid(), signal.SIGKILL)
    await until_confirmed(rush, 30)
    await finish(rush, running)
    assert "store_behind" not in rush.answers


async def test_killed_workers_lose_no_confirmed_order(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service(*WORKERS, **SETTINGS)
    rush = await create_rush_sale(service, http)
    running = asyncio.create_task(rush.run())
    for _ in range(KILLS):
        await until_confirmed(rush, 30)
        os.kill(service.workers()[0], signal.SIGKILL)
    await until_confirmed(rush, 30)
    await finish(rush, running)


async def test_flushed_store_is_rebuilt_from_the_ledger(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given a rush, when the store loses everything, sales go on and nothing is sold twice."""
    service = start_service(*WORKERS, **SETTINGS)
    rush = await create_rush_sale(service, http)
    running = asyncio.create_task(rush.run())
    await until_confirmed(rush, 50)
    flush(service)
    await until_confirmed(rush, 50)
    await finish(rush, running)
    first = (await rush.api.get(f"/v1/sales/{SALE}/events?limit=1")).body["items"][0]
    assert (first["type"], first["data"]["epoch"]) == ("inventory.rebuilt", 2)


def flush(service: Service) -> None:
    """FLUSHALL by somebody who got at the socket."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(service.data_dir / "store" / "run.sock"))
        link.sendall(b"FLUSHALL\r\n")
        assert link.recv(10) == b"+OK\r\n"
