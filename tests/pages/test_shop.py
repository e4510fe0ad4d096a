"""The demo's shop, tests of the page in a real browser: its ways, the map by keyboard and touch."""

from __future__ import annotations

import aiohttp
import pytest
from api_client import Api
from chromium import DESKTOP, PHONE, Chromium
from running_service import Service
from storefront_kit import LABEL, OpenShop, focus_map, hold_best, walk_in

NARROW = (320, 640)


async def test_buyer_chooses_by_keyboard_pays_and_sees_the_order(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        assert "holdfast_token" not in await page.run("location.href")
        first = await focus_map(page)
        assert first == "Block D, row 6, seat 1, II, €45.00, free"
        await page.press("Enter", "ArrowRight")
        assert await page.run(LABEL) == "Block D, row 6, seat 2, II, €45.00, free"
        await page.press(" ")
        assert (await page.run(LABEL)).endswith("selected")
        assert "€90.00" in await page.text("#choice-total")
        await page.click("#hold")
        await page.until("!!document.querySelector('.hold')")
        assert await page.text(".hold .left") in {"1:00", "0:59", "0:58"}
        await page.click(".hold .button")
        await page.click("#payment .button")
        await page.until("location.pathname.startsWith('/orders/')")
        assert "Block D, row 6, seat 1" in await page.text("main")
        assert "€90.00" in await page.text(".total")
        assert page.complaints == []
        hosts = {"/".join(address.split("/")[:3]) for address in page.requests}
        assert hosts == {store.url, store.sale.operator.url}
    [order] = await store.orders()
    assert (order["status"], order["amount"]) == ("confirmed", 9000)


async def test_arrows_go_where_the_eye_goes(store: OpenShop, browser: Chromium) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await focus_map(page)
        seen = []
        for key in ("ArrowDown", "ArrowLeft", "ArrowUp", "End", "PageDown", "PageUp"):
            await page.press(key)
            seen.append(", ".join(str(await page.run(LABEL)).split(", ")[:3]))
        # Row 6 begins at x -125, row 7 with seat 1 at x -250: below seat 1 is seat 6.
        assert seen == [
            "Block D, row 7, seat 6",
            "Block D, row 7, seat 5",
            "Block D, row 6, seat 1",
            "Block D, row 6, seat 10",
            "Block E, row 6, seat 1",
            "Block D, row 6, seat 1",
        ]
        assert await page.run("document.querySelectorAll('.cursor[tabindex=\"0\"]').length") == 1


async def test_paying_ends_the_session_and_frees_the_place(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await hold_best(page)
        await page.click(".hold .button")
        await page.click("#payment .button")
        await page.until("location.pathname.startsWith('/orders/')")
        await page.go(f"{store.url}/seats")
        await page.until("!document.getElementById('gate').hidden")


async def test_declined_payment_keeps_the_cart(store: OpenShop, browser: Chromium) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await hold_best(page)
        await page.click(".hold .button")
        await page.click("input[value=declined]")
        await page.click("#payment .button")
        await page.until("document.getElementById('toast').textContent.includes('declined')")
        assert await page.run("document.querySelectorAll('.hold').length") == 1
        await page.click(".hold .button")
        await page.click("input[value=approved]")
        await page.click("#payment .button")
        await page.until("location.pathname.startsWith('/orders/')")
    assert [order["status"] for order in await store.orders()] == ["confirmed"]


async def test_order_is_shown_to_its_buyer_only(store: OpenShop, browser: Chromium) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await hold_best(page)
        await page.click(".hold .button")
        await page.click("#payment .button")
        await page.until("location.pathname.startsWith('/orders/')")
        address = await page.run("location.href")
    async with browser.page(DESKTOP) as stranger:
        await stranger.go(address)
        assert "seat" not in await stranger.text("body")


async def test_hold_of_another_buyer_cannot_be_paid(store: OpenShop) -> None:
    owner, thief = await store.buyer(), await store.buyer()
    held = await owner.hold(store.sale.name, {"seats": ["D-6-1"]})
    shop = Api(thief.http, store.url, thief.token)
    paid = await shop.post("/pay", {"hold": held.body["id"], "outcome": "approved"})
    assert (paid.status, paid.code) == (403, "not_owner")
    assert await store.orders() == []


async def test_giving_back_and_other_buyers_show_at_once(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await focus_map(page)
        await page.press("Enter")
        other = await store.buyer()
        taken = await other.hold(store.sale.name, {"seats": ["D-6-1"]})
        assert taken.status == 201
        await page.until(f"{LABEL}.endsWith('held by somebody')")
        await page.until("document.querySelectorAll('#choice li').length === 0")
        await page.until("document.getElementById('toast').textContent.startsWith('Taken by')")
        await other.post(f"/v1/sales/{store.sale.name}/holds/{taken.body['id']}/release")
        await page.until(f"{LABEL}.endsWith('free')")
        await page.press("Enter")
        await page.click("#hold")
        await page.until("!!document.querySelector('.hold')")
        await page.click(".hold .plain")
        await page.until("document.getElementById('cart').hidden")
        seats = await store.sale.visitor.get(f"/v1/sales/{store.sale.name}/seats")
        assert seats.body["counts"]["held"] == 0


async def test_seat_that_is_gone_is_told_not_held(store: OpenShop, browser: Chromium) -> None:
    """Given a page that hears of no change: a stream that is open already would tell it in time."""
    async with browser.page(DESKTOP) as page:
        await page.answer("/changes", lambda _: None)
        await walk_in(page, store)
        await focus_map(page)
        await page.press("Enter")
        other = await store.buyer()
        await other.hold(store.sale.name, {"seats": ["D-6-1"]})
        await page.click("#hold")
        await page.until("document.getElementById('toast').textContent.includes('quicker')")
        assert await page.run("document.querySelectorAll('.hold').length") == 0


async def test_floor_is_bought_by_number_and_within_what_is_free(
    store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(PHONE) as page:
        await walk_in(page, store)
        await page.until("document.querySelector('.area .hint').textContent === '5 free'")
        for _ in range(7):
            await page.click(".area .stepper button:last-child")
        assert await page.text(".area output") == "5"
        await page.click("#hold")
        await page.until("!!document.querySelector('.hold')")
        assert "5 \N{MULTIPLICATION SIGN} Standing floor" in await page.text(".hold")
        await page.until("document.querySelector('.area .hint').textContent === 'none free'")


async def test_cart_runs_out_and_says_so(
    service: Service, http: aiohttp.ClientSession, store: OpenShop, browser: Chromium
) -> None:
    await store.sale.change(hold_seconds=2)
    async with browser.page(DESKTOP) as page:
        await walk_in(page, store)
        await hold_best(page)
        await page.until("document.getElementById('cart').hidden")
        assert "run out" in await page.text("#toast")


async def test_touch_zooms_before_it_picks(store: OpenShop, browser: Chromium) -> None:
    async with browser.page(PHONE) as page:
        await walk_in(page, store)
        left, top, width, height = await page.run(
            "(() => { const b = document.getElementById('map').getBoundingClientRect();"
            "return [b.x, b.y, b.width, b.height]; })()"
        )
        picked = "document.querySelectorAll('#choice li').length"
        await page.mouse(left + width / 2, top + height * 0.62)
        assert await page.run(picked) == 0
        await page.mouse(left + width / 2, top + height / 2)
        assert await page.run(picked) == 1
        assert "Block E" in await page.text("#choice")


@pytest.mark.parametrize("size", [NARROW, PHONE, DESKTOP, (1920, 1080)])
async def test_shop_fits_and_can_be_touched(
    size: tuple[int, int], store: OpenShop, browser: Chromium
) -> None:
    async with browser.page(size) as page:
        await walk_in(page, store)
        await hold_best(page)
        assert await page.run("document.documentElement.scrollWidth - innerWidth") <= 0
        small = (
            "[...document.querySelectorAll('button, a, select')].filter(t => t.checkVisibility() &&"
            " !t.matches('.cursor') && Math.round(t.getBoundingClientRect().height) < 48)"
            ".map(t => t.outerHTML)"
        )
        assert await page.run(small) == []


async def test_without_a_turn_nobody_is_inside(store: OpenShop, browser: Chromium) -> None:
    async with browser.page(PHONE) as page:
        await page.go(f"{store.url}/seats")
        await page.until("!document.getElementById('gate').hidden")
        await page.go(f"{store.url}/seats?holdfast_token=forged")
        await page.until("!document.getElementById('gate').hidden")
        assert await page.run("document.getElementById('shop') === null")


async def test_pages_hold_no_inline_code(store: OpenShop, http: aiohttp.ClientSession) -> None:
    async with http.get(await store.way_in(), allow_redirects=False) as entered:
        visit = entered.cookies.output(attrs=[], header="", sep=";").strip()
    for path in ("/", "/seats", "/seats?plain=1", "/leave"):
        async with http.get(store.url + path, headers={"Cookie": visit}) as response:
            assert response.status == 200
            document = await response.text()
            policy = response.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert f"connect-src 'self' {store.sale.operator.url};" in policy
        assert "<style" not in document
        assert " style=" not in document
        assert " onclick" not in document
