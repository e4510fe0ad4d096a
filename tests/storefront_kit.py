"""The demo's shop in front of a sale of its own, and what a visitor does there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web
from api_client import Api
from chromium import Page
from pages_kit import Sale, make_sale
from ports import free_port
from running_service import Service

from holdfast.demo.shop import create_shop

PLAN: Final = json.loads(
    (Path(__file__).parents[1] / "examples/plans/sports-hall.json").read_text()
)
PRICES: Final = {"VIP": 9500, "I": 6500, "II": 4500, "GA": 3500}
FLOOR: Final = {"id": "floor", "name": "Standing floor", "capacity": 5, "category": "GA"}
HALL: Final[Mapping[str, object]] = {
    "plan": PLAN, "prices": PRICES, "areas": [FLOOR], "hold_seconds": 60,
}  # fmt: skip
LABEL: Final = "document.activeElement.getAttribute('aria-label')"


@dataclass
class OpenShop:
    """A shop, its sale, and what the ledger says of it."""

    url: str
    sale: Sale

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


@asynccontextmanager
async def open_shop(
    service: Service, http: aiohttp.ClientSession, **fields: object
) -> AsyncIterator[OpenShop]:
    """The shop of a fresh hall, or of the sale that `fields` describe."""
    url = f"http://127.0.0.1:{free_port()}"
    sale = await make_sale(service, http, url, {**HALL, **fields})
    runner = web.AppRunner(create_shop(service.url, url, sale.name, service.operator_key))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(url.rsplit(":", 1)[1])).start()
    try:
        yield OpenShop(url, sale)
    finally:
        await runner.cleanup()


async def walk_in(page: Page, store: OpenShop) -> None:
    """From the landing page through the line to the map."""
    await page.go(store.url)
    await page.click("main a.button")
    await page.until("location.pathname === '/seats'", seconds=30)
    await page.until("!!document.getElementById('shop') && !document.getElementById('shop').hidden")


async def focus_map(page: Page) -> str:
    await page.run("document.querySelector('.cursor[tabindex=\"0\"]').focus()")
    return str(await page.run(LABEL))


async def hold_best(page: Page) -> None:
    await page.click("#best .button")
    await page.until("!!document.querySelector('.hold')")


async def pay(page: Page, answer: str = "approved") -> None:
    """Pays for the first hold in the cart; the order is shown when the bank approves."""
    await page.click(".hold .button")
    await page.click(f"input[value={answer}]")
    await page.click("#payment .button")
    if answer == "approved":
        await page.until("location.pathname.startsWith('/orders/')")
