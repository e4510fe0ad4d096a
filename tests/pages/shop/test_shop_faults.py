"""The demo's shop on bad days: what is slow says how far it is, what fails is asked for again, and
the page says what is wrong.
"""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from support.api_client import Api
from support.pages.browser import (
    DESKTOP,
    LAYOUT_SHIFT,
    PHONE,
    layout_shift,
    lose_requests,
    throttle,
)
from support.pages.open_shop import OpenShop
from support.pages.paced_answers import PacedAnswers
from support.pages.shop_visit import (
    answer_as_before,
    answer_for_service,
    come_to_the_seats,
    focus_map,
    hold_best,
    lose_calls,
    pay,
    submit_payment,
    walk_in,
)

BUSY = {"code": "overloaded", "detail": "More requests are in flight than is sound."}
STALL_MS = 15_000  # as in http.js
PART_OF_PLAN = re.compile("[0-9]+ of [0-9]+ kB")


async def test_plan_that_takes_long_shows_its_progress_and_comes(
    store: OpenShop, phone: Page
) -> None:
    """Longer than a request may go without a byte: progress is what counts, not time."""
    said, bar = phone.locator("#loading-said"), phone.locator("#loading-bar")
    await phone.clock.install()
    await lose_calls(phone, "/plan")
    await come_to_the_seats(phone, store)
    await expect(phone.locator("#loading-again")).to_be_visible()
    await phone.unroute_all()
    async with PacedAnswers(store.sale.operator.url, pieces=4) as paced:
        await phone.route("**/plan?*", paced.redirect)
        await phone.locator("#loading-again").click()
        shown = ""
        for _ in range(3):
            paced.send_piece()
            await expect(said).not_to_have_text(shown)
            await expect(said).to_have_text(PART_OF_PLAN)
            shown = await said.inner_text()
            assert 0 < await bar.evaluate("bar => bar.position") < 1
            await phone.clock.fast_forward(STALL_MS * 2 // 3)
        await expect(phone.locator("#loading-trouble")).to_be_empty()
        paced.send_piece()
        await expect(phone.locator("#shop")).to_be_visible()


@pytest.mark.parametrize("part", ["/plan", "/holds", "/seats"])
async def test_part_that_fails_is_told_and_asked_for_again(
    part: str, store: OpenShop, phone: Page
) -> None:
    await answer_for_service(phone, part, 503, BUSY)
    await come_to_the_seats(phone, store)
    await expect(phone.locator("#loading-trouble")).to_contain_text(BUSY["detail"])
    await expect(phone.locator("#loading-said")).to_contain_text("Trying again in")
    async with phone.expect_request(lambda request: request.url.split("?")[0].endswith(part)):
        await phone.locator("#loading-again").click()
    await expect(phone.locator("#loading-said")).to_have_text(re.compile("in [0-9]+ s"))
    await phone.unroute_all()
    await expect(phone.locator("#shop")).to_be_visible(timeout=20_000)


async def test_plan_without_an_answer_says_so(store: OpenShop, phone: Page) -> None:
    await lose_calls(phone, "/plan")
    await come_to_the_seats(phone, store)
    await expect(phone.locator("#loading-trouble")).to_contain_text("The service cannot be reached")
    await phone.locator("#loading a").click()
    await phone.wait_for_url("**/seats?plain=1")
    await expect(phone.get_by_role("heading", name="Best available")).to_be_visible()


async def test_plan_that_is_refused_for_good_is_not_asked_for_again(
    store: OpenShop, phone: Page
) -> None:
    await answer_for_service(phone, "/plan", 404, {"detail": "No sale."})
    await come_to_the_seats(phone, store)
    await expect(phone.locator("#loading-headline")).to_have_text("The seats cannot be shown")
    await expect(phone.locator("#loading-trouble")).to_have_text("No sale.")
    await expect(phone.locator("#loading-again")).to_be_hidden()


@pytest.mark.parametrize("plan_too", [True, False])
async def test_node_of_the_release_before_is_asked_for_what_it_knows(
    plan_too: bool, store: OpenShop, page: Page
) -> None:
    """During a rolling upgrade, also when another node has answered the plan: seats go by guid."""
    if plan_too:
        await answer_for_service(page, "/plan?form=columns", 400, {"code": "invalid_request"})
    await answer_as_before(page)
    await walk_in(page, store)
    cursor = await focus_map(page)
    await expect(cursor).to_have_accessible_name("Block D, row 6, seat 1, II, €45.00, free")
    await page.keyboard.press("Enter")
    await page.locator("#hold").click()
    await expect(page.locator(".hold")).to_contain_text("Block D, row 6, seat 1")
    await page.reload()
    await expect(page.locator(".hold")).to_contain_text("Block D, row 6, seat 1")
    cursor = await focus_map(page)  # the first seat that is free
    await page.keyboard.press("ArrowLeft")
    await expect(cursor).to_have_accessible_name(re.compile("^Block D, row 6, seat 1,.*yours$"))
    await pay(page)
    assert [order["status"] for order in await store.orders()] == ["confirmed"]


async def test_map_that_hears_nothing_says_so_until_it_does(store: OpenShop, page: Page) -> None:
    await answer_for_service(page, "/changes", 503, BUSY)
    await walk_in(page, store)
    await expect(page.locator("#stale")).to_contain_text("may be out of date")
    await page.unroute_all()
    await expect(page.locator("#stale")).to_have_text("", timeout=20_000)


async def test_payment_whose_answer_is_lost_is_asked_for_again(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    await hold_best(page)
    await lose_requests(page, "**/pay")
    await submit_payment(page)
    await expect(page.locator("#toast")).to_contain_text("not known yet")
    await expect(page.locator(".hold .button")).to_have_text("Paying…")
    await expect(page.locator(".hold .button")).to_be_disabled()
    await page.unroute_all()
    await page.wait_for_url("**/orders/*", timeout=30_000)
    assert [order["status"] for order in await store.orders()] == ["confirmed"]


async def test_payment_that_cannot_be_made_keeps_the_cart(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    await hold_best(page)
    async with store.line.cut():
        await submit_payment(page)
        told = expect(page.locator("#toast"))
        await told.to_contain_text("nobody is charged twice", timeout=60_000)
    await expect(page.locator(".hold .button")).to_be_enabled()
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


async def test_session_that_was_ended_is_told_and_forgotten(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    await answer_for_service(page, "/holds", 409, {"code": "pass_ended"})
    async with page.expect_response("**/forget"):
        await page.locator("#best .button").click()
    await expect(page.locator("#gate")).to_be_visible()
    await expect(page.locator("#gate")).to_contain_text("Your time in the shop is over")
    await page.goto(store.url)
    await expect(page.locator("main")).not_to_contain_text("You are in the shop")


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
async def test_nothing_jumps_on_a_slow_line(store: OpenShop, page: Page) -> None:
    """Cumulative layout shift below 0.1, from the landing page to a hold in the cart."""
    await page.add_init_script(LAYOUT_SHIFT)
    await throttle(page, 200_000, 600)
    await page.goto(store.url)
    await expect(page.locator("#fact-stock")).not_to_be_empty()
    assert await layout_shift(page) < 0.1
    await page.goto(await store.way_in())
    await expect(page.locator("#shop")).to_be_visible(timeout=30_000)
    await hold_best(page)
    assert await layout_shift(page) < 0.1
