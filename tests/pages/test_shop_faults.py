"""The demo's shop on bad days: what is slow says how far it is, what fails is asked for again, and
the page says what is wrong.
"""

from __future__ import annotations

import aiohttp
import pytest
from api_client import Api
from chromium import DESKTOP, PHONE, Chromium, Page
from running_service import Service
from storefront_kit import (
    OpenShop,
    answer_for_service,
    come_to_the_seats,
    hold_best,
    lose_calls_to_service,
    open_shop,
    pay,
    throttle,
    walk_in,
)

BUSY = {"code": "overloaded", "detail": "More requests are in flight than is sound."}
MAP_IS_SHOWN = "document.getElementById('shop')?.hidden === false"
SLOW_BYTES_PER_SECOND = 1_800  # of the plan's 35 kB, gzipped
STALL_MS = 15_000  # as in http.js


def asked_for(page: Page, part: str) -> int:
    return sum(address.split("?")[0].endswith(part) for address in page.requests)


async def test_plan_that_takes_long_shows_its_progress_and_comes(
    store: OpenShop, browser: Chromium
) -> None:
    """Longer than a request may go without a byte: progress is what counts, not time."""
    async with browser.page(PHONE) as page:
        await lose_calls_to_service(page, "/plan")
        await come_to_the_seats(page, store)
        await page.until("!document.getElementById('loading-again').hidden")
        await page.let_through()
        await throttle(page, SLOW_BYTES_PER_SECOND)
        await page.click("#loading-again")
        await page.until("/of .* kB/.test(document.getElementById('loading-said').textContent)")
        assert 0 < await page.run("document.getElementById('loading-bar').position") < 1
        started = await page.run("performance.now()")
        await page.until(MAP_IS_SHOWN, seconds=90)
        assert await page.run("performance.now()") - started > STALL_MS
        assert await page.text("#loading-trouble") == ""


@pytest.mark.parametrize("part", ["/plan", "/holds", "/seats"])
async def test_part_that_fails_is_told_and_asked_for_again(
    part: str, store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(PHONE) as page:
        await answer_for_service(page, part, 503, BUSY)
        await come_to_the_seats(page, store)
        await page.until("document.getElementById('loading-trouble').textContent !== ''")
        assert BUSY["detail"] in await page.text("#loading-trouble")
        assert "Trying again in" in await page.text("#loading-said")
        asked = asked_for(page, part)
        await page.click("#loading-again")
        await page.until("/in [0-9]+ s/.test(document.getElementById('loading-said').textContent)")
        assert asked_for(page, part) > asked
        await page.let_through()
        await page.until(MAP_IS_SHOWN, seconds=20)


async def test_plan_without_an_answer_says_so(store: OpenShop, browser: Chromium) -> None:
    async with browser.page(PHONE) as page:
        await lose_calls_to_service(page, "/plan")
        await come_to_the_seats(page, store)
        await page.until("document.getElementById('loading-trouble').textContent !== ''")
        assert "The service cannot be reached" in await page.text("#loading-trouble")
        await page.click("#loading a")
        await page.until("location.search === '?plain=1'")
        assert "Best available" in await page.text("main")


async def test_plan_that_is_refused_for_good_is_not_asked_for_again(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(PHONE) as page:
        await answer_for_service(page, "/plan", 404, {"detail": "No sale."})
        await come_to_the_seats(page, store)
        await page.until("document.getElementById('loading-trouble').textContent !== ''")
        assert await page.text("#loading-headline") == "The seats cannot be shown"
        assert await page.text("#loading-trouble") == "No sale."
        assert await page.run("document.getElementById('loading-again').hidden")


async def test_map_that_hears_nothing_says_so_until_it_does(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(DESKTOP) as page:
        await answer_for_service(page, "/changes", 503, BUSY)
        await walk_in(page, store)
        await page.until("document.getElementById('stale').textContent !== ''")
        assert "may be out of date" in await page.text("#stale")
        await page.let_through()
        await page.until("document.getElementById('stale').textContent === ''", seconds=20)


async def test_payment_whose_answer_is_lost_is_asked_for_again(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await hold_best(page)
        await page.answer("/pay", lambda _: None)
        await page.click(".hold .button")
        await page.click("#payment .button")
        await page.until("document.getElementById('toast').textContent.includes('not known yet')")
        assert await page.text(".hold .button") == "Paying…"
        assert await page.run("document.querySelector('.hold .button').disabled")
        await page.let_through()
        await page.until("location.pathname.startsWith('/orders/')", seconds=30)
    assert [order["status"] for order in await store.orders()] == ["confirmed"]


async def test_payment_that_cannot_be_made_keeps_the_cart(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await hold_best(page)
        async with store.line.cut():
            await page.click(".hold .button")
            await page.click("#payment .button")
            await page.until(
                "document.getElementById('toast').textContent.includes('nobody is charged twice')",
                seconds=60,
            )
        assert not await page.run("document.querySelector('.hold .button').disabled")
        await pay(page)


async def test_payment_paid_twice_is_one_order(store: OpenShop) -> None:
    """A browser that never got the answer asks again, after its session was ended by the first."""
    buyer = await store.buyer()
    held = await buyer.hold(store.sale.name, {"seats": ["D-6-1"]})
    shop = Api(buyer.http, store.url, buyer.token)
    wish = {"hold": held.body["id"], "outcome": "approved"}
    first, second = await shop.post("/pay", wish), await shop.post("/pay", wish)
    assert (first.status, second.status) == (200, 200)
    assert first.body == second.body
    assert len(await store.orders()) == 1


async def test_session_that_was_ended_is_told_and_forgotten(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await answer_for_service(page, "/holds", 409, {"code": "pass_ended"})
        await page.click("#best .button")
        await page.until("!document.getElementById('gate').hidden")
        assert "Your time in the shop is over" in await page.text("#gate")
        await page.let_through()
        await page.until(
            "fetch('/').then(r => r.text()).then(t => !t.includes('You are in the shop'))"
        )


async def test_nothing_jumps_on_a_slow_line(
    service: Service, http: aiohttp.ClientSession, browser: Chromium
) -> None:
    """Cumulative layout shift below 0.1, from the landing page to a hold in the cart."""
    async with open_shop(service, http) as store:
        for size in (PHONE, DESKTOP):
            async with browser.page(size) as page:
                await page.call(
                    "Page.addScriptToEvaluateOnNewDocument",
                    source="self.shift = 0; new PerformanceObserver(list => { for (const entry of"
                    " list.getEntries()) if (!entry.hadRecentInput) self.shift += entry.value; })"
                    ".observe({type: 'layout-shift', buffered: true});",
                )
                await throttle(page, 200_000, 600)
                await page.go(store.url)
                await page.until("document.getElementById('fact-stock').textContent !== ''")
                assert await page.run("shift") < 0.1
                await page.go(await store.way_in())
                await page.until(MAP_IS_SHOWN, seconds=30)
                await page.click("#best .button")
                await page.until("!!document.querySelector('.hold')")
                assert await page.run("shift") < 0.1
