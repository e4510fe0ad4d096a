"""Buyers who come at a steady rate, whatever becomes of those before them, and what was answered.

Each joins, claims a pass, holds, and confirms: four POSTs, of which a proxy may repeat none. A
request that is not answered as it should be is a failure, and ends the visit.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import aiohttp
from support.api_client import Answer, Api
from support.service.rush import all_orders

SALE = "night"
OPEN_SALE: dict[str, Any] = {
    "name": "Night",
    "areas": [{"id": "floor", "name": "Floor", "capacity": 1_000_000, "category": "GA"}],
    "prices": {"GA": 4500},
    "new_users_per_minute": 60_000,
    "burst": 1_000,
    "total_active_users": 1_000_000,
}
UNIT = {"areas": [{"id": "floor", "quantity": 1}]}
LEAVE_SECONDS = 30.0
POLL_SECONDS = 0.05
NODE_SECONDS = 20.0
UPSTREAMS = ("room", "sales_floor")


class Failed(Exception):
    """A request had another answer than it should have had."""


@dataclass
class SteadyLoad:
    """Visits of a sale in which nobody has to wait, and their outcomes so far."""

    platform: Api
    """A shop that may confirm, at the address that visitors use as well."""
    failures: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    """The places that were given out, in the order of the answers."""
    confirmed: set[str] = field(default_factory=set)
    answers_of: Counter[tuple[int, str]] = field(default_factory=Counter)
    """How many answers the node on each port has given as part of each of nginx's upstreams, to
    requests since the last look at it."""
    under_way: Counter[int] = field(default_factory=Counter)
    """How many requests are not answered yet, by the number of the looks before them."""
    looks: int = 0

    @asynccontextmanager
    async def coming(self, visits_per_second: float) -> AsyncIterator[None]:
        """Visits begin at this rate during the block, and all have ended after it."""
        stopped = asyncio.Event()
        arrivals = asyncio.create_task(self._arrive(visits_per_second, stopped))
        try:
            yield
        finally:
            stopped.set()
            visits = await arrivals
            async with asyncio.timeout(LEAVE_SECONDS):
                await asyncio.gather(*visits)

    async def until_answered_by_all(self, ports: Iterable[int], count: int = 1) -> None:
        """Until the nodes on these ports have given so many answers each to requests that begin
        from now on, and all older ones have theirs.

        An older one tells nothing about where nginx sends the next. A node that stops drops the
        first packet of a connection, which is repeated after a second: the next node on its port
        answers it, or nobody, while nginx still (or again) leaves the port alone for a refusal.
        Each upstream of nginx knows by itself which of its nodes it leaves alone.
        """
        self.looks += 1
        self.answers_of.clear()
        wanted = Counter(dict.fromkeys(product(ports, UPSTREAMS), count))
        for _ in range(round(NODE_SECONDS / POLL_SECONDS)):
            older = sum(self.under_way[look] for look in range(self.looks))
            if not older and wanted <= self.answers_of:
                return
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError(
            f"not all nodes answer: {self.answers_of} instead of {wanted}, {older} under way"
        )

    async def check_against_ledger(self) -> None:
        """Every join was done once, and every confirm that was answered, and no other, is there."""
        assert sorted(self.numbers) == list(range(1, len(self.numbers) + 1))
        orders = await all_orders(self.platform, SALE)
        sold = {key for key, order in orders.items() if order["status"] == "confirmed"}
        assert sold == self.confirmed

    async def _arrive(
        self, visits_per_second: float, stopped: asyncio.Event
    ) -> list[asyncio.Task[None]]:
        loop = asyncio.get_running_loop()
        started, visits = loop.time(), list[asyncio.Task[None]]()
        while not stopped.is_set():
            visits.append(loop.create_task(self._visit()))
            await asyncio.sleep(started + len(visits) / visits_per_second - loop.time())
        return visits

    async def _visit(self) -> None:
        try:
            await self._buy()
        except (Failed, aiohttp.ClientError, OSError, TimeoutError) as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    async def _buy(self) -> None:
        visitor, path = self.platform.as_(None), f"/v1/sales/{SALE}"
        joined = await self._good("room", visitor.post(f"{path}/tickets"))
        self.numbers.append(joined["number"])
        ticket = {"Holdfast-Ticket": joined["ticket"]}
        claimed = await self._good("room", visitor.post(f"{path}/pass", **ticket))
        held = await self._good("sales_floor", visitor.as_(claimed["pass"]).hold(SALE, UNIT))
        await self._good("sales_floor", self.platform.confirm(SALE, held))
        self.confirmed.add(held["id"])

    async def _good(self, upstream: str, asked: Awaitable[Answer]) -> dict[str, Any]:
        look = self.looks
        self.under_way[look] += 1
        try:
            answer = await asked
        finally:
            self.under_way[look] -= 1
        if answer.status not in {200, 201}:
            raise Failed(f"{answer.status}: {answer.body!r:.300}")
        if look == self.looks:
            port = int(answer.headers["X-Node"].rpartition(":")[2])
            self.answers_of[port, upstream] += 1
        return dict(answer.body)
