"""The waiting page in a real browser.

Two kinds: the whole way through the line of the running service, and the page's reactions to
answers that are hard to bring about on purpose (an older document, a lost connection), which the
browser is given in the service's stead.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, expect
from support.pages.browser import (
    DESKTOP,
    MEDIA,
    NARROW,
    PHONE,
    WIDE,
    arrive,
    complaints,
    lose_requests,
    record_requests,
    resize,
)
from support.pages.running_sale import ReturnPage, Sale
from support.pages.waiting_answers import ASKED, STAND_STILL, WaitingAnswers, in_seconds
from support.pages.waiting_scenes import TROUBLE_MS, open_page, reach

TURN_SECONDS = 30
SHOWN = """
window.shown = [];
new MutationObserver(() => window.shown.push(document.getElementById("figure").textContent))
  .observe(document.getElementById("figure"), {childList: true, characterData: true, subtree: true})
"""
TITLES = """
new MutationObserver(() => window.titled(document.title))
  .observe(document, {childList: true, characterData: true, subtree: true})
"""
"""Tells every title: that of a turn is shown for a second."""


async def pass_of(sale: Sale, address: str) -> str:
    """What a shop's page makes of the hand-off it was called with."""
    token = parse_qs(urlsplit(address).query)["holdfast_token"][0]
    exchange = f"/v1/sales/{sale.name}/pass/exchange"
    used = await sale.visitor.post(exchange, {"token": token}, Origin=sale.shop)
    assert used.status == 200, used
    return str(used.body["pass"])


async def test_visitor_joins_waits_and_is_taken_to_the_shop(
    sale: Sale, shop: ReturnPage, phone: Page
) -> None:
    requests = record_requests(phone)
    await sale.tell("pause")
    for _ in range(30):
        await sale.visitor.join(sale.name)
    await phone.goto(sale.page())
    await reach(phone, "paused")
    await expect(phone.locator("#number")).to_have_text("31")
    await expect(phone.locator("#figure")).to_have_text("30")
    await phone.evaluate(SHOWN)
    await sale.tell("resume")
    await arrive(phone, "/seats", seconds=TURN_SECONDS)
    assert "holdfast_token=" in shop.visits[0]
    own = [request.url for request in requests if not request.url.startswith(sale.shop)]
    assert all(address.startswith(sale.operator.url) for address in own), own
    assert await complaints(phone) == []
    assert await pass_of(sale, shop.visits[0])


async def test_reload_and_second_tab_keep_the_place(sale: Sale, page: Page) -> None:
    await sale.tell("pause")
    await page.goto(sale.page())
    await reach(page, "paused")
    await page.goto(sale.page())
    await reach(page, "paused")
    await expect(page.locator("#number")).to_have_text("1")
    await sale.issued(1)


async def test_back_from_the_shop_does_not_loop(sale: Sale, shop: ReturnPage, page: Page) -> None:
    await page.goto(sale.page())
    await arrive(page, "/seats", seconds=TURN_SECONDS)
    await page.goto(sale.page())
    await reach(page, "admitted")
    await page.locator("#go").click()
    await arrive(page, "/seats", seconds=TURN_SECONDS)
    assert len(shop.visits) == 2


async def test_visit_that_ended_is_told_and_joined_anew_by_choice(
    sale: Sale, shop: ReturnPage, page: Page
) -> None:
    await page.goto(sale.page())
    await arrive(page, "/seats", seconds=TURN_SECONDS)
    buyer = sale.operator.as_(await pass_of(sale, shop.visits[0]))
    assert (await buyer.delete(f"/v1/sales/{sale.name}/pass")).status == 204
    await page.goto(sale.page())
    await reach(page, "ended")
    await page.locator("#again").click()
    await arrive(page, "/seats", seconds=TURN_SECONDS)
    assert len(shop.visits) == 2


async def test_message_of_the_operator_is_shown(sale: Sale, page: Page) -> None:
    await sale.tell("pause")
    await page.goto(sale.page())
    await reach(page, "paused")
    await sale.change(message="Doors open at <eight>.")
    await expect(page.locator("#message")).to_be_visible()
    await expect(page.locator("#message")).to_contain_text("Doors open at <eight>.")
    await expect(page.locator("#announcer")).to_contain_text("Doors open")


async def test_position_never_rises(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers()
    await open_page(page, shared_sale, answers, "waiting")
    await expect(page.locator("#figure")).to_have_text("59")
    await page.evaluate(SHOWN)
    answers.newer(serving=60)
    await expect(page.locator("#figure")).to_have_text("39")
    # An older document, as another worker or a cache may still give it: dropped.
    answers.status |= {"revision": answers.status["revision"] - 1, "serving": 50}
    for _ in range(3):
        await answers.polled()
    # A newer document that would move the visitor back: followed, but not shown.
    answers.status |= {"revision": 50, "serving": 55, "sellable": 299}
    await expect(page.locator("#stock-free")).to_have_text("299")
    await expect(page.locator("#figure")).to_have_text("39")
    assert await page.evaluate("window.shown") == ["39"]


async def test_gaps_in_the_numbering_are_not_people(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers(status={"gaps": [[30, 45], [90, 99], [101, 120]]})
    await open_page(page, shared_sale, answers, "waiting")
    await expect(page.locator("#figure")).to_have_text("44")


async def test_lobby_counts_down_by_the_time_of_the_service(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers(number=None, status={"state": "lobby"})
    # The service's clock is an hour ahead of the browser's; the opening is in 90 s by the former.
    answers.status |= {"now": in_seconds(3600), "event_start_time": in_seconds(3690)}
    await open_page(page, shared_sale, answers, "lobby")
    await expect(page.locator("#figure")).to_have_text(re.compile("^01:"))


@pytest.mark.parametrize("size", [NARROW])
@pytest.mark.parametrize(("language", "day"), [("en", "d"), ("zh-Hans", "天")])
async def test_far_opening_is_told_in_days_and_fits(
    day: str, shared_sale: Sale, page: Page
) -> None:
    answers = WaitingAnswers(status={"state": "scheduled"})
    answers.status["event_start_time"] = in_seconds(1_135 * 86_400 + 7_230)
    await open_page(page, shared_sale, answers, "scheduled")
    await expect(page.locator("#figure")).to_have_text(f"1,135 {day} 02:00")
    for size in (NARROW, PHONE, DESKTOP, WIDE):
        await resize(page, size)
        edge = "document.getElementById('{}').getBoundingClientRect().right"
        over = f"{edge.format('figure')} - {edge.format('headline')}"
        assert await page.evaluate(over) <= 0, size


async def test_drawn_visitor_asks_for_the_number_once(shared_sale: Sale, page: Page) -> None:
    """Catches a page that asks at each poll while the draw waits for its beacon, or ever after."""
    draw = {"commitment": "c0ffee", "drawn": False}
    answers = WaitingAnswers(number=None, status={"serving": 0, "lobby": 90, "draw": draw})
    await open_page(page, shared_sale, answers, "lobby")
    for _ in range(3):
        await answers.polled()
    before = answers.views
    for _ in range(3):
        await answers.polled()
    assert answers.views == before
    answers.number = 60
    answers.newer(draw={**draw, "drawn": True})
    await reach(page, "waiting")
    await expect(page.locator("#number")).to_have_text("60")
    for _ in range(3):
        await answers.polled()
    assert answers.views == before + 1


async def test_passed_turn_is_joined_again_by_choice_only(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers(status={"serving": 100}, claim=(410, {"code": "call_expired"}))
    await open_page(page, shared_sale, answers, "expired")
    await page.goto(shared_sale.page())
    await reach(page, "expired")
    joins = answers.joins
    answers.number, answers.claim = 180, (202, {})
    await page.locator("#again").click()
    await reach(page, "waiting")
    assert answers.joins == joins + 1
    await expect(page.locator("#number")).to_have_text("180")


async def test_lost_connection_keeps_the_place_and_recovers(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers()
    await open_page(page, shared_sale, answers, "waiting")
    answers.online = False
    await expect(page.locator("#banner")).to_be_visible(timeout=TROUBLE_MS)
    await expect(page.locator("#figure")).to_have_text("59")
    await expect(page.locator("#banner")).to_contain_text("kept", use_inner_text=True)
    await expect(page.locator("#announcer")).to_contain_text("kept")
    await page.evaluate(STAND_STILL)
    await page.evaluate(ASKED)  # answered after whatever the page had asked before
    answers.online = True
    answers.newer(serving=45)
    await page.locator("#banner-action").click()
    await expect(page.locator("#banner")).to_be_hidden()
    await expect(page.locator("#figure")).to_have_text("54")
    assert answers.joins == 1


async def test_turn_changes_the_title_and_goes_to_the_shop(
    sale: Sale, shop: ReturnPage, page: Page
) -> None:
    titles: list[str] = []

    def keep(title: str) -> None:
        titles.append(title)

    target = f"{sale.shop}/seats?holdfast_token=x"
    answers = WaitingAnswers(status={"serving": 100}, claim=(201, {"redirect_to": target}))
    await page.expose_function("titled", keep)
    await page.add_init_script(TITLES)
    await page.route("**/v1/sales/**", answers.give)
    await page.goto(sale.page(), wait_until="commit")
    await arrive(page, "/seats")
    assert any("It is your turn" in title for title in titles), titles
    assert len(shop.visits) == 1


async def test_reader_is_told_seldom_and_politely(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers()
    await open_page(page, shared_sale, answers, "waiting")
    await expect(page.locator("#announcer")).to_have_text(
        "You are in line. 59 places ahead of you."
    )
    answers.newer(serving=42)
    await expect(page.locator("#figure")).to_have_text("57")
    await expect(page.locator("#announcer")).to_contain_text("59")
    for role in ("status", "heading", "main", "banner"):
        await expect(page.get_by_role(role).first).to_be_visible()
    await expect(page.get_by_role("progressbar", name="Your way through the line")).to_be_visible()


async def test_keyboard_reaches_the_sound_switch(shared_sale: Sale, page: Page) -> None:
    await open_page(page, shared_sale, WaitingAnswers(), "waiting")
    for _ in range(5):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id") == "sound":
            break
    await page.keyboard.press("Enter")
    await expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")


async def test_estimate_is_a_span_that_shrinks_with_the_line(shared_sale: Sale, page: Page) -> None:
    answers = WaitingAnswers()
    await open_page(page, shared_sale, answers, "waiting")
    await expect(page.locator("#wait")).to_have_text("10 to 14 min")
    answers.newer(serving=70)
    await expect(page.locator("#wait")).to_have_text("5 to 7 min")


async def test_dark_and_light_differ_and_stay_readable(shared_sale: Sale, page: Page) -> None:
    papers = set()
    await open_page(page, shared_sale, WaitingAnswers(), "waiting")
    for medium in ("light", "dark"):
        await page.emulate_media(**MEDIA[medium])
        papers.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(papers) == 2


async def test_form_appears_when_the_script_does_not_arrive(sale: Sale, page: Page) -> None:
    await lose_requests(page, "**/main.js")
    await page.goto(sale.page())
    await expect(page.locator(".fallback")).to_be_visible()
    await expect(page.locator("html[data-live]")).to_have_count(0)
    await expect(page.locator(".live")).to_be_hidden()
