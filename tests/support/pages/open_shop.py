"""The demo's shop in front of a sale of its own."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web
from support.api_client import Api
from support.network.cut_connections import CutLine
from support.pages.running_sale import Sale, make_sale
from support.ports import free_port
from support.service.running import Service

from holdfast_demo.shop.app import create_shop

PLAN: Final = json.loads(
    (Path(__file__).parents[3] / "examples/plans/sports-hall.json").read_text()
)
PRICES: Final = {"VIP": 9500, "I": 6500, "II": 4500, "GA": 3500}
FLOOR: Final = {"id": "floor", "name": "Standing floor", "capacity": 5, "category": "GA"}
HALL: Final[Mapping[str, object]] = {
    "plan": PLAN, "prices": PRICES, "areas": [FLOOR], "hold_seconds": 60,
}  # fmt: skip
MAX_SEATS: Final = 1000


@dataclass
class OpenShop:
    """A shop, its sale, and what the ledger says of it."""

    url: str
    sale: Sale
    line: CutLine
    """Between the shop's server and the service."""

    async def way_in(self) -> str:
        """The address that the waiting room sends a visitor to whose turn it is."""
        visitor = self.sale.visitor
        ticket = await visitor.join(self.sale.name)
        await visitor.claim(self.sale.name, ticket)
        again = await visitor.post(
            f"/v1/sales/{self.sale.name}/pass",
            {"return_url": f"{self.url}/seats"},
            **{"Holdfast-Ticket": ticket},
        )
        return str(again.body["redirect_to"])

    async def sell_out(self) -> None:
        """Takes everything off sale that is free."""
        guids = [s["seat_guid"] for z in PLAN["zones"] for r in z["rows"] for s in r["seats"]]
        path = f"/v1/sales/{self.sale.name}"
        for some in (guids[i : i + MAX_SEATS] for i in range(0, len(guids), MAX_SEATS)):
            blocked = await self.sale.operator.post(f"{path}/seats/block", {"seats": some})
            assert blocked.status == 200, blocked
        buyer = await self.buyer()
        floor = {"areas": [{"id": "floor", "quantity": FLOOR["capacity"]}]}
        held = await buyer.hold(self.sale.name, floor)
        assert (await self.sale.operator.confirm(self.sale.name, held.body)).status == 200
        await self.sale.shown(state="sold_out")

    async def orders(self) -> list[dict[str, object]]:
        answer = await self.sale.operator.get(f"/v1/sales/{self.sale.name}/orders")
        items: list[dict[str, object]] = answer.body["items"]
        return items

    async def buyer(self) -> Api:
        """Somebody else, through the line by the API."""
        return await self.sale.visitor.admitted(self.sale.name)

    async def counts(self) -> dict[str, int]:
        """Seats by state."""
        seats = await self.sale.visitor.get(f"/v1/sales/{self.sale.name}/seats")
        counts: dict[str, int] = seats.body["counts"]
        return counts

    async def await_held(self, wanted: int) -> None:
        """Waits until the map says so: that of another worker than the page's is a little older."""
        held, until = -1, time.monotonic() + 5
        while held != wanted:
            assert time.monotonic() < until, f"{held} are held"
            held = (await self.counts())["held"]


@asynccontextmanager
async def open_shop(
    service: Service, http: aiohttp.ClientSession, **fields: object
) -> AsyncIterator[OpenShop]:
    """The shop of a fresh hall, or of the sale that `fields` describe."""
    url = f"http://127.0.0.1:{free_port()}"
    sale = await make_sale(service, http, url, {**HALL, **fields})
    line = CutLine(service.url)
    await line.start()
    shop = create_shop(service.url, url, sale.name, service.operator_key, api_url=line.url)
    runner = web.AppRunner(shop)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(url.rsplit(":", 1)[1])).start()
    try:
        yield OpenShop(url, sale, line)
    finally:
        await runner.cleanup()
        await line.close()
