"""The waiting page in a real browser.

Two kinds: the whole way through the line of the running service, and the page's reactions to
answers that are hard to bring about on purpose (an older document, a lost connection), which the
browser is given in the service's stead.
"""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest
from chromium import DESKTOP, PHONE, BrowserError, Chromium
from pages_kit import ReturnPage, Sale
from waiting_scenes import SCENES, Stage, in_seconds, open_page, open_scene, reach

NARROW = (320, 640)
WIDE = (1920, 1080)
MIN_TARGET_PIXELS = 48
FORM_SHOWS = "getComputedStyle(document.querySelector('.fallback')).visibility === 'visible'"
SHOWN = """
window.shown = [];
new MutationObserver(() => window.shown.push(document.getElementById("figure").textContent))
  .observe(document.getElementById("figure"), {childList: true, characterData: true, subtree: true})
"""


async def pass_of(sale: Sale, address: str) -> str:
    """What a shop's page makes of the hand-off it was called with."""
    token = parse_qs(urlsplit(address).query)["holdfast_token"][0]
    exchange = f"/v1/sales/{sale.name}/pass/exchange"
    used = await sale.visitor.post(exchange, {"token": token}, Origin=sale.shop)
    assert used.status == 200, used
    return str(used.body["pass"])


async def test_visitor_joins_waits_and_is_taken_to_the_shop(
    sale: Sale, shop: ReturnPage, browser: Chromium
) -> None:
    await sale.tell("pause")
    for _ in range(30):
        await sale.visitor.join(sale.name)
    async with browser.page(PHONE) as page:
        await page.go(sale.page())
        await reach(page, "paused")
        assert await page.text("#number") == "31"
        assert await page.text("#figure") == "30"
        await page.run(SHOWN)
        await sale.tell("resume")
        await page.until("location.pathname === '/seats'", seconds=30)
        assert "holdfast_token=" in shop.visits[0]
        own = [address for address in page.requests if not address.startswith(sale.shop)]
        assert all(address.startswith(sale.operator.url) for address in own), own
        assert page.complaints == []
    assert await pass_of(sale, shop.visits[0])


async def test_reload_and_second_tab_keep_the_place(sale: Sale, browser: Chromium) -> None:
    await sale.tell("pause")
    async with browser.page() as page:
        await page.go(sale.page())
        await reach(page, "paused")
        await page.go(sale.page())
        await reach(page, "paused")
        assert await page.text("#number") == "1"
    await sale.issued(1)


async def test_back_from_the_shop_does_not_loop(
    sale: Sale, shop: ReturnPage, browser: Chromium
) -> None:
    async with browser.page() as page:
        await page.go(sale.page())
        await page.until("location.pathname === '/seats'", seconds=30)
        await page.go(sale.page())
        await reach(page, "admitted")
        await page.click("#go")
        await page.until("location.pathname === '/seats'", seconds=30)
    assert len(shop.visits) == 2


async def test_visit_that_ended_is_told_and_joined_anew_by_choice(
    sale: Sale, shop: ReturnPage, browser: Chromium
) -> None:
    async with browser.page() as page:
        await page.go(sale.page())
        await page.until("location.pathname === '/seats'", seconds=30)
        buyer = sale.operator.as_(await pass_of(sale, shop.visits[0]))
        assert (await buyer.delete(f"/v1/sales/{sale.name}/pass")).status == 204
        await page.go(sale.page())
        await reach(page, "ended")
        await page.click("#again")
        await page.until("location.pathname === '/seats'", seconds=30)
    assert len(shop.visits) == 2


async def test_message_of_the_operator_is_shown(sale: Sale, browser: Chromium) -> None:
    await sale.tell("pause")
    async with browser.page() as page:
        await page.go(sale.page())
        await reach(page, "paused")
        await sale.change(message="Doors open at <eight>.")
        await page.until("!document.getElementById('message').hidden")
        assert "Doors open at <eight>." in await page.text("#message")
        assert "Doors open" in await page.text("#announcer")


async def test_position_never_rises(sale: Sale, browser: Chromium) -> None:
    stage = Stage()
    async with browser.page() as page:
        await open_page(page, sale, stage, "waiting")
        assert await page.text("#figure") == "59"
        await page.run(SHOWN)
        stage.newer(serving=60)
        await page.until("document.getElementById('figure').textContent === '39'")
        # An older document, as another worker or a cache may still give it: dropped.
        stage.status |= {"revision": stage.status["revision"] - 1, "serving": 50}
        await asyncio.sleep(3)
        # A newer document that would move the visitor back: followed, but not shown.
        stage.status |= {"revision": 50, "serving": 55, "sellable": 299}
        await page.until("document.getElementById('stock-free').textContent === '299'")
        assert await page.text("#figure") == "39"
        assert await page.run("window.shown") == ["39"]


async def test_gaps_in_the_numbering_are_not_people(sale: Sale, browser: Chromium) -> None:
    stage = Stage(status={"gaps": [[30, 45], [90, 99], [101, 120]]})
    async with browser.page() as page:
        await open_page(page, sale, stage, "waiting")
        assert await page.text("#figure") == "44"


@pytest.mark.parametrize("scene", SCENES)
async def test_each_scene_fits_and_can_be_touched(
    scene: str, sale: Sale, browser: Chromium
) -> None:
    for language in ("en", "zh-Hans"):
        async with browser.page(NARROW, language=language) as page:
            await open_scene(page, sale, scene)
            assert await page.text("h1")
            for size in (NARROW, PHONE, WIDE):
                await page.resize(size)
                too_wide = f"document.documentElement.scrollWidth - {size[0]}"
                assert await page.run(too_wide) <= 0, (scene, language, size)
            assert await page.run(SMALL_TARGETS) == []


SMALL_TARGETS = f"""
[...document.querySelectorAll("button, a")].filter((target) => {{
  const box = target.getBoundingClientRect();
  return target.checkVisibility({{visibilityProperty: true}}) &&
    (box.height < {MIN_TARGET_PIXELS} || box.width < {MIN_TARGET_PIXELS});
}}).map((target) => target.outerHTML)
"""


async def test_lobby_counts_down_by_the_time_of_the_service(sale: Sale, browser: Chromium) -> None:
    stage = Stage(number=None, status={"state": "lobby"})
    # The service's clock is an hour ahead of the browser's; the opening is in 90 s by the former.
    stage.status |= {"now": in_seconds(3600), "event_start_time": in_seconds(3690)}
    async with browser.page() as page:
        await open_page(page, sale, stage, "lobby")
        assert (await page.text("#figure")).startswith("01:")


@pytest.mark.parametrize(("language", "day"), [("en", "d"), ("zh-Hans", "天")])
async def test_far_opening_is_told_in_days_and_fits(
    language: str, day: str, sale: Sale, browser: Chromium
) -> None:
    stage = Stage(status={"state": "scheduled"})
    stage.status["event_start_time"] = in_seconds(1_135 * 86_400 + 7_230)
    async with browser.page(NARROW, language=language) as page:
        await open_page(page, sale, stage, "scheduled")
        assert await page.text("#figure") == f"1,135 {day} 02:00"
        for size in (NARROW, PHONE, DESKTOP, WIDE):
            await page.resize(size)
            over = "document.getElementById('{}').getBoundingClientRect().right"
            assert await page.run(f"{over.format('figure')} - {over.format('headline')}") <= 0, size


async def test_drawn_visitor_asks_for_the_number_once(sale: Sale, browser: Chromium) -> None:
    """Catches a page that asks at each poll while the draw waits for its beacon, or ever after."""
    draw = {"commitment": "c0ffee", "drawn": False}
    stage = Stage(number=None, status={"serving": 0, "lobby": 90, "draw": draw})
    async with browser.page() as page:
        await open_page(page, sale, stage, "lobby")
        for _ in range(3):
            await stage.polled()
        before = stage.views
        for _ in range(3):
            await stage.polled()
        assert stage.views == before
        stage.number = 60
        stage.newer(draw={**draw, "drawn": True})
        await reach(page, "waiting")
        assert await page.text("#number") == "60"
        for _ in range(3):
            await stage.polled()
        assert stage.views == before + 1


async def test_passed_turn_is_joined_again_by_choice_only(sale: Sale, browser: Chromium) -> None:
    stage = Stage(status={"serving": 100}, claim=(410, {"code": "call_expired"}))
    async with browser.page() as page:
        await open_page(page, sale, stage, "expired")
        await page.go(sale.page())
        await reach(page, "expired")
        joins = stage.joins
        stage.number, stage.claim = 180, (202, {})
        await page.click("#again")
        await reach(page, "waiting")
        assert stage.joins == joins + 1
        assert await page.text("#number") == "180"


async def test_lost_connection_keeps_the_place_and_recovers(sale: Sale, browser: Chromium) -> None:
    stage = Stage()
    async with browser.page() as page:
        await open_page(page, sale, stage, "waiting")
        stage.online = False
        await page.until("!document.getElementById('banner').hidden", seconds=20)
        assert await page.text("#figure") == "59"
        assert "kept" in await page.text("#banner")
        assert "kept" in await page.text("#announcer")
        stage.online = True
        stage.newer(serving=45)
        await page.click("#banner-action")
        await page.until("document.getElementById('banner').hidden")
        assert await page.text("#figure") == "54"
    assert stage.joins == 1


async def test_turn_changes_the_title_and_goes_to_the_shop(
    sale: Sale, shop: ReturnPage, browser: Chromium
) -> None:
    target = f"{sale.shop}/seats?holdfast_token=x"
    stage = Stage(status={"serving": 100}, claim=(201, {"redirect_to": target}))
    async with browser.page() as page:
        await open_page(page, sale, stage, "turn")
        assert "It is your turn" in await page.run("document.title")
        await page.until("location.pathname === '/seats'")
    assert len(shop.visits) == 1


async def test_reader_is_told_seldom_and_politely(sale: Sale, browser: Chromium) -> None:
    stage = Stage()
    async with browser.page() as page:
        await open_page(page, sale, stage, "waiting")
        assert await page.text("#announcer") == "You are in line. 59 places ahead of you."
        stage.newer(serving=42)
        await page.until("document.getElementById('figure').textContent === '57'")
        assert "59" in await page.text("#announcer")
        tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
        roles = {node["role"]["value"]: node for node in tree if not node.get("ignored")}
        assert {"status", "progressbar", "heading", "main", "banner"} <= roles.keys()
        assert roles["progressbar"]["name"]["value"] == "Your way through the line"


async def test_keyboard_reaches_the_sound_switch(sale: Sale, browser: Chromium) -> None:
    async with browser.page() as page:
        await open_page(page, sale, Stage(), "waiting")
        for _ in range(5):
            await page.press("Tab")
            if await page.run("document.activeElement.id") == "sound":
                break
        await page.press("Enter")
        assert await page.run("document.getElementById('sound').ariaPressed") == "true"


async def test_estimate_is_a_span_that_shrinks_with_the_line(sale: Sale, browser: Chromium) -> None:
    stage = Stage()
    async with browser.page() as page:
        await open_page(page, sale, stage, "waiting")
        await page.until("document.getElementById('wait').textContent === '10 to 14 min'")
        stage.newer(serving=70)
        await page.until("document.getElementById('wait').textContent === '5 to 7 min'")


async def test_dark_and_light_differ_and_stay_readable(sale: Sale, browser: Chromium) -> None:
    papers = set()
    for dark in (False, True):
        async with browser.page(DESKTOP, dark=dark) as page:
            await open_page(page, sale, Stage(), "waiting")
            papers.add(await page.run("getComputedStyle(document.body).backgroundColor"))
    assert len(papers) == 2


async def test_form_appears_when_the_script_does_not_arrive(sale: Sale, browser: Chromium) -> None:
    async with browser.page() as page:
        await page.answer("/main.js", lambda _: None)
        await page.go(sale.page())
        with pytest.raises(BrowserError):
            await page.until("document.documentElement.hasAttribute('data-live')", seconds=0.5)
        await page.until(FORM_SHOWS)
        assert await page.run("getComputedStyle(document.querySelector('.live')).visibility") == (
            "hidden"
        )
