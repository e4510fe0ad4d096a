"""Every scene of the demo's shop, with scripts and without: how to bring a page into it.

The shop, the service and the browser are real; only faults are answered in the service's stead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from chromium import Page
from storefront_kit import (
    OpenShop,
    answer_for_service,
    come_to_the_seats,
    focus_map,
    hold_best,
    pay,
    throttle,
    walk_in,
    walk_in_without_scripts,
)

BUSY: Final = {"code": "overloaded", "detail": "More requests are in flight than is sound."}
TAKEN: Final = {"code": "seat_unavailable", "conflicts": ["D-6-1"]}
AREAS: Final = (
    {"id": "floor", "name": "Standing floor", "capacity": 400, "category": "GA"},
    {"id": "balcony", "name": "شرفة (Balcony)", "capacity": 50, "category": "VIP"},
)
SLOW_BYTES_PER_SECOND: Final = 2_000
TOAST_IS_SHOWN: Final = "document.getElementById('toast').classList.contains('on')"

_Arrange = Callable[[Page, OpenShop], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Scene:
    """How a page comes into a scene; `sale` are the fields of the sale that it wants."""

    arrange: _Arrange
    sale: Mapping[str, object] = field(default_factory=dict)


async def landing(page: Page, store: OpenShop) -> None:
    await page.go(store.url)


async def landing_of_who_returns(page: Page, store: OpenShop) -> None:
    await cart(page, store)
    await page.go(store.url)


async def landing_after_leaving(page: Page, store: OpenShop) -> None:
    await page.go(f"{store.url}/?left")


async def landing_sold_out(page: Page, store: OpenShop) -> None:
    await store.sell_out()
    await page.go(store.url)


async def landing_closed(page: Page, store: OpenShop) -> None:
    await store.sale.tell("close")
    await page.go(store.url)


async def no_turn(page: Page, store: OpenShop) -> None:
    await page.go(f"{store.url}/seats")


async def turn_used(page: Page, store: OpenShop) -> None:
    await page.go(f"{store.url}/seats?turn=used")


async def seats(page: Page, store: OpenShop) -> None:
    await walk_in(page, store)


async def keyboard(page: Page, store: OpenShop) -> None:
    await walk_in(page, store)
    await focus_map(page)


async def selection(page: Page, store: OpenShop) -> None:
    await keyboard(page, store)
    await page.press("Enter", "ArrowRight", "Enter")
    await page.click(".area .stepper button:last-child")


async def cart(page: Page, store: OpenShop) -> None:
    await walk_in(page, store)
    await hold_best(page)
    await page.until(f"!{TOAST_IS_SHOWN}")


async def checkout(page: Page, store: OpenShop) -> None:
    await cart(page, store)
    await page.click(".hold .button")
    await page.until("document.getElementById('payment').open")


async def payment_unknown(page: Page, store: OpenShop) -> None:
    await cart(page, store)
    await page.answer("/pay", lambda _: None)
    await page.click(".hold .button")
    await page.click("#payment .button")
    await page.until("document.getElementById('toast').textContent.includes('not known yet')")


async def leaving(page: Page, store: OpenShop) -> None:
    await cart(page, store)
    await page.click("#leave")
    await page.until("document.getElementById('leaving').open")


async def order(page: Page, store: OpenShop) -> None:
    await cart(page, store)
    await pay(page)


async def refused(page: Page, store: OpenShop) -> None:
    await selection(page, store)
    await answer_for_service(page, "/holds", 409, TAKEN)
    await page.click("#hold")
    await page.until("document.getElementById('toast').textContent.includes('quicker')")


async def expired(page: Page, store: OpenShop) -> None:
    await walk_in(page, store)
    await hold_best(page)
    await page.until("document.getElementById('toast').textContent.includes('run out')")


async def session_over(page: Page, store: OpenShop) -> None:
    await walk_in(page, store)
    await answer_for_service(page, "/holds", 409, {"code": "pass_ended"})
    await page.click("#best .button")
    await page.until("!document.getElementById('gate').hidden")


async def sold_out(page: Page, store: OpenShop) -> None:
    await walk_in(page, store)
    await store.sell_out()
    await page.go(f"{store.url}/seats")
    await page.until("document.getElementById('choice-hint').textContent.startsWith('Sold out')")


async def plan_loading(page: Page, store: OpenShop) -> None:
    await plan_failed(page, store)
    await page.let_through()
    await throttle(page, SLOW_BYTES_PER_SECOND)
    await page.click("#loading-again")
    await page.until("/of .* kB/.test(document.getElementById('loading-said').textContent)")


async def plan_failed(page: Page, store: OpenShop) -> None:
    await answer_for_service(page, "/plan", 503, BUSY)
    await come_to_the_seats(page, store)
    await page.until("document.getElementById('loading-trouble').textContent !== ''")


async def plan_refused(page: Page, store: OpenShop) -> None:
    await answer_for_service(page, "/plan", 404, {"detail": "There is no such sale."})
    await come_to_the_seats(page, store)
    await page.until("document.getElementById('loading-trouble').textContent !== ''")


async def map_out_of_date(page: Page, store: OpenShop) -> None:
    await answer_for_service(page, "/changes", 503, BUSY)
    await walk_in(page, store)
    await page.until("document.getElementById('stale').textContent !== ''")


async def problem(page: Page, store: OpenShop) -> None:
    async with store.line.cut():
        await page.go(store.url)


async def nothing_here(page: Page, store: OpenShop) -> None:
    await page.go(f"{store.url}/nowhere")


async def plain(page: Page, store: OpenShop) -> None:
    await walk_in_without_scripts(page, store)


async def plain_cart(page: Page, store: OpenShop) -> None:
    await plain(page, store)
    await page.click("form[aria-labelledby=best-heading] .button")
    await page.until("!!document.querySelector('.hold')")


async def plain_landing(page: Page, store: OpenShop) -> None:
    await plain_cart(page, store)
    await page.go(store.url)


async def plain_declined(page: Page, store: OpenShop) -> None:
    await plain_cart(page, store)
    await page.run("document.querySelector('.hold select').value = 'declined'")
    await page.click(".hold .fields .button")
    await page.until("location.pathname === '/pay'")


async def plain_leaving(page: Page, store: OpenShop) -> None:
    await plain_cart(page, store)
    await page.click("a[href='/leave']")
    await page.until("location.pathname === '/leave'")


async def plain_order(page: Page, store: OpenShop) -> None:
    await plain_cart(page, store)
    await page.click(".hold .fields .button")
    await page.until("location.pathname.startsWith('/orders/')")


async def plain_sold_out(page: Page, store: OpenShop) -> None:
    await plain(page, store)
    await store.sell_out()
    await page.go(f"{store.url}/seats?plain=1")


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
    "plain": Scene(plain),
    "plain-cart": Scene(plain_cart),
    "plain-landing": Scene(plain_landing),
    "plain-declined": Scene(plain_declined),
    "plain-leaving": Scene(plain_leaving),
    "plain-order": Scene(plain_order),
    "plain-sold-out": Scene(plain_sold_out),
}


async def open_scene(page: Page, store: OpenShop, name: str) -> None:
    """Brings the page into a scene."""
    await SCENES[name].arrange(page, store)
