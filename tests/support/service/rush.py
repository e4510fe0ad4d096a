"""A rush on a running service, what it was promised, and the audit of that afterwards."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from support.api_client import ALL_PRICES, NIGHT, Answer, Api, make_key, seating_plan
from support.service.running import Service

BUYERS = 40
SALE = "rush"
CONNECTION_LOST = (aiohttp.ClientError, ConnectionError, asyncio.TimeoutError)


@dataclass
class Rush:
    """Buyers who hold and confirm one after the other until told to stop."""

    api: Api
    """the shop's server, with its key"""
    floor: Api
    """where the seat map is"""
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
        body: dict[str, Any] = {"best_available": {"quantity": 2}}
        body = body if seats else {"areas": [{"id": "floor", "quantity": 1}]}
        held = await self.api.hold(SALE, {**body, "buyer": buyer})
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
        else:  # what waits for a ledger asks no faster
            await asyncio.sleep(0.05)


def api_of(
    service: Service, role: str, http: aiohttp.ClientSession, token: str | None = None
) -> Api:
    """The service where it serves a role."""
    return Api(http, f"http://{service.listeners[role]}", token)


async def create_rush_sale(service: Service, http: aiohttp.ClientSession, **fields: object) -> Rush:
    operator = api_of(service, "operator", http, service.operator_key)
    body = {
        **NIGHT,
        "plan": seating_plan(),
        "prices": ALL_PRICES,
        "areas": [{"id": "floor", "name": "Floor", "capacity": 100_000, "category": "GA"}],
        **fields,
    }
    made = await operator.put(f"/v1/sales/{SALE}", body)
    assert made.status == 201, made
    shop = api_of(service, "shop", http, make_key(service, "platform"))
    return Rush(shop, api_of(service, "sales_floor", http))


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
    """Confirms that were under way may end a rush before the store is back from its last kill."""
    for _ in range(200):
        shown = await rush.floor.get(f"/v1/sales/{SALE}/seats?seats=guids")
        if shown.status == 200 and _booked(shown.body) == (seats, floor):
            return
        assert shown.status in {200, 503}, shown
        await asyncio.sleep(0.1)
    assert shown.status == 200, shown
    assert _booked(shown.body) == (seats, floor)


def _booked(shown: dict[str, Any]) -> tuple[set[str], int]:
    return set(shown["seats"]["booked"]), shown["areas"]["floor"]["booked"]


async def all_orders(api: Api, sale: str = SALE) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    cursor: str | None = ""
    while cursor is not None:
        path = f"/v1/sales/{sale}/orders?limit=500"
        page = await api.get(path + (f"&cursor={cursor}" if cursor else ""))
        assert page.status == 200, page
        found.update({order["id"]: order for order in page.body["items"]})
        cursor = page.body["next"]
    return found


async def finish(rush: Rush, running: asyncio.Task[None]) -> None:
    rush.stopped = True
    await running
    await audit(rush)


@dataclass
class Line:
    """Visitors who join one after the other, and claim; what they were given must stay theirs."""

    api: Api
    tickets: dict[str, int] = field(default_factory=dict)
    numbers: Counter[int] = field(default_factory=Counter)
    passes: dict[str, str] = field(default_factory=dict)
    """pass id -> the ticket that got it"""
    tokens: list[str] = field(default_factory=list)
    answers: Counter[object] = field(default_factory=Counter)
    stopped: bool = False

    async def run(self) -> None:
        while not self.stopped:
            try:
                await self.visit()
            except CONNECTION_LOST:
                await asyncio.sleep(0.05)

    async def visit(self) -> None:
        joined = await self.api.post(f"/v1/sales/{SALE}/tickets")
        self.note(joined)
        if joined.status != 201:
            await asyncio.sleep(0.05)
            return
        ticket = joined.body["ticket"]
        self.tickets[ticket] = joined.body["number"]
        self.numbers[joined.body["number"]] += 1
        claimed = await self.api.post(f"/v1/sales/{SALE}/pass", **{"Holdfast-Ticket": ticket})
        self.note(claimed)
        if claimed.status in {200, 201}:
            assert self.passes.setdefault(claimed.body["pass_id"], ticket) == ticket
            self.tokens.append(claimed.body["pass"])

    def note(self, answer: Answer) -> None:
        """What every answer must keep to while the store is lost."""
        assert answer.status < 500 or answer.status == 503, answer
        if answer.status == 503:
            assert int(answer.headers["Retry-After"]) >= 1
        self.answers[answer.code or answer.status] += 1

    async def audit(self) -> None:
        """No number twice, and each ticket is still good for its own."""
        assert [number for number, times in self.numbers.items() if times > 1] == []
        for ticket, number in list(self.tickets.items())[:: max(1, len(self.tickets) // 20)]:
            shown = await self.api.call(
                "GET", f"/v1/sales/{SALE}/ticket", headers={"Holdfast-Ticket": ticket}
            )
            assert (shown.status, shown.body["number"]) == (200, number)
