"""The waiting page in browsers and on lines that are not as one would wish."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, Route, expect
from support.pages.browser import (
    DESKTOP,
    LAYOUT_SHIFT,
    NARROW,
    PHONE,
    arrive,
    complaints,
    layout_shift,
    throttle,
)
from support.pages.running_sale import WAIT_SECONDS, Sale
from support.pages.waiting_answers import ASKED, STAND_STILL, WaitingAnswers
from support.pages.waiting_scenes import SCENES, TROUBLE_MS, open_page, open_scene, reach

from holdfast_queue.http.pages.languages import catalogue

TEXTS = catalogue("en")

NEWER_THAN_THE_FLOOR = """
delete AbortSignal.timeout; delete AbortSignal.any; delete window.structuredClone;
delete Array.prototype.at; delete Array.prototype.findLast; delete Array.prototype.toSorted;
delete Object.hasOwn; delete Object.groupBy; delete Promise.withResolvers; delete Promise.try;
delete Crypto.prototype.randomUUID; delete Element.prototype.checkVisibility;
delete Element.prototype.setHTMLUnsafe; delete Array.fromAsync; delete window.scheduler;
delete String.prototype.at; delete String.prototype.isWellFormed; delete Intl.DurationFormat;
delete Response.json; delete URL.canParse; delete URL.parse; delete navigator.locks;
"""
"""What came after the browsers that docs/storefronts.md names."""

WITHOUT_STORAGE = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, {get() { throw new DOMException("no", "SecurityError"); }});
}
"""

END_ANIMATIONS = "form => form.getAnimations().forEach((animation) => animation.finish())"
"""The form is shown by an animation, some seconds after the page."""
VISIBLE_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"
HOUR = timedelta(hours=1)
SPOKEN = "You are in line. 59 places ahead of you. Doors open at eight."


async def asked_in(seconds: float, answers: WaitingAnswers) -> int:
    """How many requests the page makes in a while."""
    before = answers.requests
    await asyncio.sleep(seconds)
    return answers.requests - before


async def test_page_runs_in_the_oldest_browsers_it_is_for(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers()
    await page.add_init_script(NEWER_THAN_THE_FLOOR)
    await open_page(page, shared_sale, answers, "waiting")
    await answers.polled()
    await expect(page.locator("html[data-live]")).to_be_visible()
    assert await complaints(page) == []


@pytest.mark.parametrize(
    "missing", ["window.AbortController", "window.fetch", "Intl.PluralRules", "Intl.NumberFormat"]
)
async def test_form_stays_usable_where_the_script_cannot_run(
    missing: str, sale: Sale, page: Page
) -> None:
    """Given a browser below the floor, whatever it is that it lacks."""
    await page.add_init_script(f"delete {missing}")
    await page.goto(sale.page())
    await expect(page.locator(".fallback")).to_be_visible()
    await sale.tell("pause")
    await page.locator(".fallback button").click()
    await arrive(page, f"/wait/{sale.name}/place")
    await reach(page, "paused")


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_polling_goes_on_when_the_clock_is_set(
    jump: timedelta, shared_sale: Sale, page: Page
) -> None:
    answers = WaitingAnswers()
    await page.clock.install()
    await open_page(page, shared_sale, answers, "waiting")
    await page.clock.set_system_time(datetime.now(UTC) + jump)
    answers.newer(serving=70)
    await expect(page.locator("#figure")).to_have_text("29")
    # Neither faster nor slower than before: a poll a second at most.
    assert await asked_in(3, answers) <= 4


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_opening_is_not_announced_by_the_device(
    jump: timedelta, shared_sale: Sale, page: Page
) -> None:
    answers = WaitingAnswers(opens_in=90, number=None, status={"state": "lobby"})
    await page.clock.install()
    await open_page(page, shared_sale, answers, "lobby")
    await page.clock.set_system_time(datetime.now(UTC) + jump)
    figure = page.locator("#figure")
    await expect(figure).not_to_have_text(await figure.inner_text())
    await expect(figure).to_have_text(re.compile("^01:"))


async def test_returning_visitor_is_told_todays_time(sale: Sale, page: Page) -> None:
    """Given that nothing has changed since, the browser's cache still has the old document."""
    await sale.tell("drain")

    async def told() -> str:
        async with page.expect_response("**/status") as answer:
            await page.goto(sale.page())
        return str((await (await answer.value).json())["now"])

    first = await told()
    async with asyncio.timeout(WAIT_SECONDS):
        while await told() <= first:
            pass


async def test_blocked_storage_costs_nothing_but_memory(shared_sale: Sale, page: Page) -> None:
    """Given no storage and no cookies, the page keeps the place while it is open, and says so."""
    answers = WaitingAnswers(keeps_cookies=False)
    await page.add_init_script(WITHOUT_STORAGE)
    await open_page(page, shared_sale, answers, "waiting")
    await expect(page.locator("#keep")).to_be_visible()
    await expect(page.locator("#keep")).to_have_text(TEXTS["unkept_note"])
    assert await asked_in(3, answers) <= 4
    assert answers.joins == 1
    assert [complaint for complaint in await complaints(page) if "401" not in complaint] == []
    answers.online = False
    await expect(page.locator("#banner")).to_be_visible(timeout=TROUBLE_MS)
    assert "kept" not in await page.locator("#banner").inner_text()


@pytest.mark.parametrize("scene", ["expired", "ended"])
async def test_blocked_storage_lets_a_place_be_forgotten(
    scene: str, shared_sale: Sale, page: Page
) -> None:
    """Catches the endless polling after a ticket that is worth nothing any more."""
    answers = WaitingAnswers(**SCENES[scene])
    await page.add_init_script(WITHOUT_STORAGE)
    await open_page(page, shared_sale, answers, scene)
    answers.view = answers.claim = (401, {"code": "unauthorized"})
    answers.status |= {"serving": 100}
    await page.locator("#again").click()
    assert await asked_in(3, answers) <= 12


async def test_fault_of_the_page_backs_off(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers()
    await open_page(page, shared_sale, answers, "waiting")
    # A document in a form that no release of the page has been written for.
    answers.status["gaps"] = 7
    await expect(page.locator("#banner")).to_be_visible(timeout=TROUBLE_MS)
    await expect(page.locator("#banner-headline")).to_have_text(TEXTS["busy_headline"])
    assert await asked_in(3, answers) <= 3
    answers.newer(gaps=[], serving=70)
    await expect(page.locator("#figure")).to_have_text("29", timeout=30_000)


async def test_prerendered_page_joins_nobody_until_it_is_shown(
    shared_sale: Sale, page: Page
) -> None:
    answers = WaitingAnswers()
    await page.add_init_script(
        "Object.defineProperty(document, 'prerendering', {value: true, configurable: true})"
    )
    await page.route("**/v1/sales/**", answers.give)
    await page.goto(shared_sale.page())
    assert await asked_in(1, answers) == 0
    await page.evaluate(
        "delete document.prerendering;document.dispatchEvent(new Event('prerenderingchange'))"
    )
    await reach(page, "waiting")
    assert answers.joins == 1


async def test_limit_on_joins_is_told_and_obeyed(shared_sale: Sale, phone: Page) -> None:
    answers = await open_scene(phone, shared_sale, "limited")
    await expect(phone.locator("#headline")).to_have_text(TEXTS["limited_headline"])
    await expect(phone.locator("#figure")).to_have_text(re.compile("^00:([0-4][0-9]|5[0-4])$"))
    await expect(phone.locator("#banner")).to_be_hidden()
    await phone.evaluate("dispatchEvent(new Event('online'))")
    await answers.polled()
    assert answers.joins == 1
    await expect(phone.locator("#back")).to_have_attribute("href", f"{shared_sale.shop}/seats")


async def test_limit_on_joins_ends_by_itself(shared_sale: Sale, phone: Page) -> None:
    answers = WaitingAnswers(join=(429, {"code": "join_limited"}, {"Retry-After": "2"}))
    await open_page(phone, shared_sale, answers, "limited")
    refused, answers.join = answers.joins, None
    await reach(phone, "waiting")
    assert answers.joins == refused + 1


@pytest.mark.parametrize(
    "answer",
    [
        (503, {"code": "overloaded"}, {"Retry-After": "30"}),
        (429, "<h1>Slow down</h1>", {"Retry-After": "30"}),
        (502, "<h1>Bad gateway</h1>", {"Retry-After": "30"}),
    ],
)
async def test_busy_service_is_not_called_a_lost_connection(
    answer: tuple[int, object, dict[str, str]], shared_sale: Sale, page: Page
) -> None:
    """And it is left alone for as long as it asks, whatever the visitor does."""
    answers = WaitingAnswers()
    await open_page(page, shared_sale, answers, "waiting")
    answers.failing = answer
    await expect(page.locator("#banner")).to_be_visible()
    await expect(page.locator("#banner-headline")).to_have_text(TEXTS["busy_headline"])
    await expect(page.locator("#banner")).to_contain_text(TEXTS["retry_kept"], use_inner_text=True)
    await expect(page.locator("#banner-action")).to_be_hidden()
    for event in ("window.dispatchEvent(new Event('online'))", VISIBLE_AGAIN):
        await page.evaluate(event)
        assert await asked_in(1, answers) == 0, event


async def test_place_is_not_called_kept_before_there_is_one(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers(online=False)
    await open_page(page, shared_sale, answers, "loading")
    await expect(page.locator("#banner")).to_be_visible(timeout=TROUBLE_MS)
    await expect(page.locator("#banner-headline")).to_have_text(TEXTS["lost_headline"])
    assert "kept" not in await page.locator("body").inner_text()


async def test_focus_and_speech_follow_what_goes_away(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers(**SCENES["expired"])
    await open_page(page, shared_sale, answers, "expired")
    answers.number, answers.claim = 180, (202, {})
    await page.locator("#again").focus()
    await page.keyboard.press("Enter")
    await reach(page, "waiting")
    await expect(page.locator("#headline")).to_be_focused()
    answers.online = False
    await expect(page.locator("#banner")).to_be_visible(timeout=TROUBLE_MS)
    await page.locator("#banner-action").focus()
    answers.online = True
    await page.keyboard.press("Enter")
    await expect(page.locator("#banner")).to_be_hidden()
    await expect(page.locator("#announcer")).to_have_text(TEXTS["reached"])
    await expect(page.locator("#headline")).to_be_focused()


async def test_press_while_a_poll_fails_makes_another(shared_sale: Sale, page: Page) -> None:
    """Given a page whose clock stands still: by itself it polls no more."""
    asked, lost = asyncio.Event(), asyncio.Event()

    async def lose_later(route: Route) -> None:
        asked.set()
        await lost.wait()
        await route.abort("connectionreset")

    answers = WaitingAnswers()
    await open_page(page, shared_sale, answers, "waiting")
    answers.online = False
    await expect(page.locator("#banner")).to_be_visible(timeout=TROUBLE_MS)
    await page.evaluate(STAND_STILL)
    await page.evaluate(ASKED)
    await page.route("**/status", lose_later, times=1)
    await page.locator("#banner-action").click()
    await asked.wait()
    await page.locator("#banner-action").click()
    answers.online = True
    lost.set()
    await expect(page.locator("#banner")).to_be_hidden()


async def test_message_and_scene_are_both_spoken(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers(status={"message": "Doors open at eight."})
    await open_page(page, shared_sale, answers, "waiting")
    await expect(page.locator("#announcer")).to_have_text(SPOKEN)


async def test_message_that_comes_before_the_place_is_spoken_with_it(
    shared_sale: Sale, page: Page
) -> None:
    """On a slow line the page knows the sale's message, and shows it, while it takes a place."""
    message_is_shown = asyncio.Event()

    async def hold_back(route: Route) -> None:
        await message_is_shown.wait()
        await route.fallback()

    answers = WaitingAnswers(status={"message": "Doors open at eight."})
    await page.route("**/v1/sales/**", answers.give)
    await page.route("**/tickets", hold_back)
    await page.goto(shared_sale.page())
    await expect(page.locator("#message")).to_be_visible()
    message_is_shown.set()
    await reach(page, "waiting")
    await expect(page.locator("#announcer")).to_have_text(SPOKEN)


async def test_call_is_told_how_long_it_waits(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers(status={"claim_window_seconds": 90})
    await open_page(page, shared_sale, answers, "waiting")
    fact = page.locator("#window-fact")
    await expect(fact).to_have_text("Time to go in when called 90 s", use_inner_text=True)
    answers.newer(claim_window_seconds=120)
    await expect(page.locator("#window")).to_have_text("2 min")


SIZES = [NARROW, PHONE, DESKTOP]


@pytest.mark.parametrize("form_first", [False, True])
@pytest.mark.parametrize("size", SIZES)
async def test_slow_line_shifts_nothing(*, form_first: bool, sale: Sale, page: Page) -> None:
    """Also where the script comes after the form has been shown, and takes its place."""
    form_is_shown = asyncio.Event()

    async def hold_back(route: Route) -> None:
        await form_is_shown.wait()
        await route.continue_()

    await sale.tell("pause")
    await page.add_init_script(LAYOUT_SHIFT)
    await throttle(page, 50_000, 400)
    if form_first:
        await page.route("**/main.js", hold_back)
    await page.goto(sale.page(), wait_until="commit")
    if form_first:
        await page.locator(".fallback").evaluate(END_ANIMATIONS)
        await expect(page.locator(".fallback")).to_be_visible()
        form_is_shown.set()
    await expect(page.locator("#number")).to_have_text("1", timeout=60_000)
    await expect(page.locator(".fallback")).to_be_hidden()
    assert await layout_shift(page) < 0.05


@pytest.mark.parametrize("size", SIZES)
async def test_banner_shifts_nothing(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers()
    await page.add_init_script(LAYOUT_SHIFT)
    await open_page(page, shared_sale, answers, "waiting")
    await expect(page.locator("#stock")).to_be_visible()  # the first status is shown
    before = await layout_shift(page)
    answers.failing = (503, {"code": "overloaded"}, {"Retry-After": "30"})
    await expect(page.locator("#banner")).to_be_visible()
    assert await layout_shift(page) == pytest.approx(before, abs=0.001)
