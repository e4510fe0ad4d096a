"""Every scene of the demo's shop, with scripts and without: how to bring a page into it.

The shop, the service and the browser are real; only faults are answered in the service's stead.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from playwright.async_api import Page, expect
from support.pages.browser import PHONE, OpenPage, arrive, lose_requests, throttle
from support.pages.open_shop import OpenShop, open_shop
from support.pages.shop_visit import (
    answer_for_service,
    come_to_the_seats,
    focus_map,
    hold_best,
    pay,
    submit_payment,
    walk_in,
    walk_in_without_scripts,
)
from support.service.running import Service

BUSY: Final = {"code": "overloaded", "detail": "More requests are in flight than is sound."}
TAKEN: Final = {"code": "seat_unavailable", "conflicts": ["D-6-1"]}
AREAS: Final = (
    {"id": "floor", "name": "Standing floor", "capacity": 400, "category": "GA"},
    {"id": "balcony", "name": "شرفة (Balcony)", "capacity": 50, "category": "VIP"},
)
SLOW_BYTES_PER_SECOND: Final = 300

_Arrange = Callable[[Page, OpenShop], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Scene:
    """How a page comes into a scene."""

    arrange: _Arrange
    sale: Mapping[str, object] = field(default_factory=dict)
    """Fields of the sale that it wants."""
    scripts: bool = True
    """Whether the page's context runs scripts."""


async def landing(page: Page, store: OpenShop) -> None:
    await page.goto(store.url)


async def landing_of_who_returns(page: Page, store: OpenShop) -> None:
    await holding(page, store)
    await page.goto(store.url)


async def landing_after_leaving(page: Page, store: OpenShop) -> None:
    await page.goto(f"{store.url}/?left")


async def landing_sold_out(page: Page, store: OpenShop) -> None:
    await store.sell_out()
    await page.goto(store.url)


async def landing_closed(page: Page, store: OpenShop) -> None:
    await store.sale.tell("close")
    await page.goto(store.url)


async def no_turn(page: Page, store: OpenShop) -> None:
    await page.goto(f"{store.url}/seats")


async def turn_used(page: Page, store: OpenShop) -> None:
    await page.goto(f"{store.url}/seats?turn=used")


async def seats(page: Page, store: OpenShop) -> None:
    await walk_in(page, store)


async def keyboard(page: Page, store: OpenShop) -> None:
    await walk_in(page, store)
    await focus_map(page)


async def selection(page: Page, store: OpenShop) -> None:
    await keyboard(page, store)
    for key in ("Enter", "ArrowRight", "Enter"):
        await page.keyboard.press(key)
    await page.locator(".area .stepper button:last-child").click()


async def holding(page: Page, store: OpenShop) -> None:
    """A cart that is not empty; that it was filled is still said over the page."""
    await walk_in(page, store)
    await hold_best(page)


async def cart(page: Page, store: OpenShop) -> None:
    await holding(page, store)
    await page.locator("#toast.on").click()
    await expect(page.locator("#toast")).not_to_contain_class("on")


async def checkout(page: Page, store: OpenShop) -> None:
    await holding(page, store)
    await page.locator(".hold .button").click()
    await expect(page.locator("#payment")).to_be_visible()


async def payment_unknown(page: Page, store: OpenShop) -> None:
    await holding(page, store)
    await lose_requests(page, "**/pay")
    await submit_payment(page)
    await expect(page.locator("#toast")).to_contain_text("not known yet")


async def leaving(page: Page, store: OpenShop) -> None:
    await holding(page, store)
    await page.locator("#leave").click()
    await expect(page.locator("#leaving")).to_be_visible()


async def order(page: Page, store: OpenShop) -> None:
    await holding(page, store)
    await pay(page)


async def refused(page: Page, store: OpenShop) -> None:
    await selection(page, store)
    await answer_for_service(page, "/holds", 409, TAKEN)
    await page.locator("#hold").click()
    await expect(page.locator("#toast")).to_contain_text("quicker")


async def expired(page: Page, store: OpenShop) -> None:
    """Not by way of `holding`: the hold may be over before anybody has looked at it."""
    await walk_in(page, store)
    await page.locator("#best .button").click()
    await expect(page.locator("#toast")).to_contain_text("run out")


async def session_over(page: Page, store: OpenShop) -> None:
    await walk_in(page, store)
    await answer_for_service(page, "/holds", 409, {"code": "pass_ended"})
    await page.locator("#best .button").click()
    await expect(page.locator("#gate")).to_be_visible()


async def sold_out(page: Page, store: OpenShop) -> None:
    await walk_in(page, store)
    await store.sell_out()
    await page.goto(f"{store.url}/seats")
    await expect(page.locator("#choice-hint")).to_have_text(re.compile("^Sold out"))


async def plan_loading(page: Page, store: OpenShop) -> None:
    await plan_failed(page, store)
    await page.unroute_all()
    await throttle(page, SLOW_BYTES_PER_SECOND)
    await page.locator("#loading-again").click()
    await expect(page.locator("#loading-said")).to_have_text(re.compile("of .* kB"))


async def plan_failed(page: Page, store: OpenShop) -> None:
    await answer_for_service(page, "/plan", 503, BUSY)
    await come_to_the_seats(page, store)
    await expect(page.locator("#loading-trouble")).not_to_be_empty()


async def plan_refused(page: Page, store: OpenShop) -> None:
    await answer_for_service(page, "/plan", 404, {"detail": "There is no such sale."})
    await come_to_the_seats(page, store)
    await expect(page.locator("#loading-trouble")).not_to_be_empty()


async def map_out_of_date(page: Page, store: OpenShop) -> None:
    await answer_for_service(page, "/changes", 503, BUSY)
    await walk_in(page, store)
    await expect(page.locator("#stale")).not_to_be_empty()


async def problem(page: Page, store: OpenShop) -> None:
    async with store.line.cut():
        await page.goto(store.url)


async def nothing_here(page: Page, store: OpenShop) -> None:
    await page.goto(f"{store.url}/nowhere")


async def plain(page: Page, store: OpenShop) -> None:
    await walk_in_without_scripts(page, store)


async def plain_cart(page: Page, store: OpenShop) -> None:
    await plain(page, store)
    await page.locator("form[aria-labelledby=best-heading] .button").click()
    await expect(page.locator(".hold")).to_be_visible()


async def plain_landing(page: Page, store: OpenShop) -> None:
    await plain_cart(page, store)
    await page.goto(store.url)


async def plain_declined(page: Page, store: OpenShop) -> None:
    await plain_cart(page, store)
    await page.locator(".hold select").select_option("declined")
    await page.locator(".hold .fields .button").click()
    await arrive(page, "/pay")


async def plain_leaving(page: Page, store: OpenShop) -> None:
    await plain_cart(page, store)
    await page.locator("a[href='/leave']").click()
    await arrive(page, "/leave")


async def plain_order(page: Page, store: OpenShop) -> None:
    await plain_cart(page, store)
    await page.locator(".hold .fields .button").click()
    await page.wait_for_url("**/orders/*")


async def plain_sold_out(page: Page, store: OpenShop) -> None:
    await plain(page, store)
    await store.sell_out()
    await page.goto(f"{store.url}/seats?plain=1")


STANDING: Final[Mapping[str, object]] = {"plan": None, "areas": AREAS}
SCENES: Final[Mapping[str, Scene]] = {
    "landing": Scene(landing),
    "landing-returning": Scene(landing_of_who_returns),
    "landing-left": Scene(landing_after_leaving),
    "landing-sold-out": Scene(landing_sold_out),
    "landing-closed": Scene(landing_closed),
    "landing-rtl": Scene(landing, {"name": "حفلة الربيع (القاعة)"}),
    "no-turn": Scene(no_turn),
    "turn-used": Scene(turn_used),
    "seats": Scene(seats),
    "areas-only": Scene(seats, STANDING),
    "keyboard": Scene(keyboard),
    "selection": Scene(selection),
    "cart": Scene(cart),
    "countdown": Scene(cart, {"hold_seconds": 55}),
    "checkout": Scene(checkout),
    "payment-unknown": Scene(payment_unknown),
    "leaving": Scene(leaving),
    "order": Scene(order),
    "refused": Scene(refused),
    "expired": Scene(expired, {"hold_seconds": 2}),
    "session-over": Scene(session_over),
    "sold-out": Scene(sold_out),
    "plan-loading": Scene(plan_loading),
    "plan-failed": Scene(plan_failed),
    "plan-refused": Scene(plan_refused),
    "map-out-of-date": Scene(map_out_of_date),
    "problem": Scene(problem),
    "nothing-here": Scene(nothing_here),
    "plain": Scene(plain, scripts=False),
    "plain-cart": Scene(plain_cart, scripts=False),
    "plain-landing": Scene(plain_landing, scripts=False),
    "plain-declined": Scene(plain_declined, scripts=False),
    "plain-leaving": Scene(plain_leaving, scripts=False),
    "plain-order": Scene(plain_order, scripts=False),
    "plain-sold-out": Scene(plain_sold_out, scripts=False),
}


@asynccontextmanager
async def open_scene(
    opening: OpenPage, service: Service, http: aiohttp.ClientSession, name: str
) -> AsyncIterator[Page]:
    """A phone's page in the scene of this name, in front of a sale of its own."""
    scene = SCENES[name]
    async with (
        open_shop(service, http, **scene.sale) as store,
        opening(PHONE, scripts=scene.scripts) as page,
    ):
        await scene.arrange(page, store)
        yield page
