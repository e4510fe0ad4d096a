"""A visit to the demo's shop from its server's side: who returns is known, leaving gives back all,
and everything works without scripts.
"""

from __future__ import annotations

import re

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect
from support.api_client import Api
from support.pages.browser import PHONE, arrive, open_page
from support.pages.open_shop import OpenShop
from support.pages.shop_visit import (
    focus_map,
    hold_best,
    lose_calls,
    submit_payment,
    walk_in,
    walk_in_without_scripts,
)

ARABIC = "حفلة الربيع (القاعة)"


async def test_leaving_asks_first_and_staying_changes_nothing(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    await hold_best(page)
    await page.locator("#leave").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#leaving")).to_be_visible()
    await expect(page.locator("#leaving-said")).to_contain_text(
        "2 places in your cart will be on sale again"
    )
    await expect(page.locator(":focus")).to_have_text("Stay")
    await page.keyboard.press("Escape")
    await expect(page.locator("#leaving")).to_be_hidden()
    await store.await_held(2)


async def test_leaving_gives_back_cart_and_place(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    await hold_best(page)
    session = await page.evaluate("JSON.parse(document.getElementById('page-data').textContent)")
    await page.locator("#leave").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#leaving")).to_be_visible()
    await page.locator("#leaving .button").click()
    await arrive(page, "/")
    await expect(page.get_by_text("You have left the shop")).to_be_visible()
    await expect(page.locator("main")).not_to_contain_text("Leave the shop")
    await store.await_held(0)
    left = Api(store.sale.operator.http, store.sale.operator.url, session["pass"])
    refused = await left.hold(store.sale.name, {"seats": ["D-6-1"]})
    assert refused.code == "pass_ended"


async def test_leaving_fails_in_words_and_keeps_the_visit(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    await hold_best(page)
    async with store.line.cut():
        await page.locator("#leave").click()
        await page.locator("#leaving .button").click()
        await arrive(page, "/leave")
        await expect(page.get_by_text("You are still in the shop")).to_be_visible()
    await page.locator("main form .button").click()
    await arrive(page, "/")
    await store.await_held(0)


async def test_cart_of_a_declined_payment_can_be_given_back(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    await hold_best(page)
    await submit_payment(page, "declined")
    await expect(page.locator("#toast")).to_contain_text("declined")
    await page.locator(".hold .plain").click()
    await expect(page.locator("#cart")).to_be_hidden()
    await store.await_held(0)


async def test_returning_visitor_is_known_at_first_sight(
    store: OpenShop, phone: Page, browser: Browser
) -> None:
    await walk_in(phone, store)
    await hold_best(phone)
    kept = await phone.context.storage_state()
    async with open_page(browser, PHONE, scripts=False, state=kept) as again:
        await again.goto(store.url)
        await expect(again.locator(".yours")).to_contain_text("2 places in your cart")
        await again.locator(".yours a").click()
        await arrive(again, "/leave")
        await again.locator("main form .button").click()
        await arrive(again, "/")
        await expect(again.get_by_text("You have left the shop")).to_be_visible()
    await store.await_held(0)


async def test_whole_purchase_works_without_scripts(store: OpenShop, plain_phone: Page) -> None:
    await walk_in_without_scripts(plain_phone, store)
    await plain_phone.locator("form[aria-labelledby=best-heading] .button").click()
    await expect(plain_phone.locator(".hold").first).to_be_visible()
    await expect(plain_phone.locator(".notice")).not_to_contain_text("2")
    await plain_phone.locator(".hold .plain").click()
    await expect(plain_phone.locator(".notice")).to_have_text("Given back.")
    await plain_phone.locator("form[aria-label='Standing floor'] .button").click()
    await expect(plain_phone.locator(".hold").first).to_be_visible()
    await expect(plain_phone.locator(".hold .items")).to_contain_text("Standing floor")
    await plain_phone.locator(".hold select").select_option("declined")
    await plain_phone.locator(".hold .fields .button").click()
    await arrive(plain_phone, "/pay")
    await expect(plain_phone.get_by_text("The bank declined")).to_be_visible()
    await plain_phone.locator("main a.button").click()
    await expect(plain_phone.locator(".hold").first).to_be_visible()
    await plain_phone.locator(".hold .fields .button").click()
    await plain_phone.wait_for_url("**/orders/*")
    await plain_phone.goto(store.url)
    await expect(plain_phone.locator(".yours")).to_contain_text("Your order is booked and paid")
    assert [order["status"] for order in await store.orders()] == ["confirmed"]


async def test_sold_out_sale_says_so_at_first_sight(store: OpenShop, plain_phone: Page) -> None:
    await walk_in_without_scripts(plain_phone, store)
    await store.sell_out()
    await plain_phone.goto(f"{store.url}/seats?plain=1")
    await expect(plain_phone.locator(".notice")).to_contain_text("Sold out")
    await plain_phone.goto(store.url)
    await expect(plain_phone.locator(".kicker")).to_have_text("Sold out")
    await expect(plain_phone.locator("main")).not_to_contain_text("Buy tickets")


async def test_closed_sale_says_so_at_first_sight(store: OpenShop, plain_phone: Page) -> None:
    await store.sale.tell("close")
    await plain_phone.goto(store.url)
    await expect(plain_phone.locator(".kicker")).to_have_text("The sale is closed")
    await expect(plain_phone.locator("main")).not_to_contain_text("Buy tickets")


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


async def test_names_keep_their_own_direction(store: OpenShop, phone: Page) -> None:
    await store.sale.change(name=ARABIC)
    await phone.goto(store.url)
    await expect(phone.locator("h1")).to_have_css("direction", "rtl")
    await walk_in(phone, store)
    await expect(phone.locator(".brand")).to_have_css("direction", "rtl")
    await expect(phone.locator("#choice-heading")).to_have_css("direction", "ltr")
    await hold_best(phone)
    await expect(phone.locator(".hold li bdi")).to_have_count(2)


async def test_unknown_address_is_a_page_with_a_way_back(store: OpenShop, phone: Page) -> None:
    await phone.goto(f"{store.url}/nowhere")
    await expect(phone.get_by_text("There is nothing here")).to_be_visible()
    await phone.locator("main a.button").click()
    await arrive(phone, "/")


async def test_unreachable_service_is_a_page_with_its_code(store: OpenShop, phone: Page) -> None:
    async with store.line.cut():
        await phone.goto(store.url)
        await expect(phone.get_by_text("The service cannot be reached")).to_be_visible()
        await expect(phone.locator("code")).to_have_text("unreachable")
        await expect(phone.locator("main a.button")).to_have_text("Try again")


async def test_buyers_own_hold_in_the_way_is_told_as_theirs(store: OpenShop, page: Page) -> None:
    """Held in another tab, of which this one has not heard."""
    await lose_calls(page, "/changes")
    await walk_in(page, store)
    await focus_map(page)
    await page.keyboard.press("Enter")
    data = await page.evaluate("JSON.parse(document.getElementById('page-data').textContent)")
    other_tab = store.sale.operator.as_(data["pass"])
    assert (await other_tab.hold(store.sale.name, {"seats": ["D-6-1"]})).status == 201
    await page.locator("#hold").click()
    await expect(page.locator("#toast")).to_contain_text("yours already")
    await expect(page.locator("#toast")).to_contain_text("Block D, row 6, seat 1")
    await expect(page.locator(".hold").first).to_be_visible()
    await expect(page.locator("#choice li")).to_have_count(0)


async def test_hold_of_another_tab_comes_into_the_cart(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    cursor = await focus_map(page)
    await page.keyboard.press("Enter")
    data = await page.evaluate("JSON.parse(document.getElementById('page-data').textContent)")
    other_tab = store.sale.operator.as_(data["pass"])
    await other_tab.hold(store.sale.name, {"seats": ["D-6-1"]})
    await expect(page.locator(".hold").first).to_be_visible()
    await expect(page.locator("#toast")).not_to_contain_text("Taken by somebody else")
    await expect(cursor).to_have_accessible_name(re.compile("yours$"))
