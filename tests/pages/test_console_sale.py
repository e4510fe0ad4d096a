"""A new operator sells a sale out with the console alone, in a browser."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path

from playwright.async_api import Page, expect
from support.api_client import Api
from support.pages.running_sale import Sale
from support.service.running import Service

PLAN = {
    "categories": [{"name": "I"}],
    "zones": [
        {
            "name": "Stalls",
            "rows": [
                {
                    "row_number": "A",
                    "seats": [
                        {
                            "seat_guid": f"A-{number}",
                            "seat_number": str(number),
                            "category": "I",
                            "position": {"x": 20 * number, "y": 0},
                        }
                        for number in range(1, 5)
                    ],
                }
            ],
        }
    ],
}


async def test_new_operator_sells_a_sale_out_with_the_console_alone(
    page: Page, service: Service, sale: Sale, tmp_path: Path
) -> None:
    name = f"gala-{secrets.token_hex(4)}"
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN))
    await sign_in(page, service)
    await create(page, name, plan)
    await open_sale(page)
    await change_rate(page)
    await block_seat(page)
    await buy_everything(sale.operator, name)
    await expect(page.locator(".headline")).to_contain_text("sold out")
    await close(page)
    await page.get_by_role("link", name="Report").click()
    await expect(page.locator("h1")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("540.00")
    counts = (await sale.operator.get(f"/v1/sales/{name}")).body
    assert (counts["state"], counts["counts"]["sold"]) == ("closed", 6)


async def sign_in(page: Page, service: Service) -> None:
    await page.goto(service.url)
    await page.get_by_role("link", name="Open the console").click()
    await page.get_by_label("API key").fill(service.operator_key)
    await page.get_by_role("button", name="Sign in").click()


async def create(page: Page, name: str, plan: Path) -> None:
    """A hall of four seats and three places, whose sale begins in years."""
    await page.get_by_role("link", name="New sale").click()
    await page.get_by_label("Name in addresses").fill(name)
    await page.get_by_label("Name that people read").fill("Spring Gala")
    await page.get_by_label("Sale from", exact=True).fill("2090-01-01T09:00")
    await page.get_by_label("Area 1", exact=True).fill("Floor")
    await page.get_by_label("Places in area 1").fill("3")
    await page.get_by_label("Price in area 1").fill("90.00")
    await page.get_by_label("Seating plan (pretix JSON)").set_input_files(plan)
    await page.get_by_label("Prices of the plan's categories").fill("I 90.00")
    await page.get_by_role("button", name="Create the sale").click()
    await expect(page.locator("h1")).to_have_text(re.compile("Spring Gala scheduled"))


async def open_sale(page: Page) -> None:
    await page.get_by_role("button", name="Open now").click()
    await expect(page.locator("h1")).to_have_text("Open Spring Gala now?")
    await page.get_by_role("button", name="Open now").click()
    await expect(page.locator("h1")).to_have_text(re.compile("Spring Gala open"))


async def change_rate(page: Page) -> None:
    """The effect is told while the number is typed; nothing has changed until it is applied."""
    await page.get_by_label("Visitors a minute").fill("1200")
    await expect(page.locator("#effect")).to_contain_text("at 1,200 a minute")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.get_by_role("status").first).to_contain_text("Rate and cap are set.")
    await expect(page.get_by_role("button", name="Undo")).to_be_visible()


async def block_seat(page: Page) -> None:
    await page.get_by_role("link", name="Seats").click()
    await page.get_by_label("Seats by").fill("A-4")
    await page.get_by_role("button", name="Block", exact=True).click()
    await page.get_by_role("link", name="Live").click()


async def buy_everything(operator: Api, name: str) -> None:
    """Buyers who come by the API, as a shop's do."""
    buyer = await operator.as_(None).admitted(name)
    for wanted in ({"seats": ["A-1", "A-2", "A-3"]}, {"areas": [{"id": "floor-1", "quantity": 3}]}):
        hold = await buyer.hold(name, wanted)
        assert hold.status == 201, hold
        confirmed = await operator.confirm(name, hold.body)
        assert confirmed.status == 200, confirmed


async def close(page: Page) -> None:
    await page.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="Close").click()
    await expect(page.locator("h1")).to_have_text(re.compile("Spring Gala closed"))
