"""The demo's shop, tests of the page in a real browser: its ways, the map by keyboard and touch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import aiohttp
import pytest
from playwright.async_api import Browser, Page, Route, expect
from support.api_client import Api
from support.pages.browser import (
    DESKTOP,
    NARROW,
    PHONE,
    WIDE,
    Size,
    complaints,
    open_page,
    record_requests,
    resize,
)
from support.pages.open_shop import OpenShop
from support.pages.shop_visit import (
    focus_map,
    hold_best,
    lose_calls,
    pay,
    submit_payment,
    walk_all_the_way,
    walk_in,
)

ROUNDS: Final = 4

SHOWN: Final = """state => {
  Object.defineProperty(document, "hidden", {value: state === "hidden", configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""As the browser does it when the tab is left and come back to."""


async def test_buyer_chooses_by_keyboard_pays_and_sees_the_order(
    store: OpenShop, page: Page
) -> None:
    requests = record_requests(page)
    await walk_all_the_way(page, store)
    assert "holdfast_token" not in page.url
    cursor = await focus_map(page)
    await expect(cursor).to_have_accessible_name("Block D, row 6, seat 1, II, €45.00, free")
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowRight")
    await expect(cursor).to_have_accessible_name("Block D, row 6, seat 2, II, €45.00, free")
    await page.keyboard.press(" ")
    await expect(cursor).to_have_accessible_name(re.compile("selected$"))
    await expect(page.locator("#choice-total")).to_contain_text("€90.00")
    await page.locator("#hold").click()
    await expect(page.locator(".hold .left")).to_have_text(re.compile("^(1:00|0:[0-5][0-9])$"))
    await pay(page)
    await expect(page.locator("main")).to_contain_text("Block D, row 6, seat 1")
    await expect(page.locator(".total")).to_contain_text("€90.00")
    assert await complaints(page) == []
    hosts = {"/".join(request.url.split("/")[:3]) for request in requests}
    assert hosts == {store.url, store.sale.operator.url}
    [order] = await store.orders()
    assert (order["status"], order["amount"]) == ("confirmed", 9000)


async def test_arrows_go_where_the_eye_goes(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    cursor = await focus_map(page)
    # Row 6 begins at x -125, row 7 with seat 1 at x -250: below seat 1 is seat 6.
    for key, seat in {
        "ArrowDown": "Block D, row 7, seat 6,",
        "ArrowLeft": "Block D, row 7, seat 5,",
        "ArrowUp": "Block D, row 6, seat 1,",
        "End": "Block D, row 6, seat 10,",
        "PageDown": "Block E, row 6, seat 1,",
        "PageUp": "Block D, row 6, seat 1,",
    }.items():
        await page.keyboard.press(key)
        await expect(cursor).to_have_accessible_name(re.compile(f"^{seat}"))
    await expect(page.locator(".cursor[tabindex='0']")).to_have_count(1)


async def test_paying_ends_the_session_and_frees_the_place(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    await hold_best(page)
    await pay(page)
    await page.goto(f"{store.url}/seats")
    await expect(page.locator("#gate")).to_be_visible()


async def test_declined_payment_keeps_the_cart(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    await hold_best(page)
    await submit_payment(page, "declined")
    await expect(page.locator("#toast")).to_contain_text("declined")
    await expect(page.locator(".hold")).to_have_count(1)
    await pay(page)
    assert [order["status"] for order in await store.orders()] == ["confirmed"]


async def test_order_is_shown_to_its_buyer_only(
    store: OpenShop, page: Page, browser: Browser
) -> None:
    await walk_in(page, store)
    await hold_best(page)
    await pay(page)
    async with open_page(browser) as stranger:
        await stranger.goto(page.url)
        await expect(stranger.locator("body")).not_to_contain_text("seat")


async def test_hold_of_another_buyer_cannot_be_paid(store: OpenShop) -> None:
    owner, thief = await store.buyer(), await store.buyer()
    held = await owner.hold(store.sale.name, {"seats": ["D-6-1"]})
    shop = Api(thief.http, store.url, thief.token)
    paid = await shop.post("/pay", {"hold": held.body["id"], "outcome": "approved"})
    assert (paid.status, paid.code) == (403, "not_owner")
    assert await store.orders() == []


async def test_giving_back_and_other_buyers_show_at_once(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    cursor = await focus_map(page)
    await page.keyboard.press("Enter")
    other = await store.buyer()
    taken = await other.hold(store.sale.name, {"seats": ["D-6-1"]})
    assert taken.status == 201
    await expect(cursor).to_have_accessible_name(re.compile("held by somebody$"))
    await expect(page.locator("#choice li")).to_have_count(0)
    await expect(page.locator("#toast")).to_have_text(re.compile("^Taken by"))
    await other.post(f"/v1/sales/{store.sale.name}/holds/{taken.body['id']}/release")
    await expect(cursor).to_have_accessible_name(re.compile("free$"))
    await page.keyboard.press("Enter")
    await page.locator("#hold").click()
    await expect(page.locator(".hold").first).to_be_visible()
    await page.locator(".hold .plain").click()
    await expect(page.locator("#cart")).to_be_hidden()
    await store.await_held(0)


async def test_map_that_nobody_looks_at_is_told_when_somebody_does(
    store: OpenShop, page: Page
) -> None:
    """Given a tab that is hidden: its stream is closed, and another takes up where it left."""
    async with page.expect_request("**/changes?form=net*") as first:
        await walk_in(page, store)
    cursor = await focus_map(page)
    request = await first.value
    async with page.expect_event("requestfailed", lambda lost: lost.url == request.url):
        await page.evaluate(SHOWN, "hidden")
    other = await store.buyer()
    assert (await other.hold(store.sale.name, {"seats": ["D-6-1"]})).status == 201
    async with page.expect_request("**/changes?form=net*") as second:
        await page.evaluate(SHOWN, "visible")
    assert "after=" in (await second.value).url
    await expect(cursor).to_have_accessible_name(re.compile("held by somebody$"))


async def test_seat_let_go_right_after_the_map_was_asked_for_is_free_again(
    store: OpenShop, page: Page
) -> None:
    """Given seats that are held when the buyer's own action asks for changes, and let go before the
    stream has its next message: net changes tell nothing of them. Several, since the service may
    read its map in between.
    """
    other, holds = await store.buyer(), f"/v1/sales/{store.sale.name}/holds"
    held: list[str] = []
    changes_told: list[int] = []

    async def hold_elsewhere(route: Route) -> None:
        answer = await other.hold(store.sale.name, {"seats": [f"D-6-{len(changes_told) + 1}"]})
        held.append(answer.body["id"])
        await route.fulfill(status=409, json={"code": "hold_limit_exceeded"})

    async def let_go_once_told(route: Route) -> None:
        answer = await route.fetch()
        await other.post(f"{holds}/{held[-1]}/release")
        changes_told.append(len((await answer.json())["changes"]))
        await route.fulfill(response=answer)

    async with page.expect_response("**/changes?form=net*"):
        await walk_in(page, store)
    await page.route(f"**{holds}", hold_elsewhere)
    await page.route("**/changes?after=*", let_go_once_told)
    for _ in range(ROUNDS):
        async with page.expect_response("**/changes?after=*"):
            await page.locator("#best .button").click()
    assert any(changes_told)
    seat = await focus_map(page)
    for _ in range(ROUNDS):
        await expect(seat).to_have_accessible_name(re.compile("free$"))
        await page.keyboard.press("ArrowRight")
    # The page may be asking for changes still: what it is answered fails when it is closed.
    await page.unroute_all(behavior="ignoreErrors")


async def test_seat_that_is_gone_is_told_not_held(store: OpenShop, page: Page) -> None:
    """Given a page that hears of no change: a stream that is open already would tell it in time."""
    await lose_calls(page, "/changes")
    await walk_in(page, store)
    await focus_map(page)
    await page.keyboard.press("Enter")
    other = await store.buyer()
    await other.hold(store.sale.name, {"seats": ["D-6-1"]})
    await page.locator("#hold").click()
    await expect(page.locator("#toast")).to_contain_text("quicker")
    await expect(page.locator(".hold")).to_have_count(0)


async def test_floor_is_bought_by_number_and_within_what_is_free(
    store: OpenShop, phone: Page
) -> None:
    await walk_all_the_way(phone, store)
    await expect(phone.locator(".area .hint")).to_have_text("5 free")
    for _ in range(7):
        await phone.locator(".area .stepper button:last-child").click()
    await expect(phone.locator(".area output")).to_have_text("5")
    await phone.locator("#hold").click()
    await expect(phone.locator(".hold")).to_contain_text("5 \N{MULTIPLICATION SIGN} Standing floor")
    await expect(phone.locator(".area .hint")).to_have_text("none free")


async def test_cart_runs_out_and_says_so(store: OpenShop, page: Page) -> None:
    await store.sale.change(hold_seconds=2)
    await walk_in(page, store)
    await page.locator("#best .button").click()
    await expect(page.locator("#toast")).to_contain_text("run out")
    await expect(page.locator("#cart")).to_be_hidden()


async def test_touch_zooms_before_it_picks(store: OpenShop, phone: Page) -> None:
    await walk_in(phone, store)
    box = await phone.locator("#map").bounding_box()
    assert box is not None
    middle, below = box["y"] + box["height"] / 2, box["y"] + box["height"] * 0.62
    picked = phone.locator("#choice li")
    await phone.touchscreen.tap(box["x"] + box["width"] / 2, below)
    await expect(picked).to_have_count(0)
    await phone.touchscreen.tap(box["x"] + box["width"] / 2, middle)
    await expect(picked).to_have_count(1)
    await expect(picked).to_contain_text("Block E")


@pytest.mark.parametrize("sizes", [(PHONE, NARROW), (DESKTOP, WIDE)])
async def test_shop_fits_and_can_be_touched(
    sizes: Sequence[Size], store: OpenShop, browser: Browser
) -> None:
    async with open_page(browser, sizes[0]) as page:
        await walk_in(page, store)
        await hold_best(page)
        for size in sizes:
            await resize(page, size)
            await assert_fits(page, size[0])


async def assert_fits(page: Page, width: int) -> None:
    """Fails when it scrolls sideways, or a target is hard to touch."""
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    small = (
        "[...document.querySelectorAll('button, a, select')].filter(t => t.checkVisibility() &&"
        " !t.matches('.cursor') && Math.round(t.getBoundingClientRect().height) < 48)"
        ".map(t => t.outerHTML)"
    )
    assert await page.evaluate(small) == []


async def test_without_a_turn_nobody_is_inside(store: OpenShop, phone: Page) -> None:
    await phone.goto(f"{store.url}/seats")
    await expect(phone.locator("#gate")).to_be_visible()
    await phone.goto(f"{store.url}/seats?holdfast_token=forged")
    await expect(phone.locator("#gate")).to_be_visible()
    await expect(phone.locator("#shop")).to_have_count(0)


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
