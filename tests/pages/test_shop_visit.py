"""A visit to the demo's shop from its server's side: who returns is known, leaving gives back all,
and everything works without scripts.
"""

from __future__ import annotations

import aiohttp
import pytest
from api_client import Api
from chromium import DESKTOP, PHONE, Chromium
from storefront_kit import (
    LABEL,
    OpenShop,
    focus_map,
    hold_best,
    lose_calls_to_service,
    pay,
    walk_in,
    walk_in_without_scripts,
)

ARABIC = "حفلة الربيع (القاعة)"


async def test_leaving_asks_first_and_staying_changes_nothing(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await hold_best(page)
        await page.run("document.getElementById('leave').focus()")
        await page.press("Enter")
        await page.until("document.getElementById('leaving').open")
        assert "2 places in your cart will be on sale again" in await page.text("#leaving-said")
        assert await page.run("document.activeElement.textContent") == "Stay"
        await page.press("Escape")
        await page.until("!document.getElementById('leaving').open")
        assert (await store.counts())["held"] == 2


async def test_leaving_gives_back_cart_and_place(store: OpenShop, browser: Chromium) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await hold_best(page)
        session = await page.run("JSON.parse(document.getElementById('page-data').textContent)")
        await page.run("document.getElementById('leave').focus()")
        await page.press("Enter")
        await page.until("document.getElementById('leaving').open")
        await page.click("#leaving .button")
        await page.until("location.pathname === '/'")
        assert "You have left the shop" in await page.text("main")
        assert "Leave the shop" not in await page.text("main")
    assert (await store.counts())["held"] == 0
    left = Api(store.sale.operator.http, store.sale.operator.url, session["pass"])
    refused = await left.hold(store.sale.name, {"seats": ["D-6-1"]})
    assert refused.code == "pass_ended"


async def test_leaving_fails_in_words_and_keeps_the_visit(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await hold_best(page)
        async with store.line.cut():
            await page.click("#leave")
            await page.click("#leaving .button")
            await page.until("location.pathname === '/leave'")
            assert "You are still in the shop" in await page.text("main")
        await page.click("main form .button")
        await page.until("location.pathname === '/'")
    assert (await store.counts())["held"] == 0


async def test_cart_of_a_declined_payment_can_be_given_back(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await hold_best(page)
        await pay(page, "declined")
        await page.until("document.getElementById('toast').textContent.includes('declined')")
        await page.click(".hold .plain")
        await page.until("document.getElementById('cart').hidden")
    assert (await store.counts())["held"] == 0


async def test_returning_visitor_is_known_at_first_sight(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(PHONE) as page:
        await walk_in(page, store)
        await hold_best(page)
        await page.scripts(on=False)
        await page.go(store.url)
        assert "2 places in your cart" in await page.text(".yours")
        await page.click(".yours a")
        await page.until("location.pathname === '/leave'")
        await page.click("main form .button")
        await page.until("location.pathname === '/'")
        assert "You have left the shop" in await page.text("main")
    assert (await store.counts())["held"] == 0


async def test_whole_purchase_works_without_scripts(store: OpenShop, browser: Chromium) -> None:
    async with browser.page(PHONE) as page:
        await walk_in_without_scripts(page, store)
        await page.click("form[aria-labelledby=best-heading] .button")
        await page.until("!!document.querySelector('.hold')")
        assert "2" not in await page.text(".notice")
        await page.click(".hold .plain")
        await page.until("document.querySelector('.notice')?.innerText === 'Given back.'")
        await page.click("form[aria-label='Standing floor'] .button")
        await page.until("!!document.querySelector('.hold')")
        assert "Standing floor" in await page.text(".hold .items")
        await page.run("document.querySelector('.hold select').value = 'declined'")
        await page.click(".hold .fields .button")
        await page.until("location.pathname === '/pay'")
        assert "declined" in await page.text("main")
        await page.click("main a.button")
        await page.until("!!document.querySelector('.hold')")
        await page.click(".hold .fields .button")
        await page.until("location.pathname.startsWith('/orders/')")
        await page.go(store.url)
        assert "Your order is booked and paid" in await page.text(".yours")
    assert [order["status"] for order in await store.orders()] == ["confirmed"]


async def test_sold_out_sale_says_so_at_first_sight(store: OpenShop, browser: Chromium) -> None:
    async with browser.page(PHONE) as page:
        await walk_in_without_scripts(page, store)
        await store.sell_out()
        await page.go(f"{store.url}/seats?plain=1")
        assert "Sold out" in await page.text(".notice")
        await page.go(store.url)
        assert await page.text(".kicker") == "Sold out"
        assert "Buy tickets" not in await page.text("main")


async def test_closed_sale_says_so_at_first_sight(store: OpenShop, browser: Chromium) -> None:
    await store.sale.tell("close")
    async with browser.page(PHONE) as page:
        await page.scripts(on=False)
        await page.go(store.url)
        assert await page.text(".kicker") == "The sale is closed"
        assert "Buy tickets" not in await page.text("main")


async def test_hand_off_is_used_up_by_who_looks_and_not_by_who_asks_for_the_head(
    store: OpenShop, http: aiohttp.ClientSession
) -> None:
    address = await store.way_in()
    async with http.head(address) as response:
        assert response.status == 403
        assert "Set-Cookie" not in response.headers
    async with http.get(address, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/seats")
        cookie = response.headers["Set-Cookie"]
    assert cookie.startswith(f"shop_visit_{store.sale.name}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    async with http.get(address, allow_redirects=False) as response:
        assert response.headers["Location"] == "/seats?turn=used"


@pytest.mark.parametrize("action", ["leave", "pay", "release", "renew", "hold", "forget"])
async def test_other_sites_pages_change_nothing(
    action: str, store: OpenShop, http: aiohttp.ClientSession
) -> None:
    headers = {"Origin": "https://elsewhere.example"}
    async with http.post(f"{store.url}/{action}", headers=headers, data={}) as response:
        assert response.status == 403
        assert "cross_origin" in await response.text()


async def test_names_keep_their_own_direction(store: OpenShop, browser: Chromium) -> None:
    await store.sale.change(name=ARABIC)
    async with browser.page(PHONE) as page:
        await page.go(store.url)
        direction = "getComputedStyle(document.querySelector('%s')).direction"
        assert await page.run(direction % "h1") == "rtl"
        await walk_in(page, store)
        assert await page.run(direction % ".brand") == "rtl"
        assert await page.run(direction % "#choice-heading") == "ltr"
        await hold_best(page)
        assert await page.run("document.querySelectorAll('.hold li bdi').length") == 2


async def test_unknown_address_is_a_page_with_a_way_back(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(PHONE) as page:
        await page.go(f"{store.url}/nowhere")
        assert "There is nothing here" in await page.text("main")
        await page.click("main a.button")
        await page.until("location.pathname === '/'")


async def test_unreachable_service_is_a_page_with_its_code(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(PHONE) as page, store.line.cut():
        await page.go(store.url)
        assert "The service cannot be reached" in await page.text("main")
        assert await page.text("code") == "unreachable"
        assert await page.text("main a.button") == "Try again"


async def test_buyers_own_hold_in_the_way_is_told_as_theirs(
    store: OpenShop, browser: Chromium
) -> None:
    """Held in another tab, of which this one has not heard."""
    async with browser.page(DESKTOP) as page:
        await lose_calls_to_service(page, "/changes")
        await walk_in(page, store)
        await focus_map(page)
        await page.press("Enter")
        data = await page.run("JSON.parse(document.getElementById('page-data').textContent)")
        other_tab = store.sale.operator.as_(data["pass"])
        assert (await other_tab.hold(store.sale.name, {"seats": ["D-6-1"]})).status == 201
        await page.click("#hold")
        await page.until("document.getElementById('toast').textContent.includes('yours already')")
        assert "Block D, row 6, seat 1" in await page.text("#toast")
        await page.until("!!document.querySelector('.hold')")
        assert await page.run("document.querySelectorAll('#choice li').length") == 0


async def test_hold_of_another_tab_comes_into_the_cart(store: OpenShop, browser: Chromium) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await focus_map(page)
        await page.press("Enter")
        data = await page.run("JSON.parse(document.getElementById('page-data').textContent)")
        other_tab = store.sale.operator.as_(data["pass"])
        await other_tab.hold(store.sale.name, {"seats": ["D-6-1"]})
        await page.until("!!document.querySelector('.hold')")
        assert "Taken by somebody else" not in await page.text("#toast")
        assert (await page.run(LABEL)).endswith("yours")
