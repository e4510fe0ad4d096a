"""The waiting page in browsers and on lines that are not as one would wish."""

from __future__ import annotations

import asyncio

import pytest
from chromium import DESKTOP, PHONE, Chromium, Page
from pages_kit import WAIT_SECONDS, Sale
from waiting_scenes import SCENES, Stage, open_page, open_scene, reach

from holdfast_queue.http.pages.languages import catalogue

TEXTS = catalogue("en")
FORM_SHOWS = "getComputedStyle(document.querySelector('.fallback')).visibility === 'visible'"

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

CLOCK = """
const DeviceDate = Date;
window.deviceOffset = 0;
window.Date = class extends DeviceDate {
  constructor(...given) { given.length ? super(...given) : super(DeviceDate.now() + deviceOffset); }
  static now() { return DeviceDate.now() + window.deviceOffset; }
};
"""
VISIBLE_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"
HOUR_MS = 3_600_000


async def settled(page: Page, stage: Stage, seconds: float) -> int:
    """How many requests the page makes in a while."""
    before = stage.requests
    await asyncio.sleep(seconds)
    return stage.requests - before


async def test_page_runs_in_the_oldest_browsers_it_is_for(sale: Sale, browser: Chromium) -> None:
    stage = Stage()
    async with browser.page() as page:
        await page.on_new_document(NEWER_THAN_THE_FLOOR)
        await open_page(page, sale, stage, "waiting")
        await stage.polled()
        assert await page.run("document.documentElement.hasAttribute('data-live')")
        assert page.complaints == []


@pytest.mark.parametrize(
    "missing", ["window.AbortController", "window.fetch", "Intl.PluralRules", "Intl.NumberFormat"]
)
async def test_form_stays_usable_where_the_script_cannot_run(
    missing: str, sale: Sale, browser: Chromium
) -> None:
    """Given a browser below the floor, whatever it is that it lacks."""
    async with browser.page() as page:
        await page.on_new_document(f"delete {missing}")
        await page.go(sale.page())
        await page.until(FORM_SHOWS)
        await sale.tell("pause")
        await page.click(".fallback button")
        await page.until("location.pathname.endsWith('/place')")
        await reach(page, "paused")


@pytest.mark.parametrize("jump", [-HOUR_MS, HOUR_MS])
async def test_polling_goes_on_when_the_clock_is_set(
    jump: int, sale: Sale, browser: Chromium
) -> None:
    stage = Stage()
    async with browser.page() as page:
        await page.on_new_document(CLOCK)
        await open_page(page, sale, stage, "waiting")
        await page.run(f"window.deviceOffset = {jump}")
        stage.newer(serving=70)
        await page.until("document.getElementById('figure').textContent === '29'")
        # Neither faster nor slower than before: a poll a second at most.
        assert await settled(page, stage, 3) <= 4


@pytest.mark.parametrize("jump", [-HOUR_MS, HOUR_MS])
async def test_opening_is_not_announced_by_the_device(
    jump: int, sale: Sale, browser: Chromium
) -> None:
    stage = Stage(opens_in=90, number=None, status={"state": "lobby"})
    async with browser.page() as page:
        await page.on_new_document(CLOCK)
        await open_page(page, sale, stage, "lobby")
        await page.run(f"window.deviceOffset = {jump}")
        shown = await page.text("#figure")
        await page.until(f"document.getElementById('figure').textContent !== {shown!r}")
        assert (await page.text("#figure")).startswith("01:")


async def test_returning_visitor_is_told_todays_time(sale: Sale, browser: Chromium) -> None:
    """Given that nothing has changed since, the browser's cache still has the old document."""
    wrap = """const ask = window.fetch; window.times = [];
    window.fetch = async (...given) => { const answer = await ask(...given);
      if (given[0].endsWith("/status")) window.times.push((await answer.clone().json()).now);
      return answer; }"""
    await sale.tell("drain")
    async with browser.page() as page:
        await page.on_new_document(wrap)
        await page.go(sale.page())
        first = await page.until("window.times[0]")
        async with asyncio.timeout(WAIT_SECONDS):
            again = first
            while again <= first:
                await page.go(sale.page())
                again = await page.until("window.times[0]")


async def test_blocked_storage_costs_nothing_but_memory(sale: Sale, browser: Chromium) -> None:
    """Given no storage and no cookies, the page keeps the place while it is open, and says so."""
    stage = Stage(keeps_cookies=False)
    async with browser.page() as page:
        await page.on_new_document(WITHOUT_STORAGE)
        await open_page(page, sale, stage, "waiting")
        assert await page.until("!document.getElementById('keep').hidden")
        await page.until(
            f"document.getElementById('keep').textContent === {TEXTS['unkept_note']!r}"
        )
        assert await settled(page, stage, 3) <= 4
        assert stage.joins == 1
        assert [complaint for complaint in page.complaints if "401" not in complaint] == []
        stage.online = False
        await page.until("!document.getElementById('banner').hidden", seconds=20)
        assert "kept" not in await page.text("#banner")


@pytest.mark.parametrize("scene", ["expired", "ended"])
async def test_blocked_storage_lets_a_place_be_forgotten(
    scene: str, sale: Sale, browser: Chromium
) -> None:
    """Catches the endless polling after a ticket that is worth nothing any more."""
    stage = Stage(**SCENES[scene])
    async with browser.page() as page:
        await page.on_new_document(WITHOUT_STORAGE)
        await open_page(page, sale, stage, scene)
        stage.view = stage.claim = (401, {"code": "unauthorized"})
        stage.status |= {"serving": 100}
        await page.click("#again")
        assert await settled(page, stage, 3) <= 12


async def test_fault_of_the_page_backs_off(sale: Sale, browser: Chromium) -> None:
    stage = Stage()
    async with browser.page() as page:
        await open_page(page, sale, stage, "waiting")
        # A document in a form that no release of the page has been written for.
        stage.status["gaps"] = 7
        await page.until("!document.getElementById('banner').hidden", seconds=20)
        assert await page.text("#banner-headline") == TEXTS["busy_headline"]
        assert await settled(page, stage, 3) <= 3
        stage.newer(gaps=[], serving=70)
        await page.until("document.getElementById('figure').textContent === '29'", seconds=30)


async def test_prerendered_page_joins_nobody_until_it_is_shown(
    sale: Sale, browser: Chromium
) -> None:
    stage = Stage()
    async with browser.page() as page:
        await page.on_new_document(
            "Object.defineProperty(document, 'prerendering', {value: true, configurable: true})"
        )
        await page.answer("/v1/sales/", stage)
        await page.go(sale.page())
        assert await settled(page, stage, 1) == 0
        await page.run(
            "delete document.prerendering;document.dispatchEvent(new Event('prerenderingchange'))"
        )
        await reach(page, "waiting")
        assert stage.joins == 1


async def test_limit_on_joins_is_told_and_obeyed(sale: Sale, browser: Chromium) -> None:
    async with browser.page(PHONE) as page:
        stage = await open_scene(page, sale, "limited")
        assert await page.text("h1") == TEXTS["limited_headline"]
        assert await page.text("#figure") in {f"00:{second}" for second in range(40, 55)}
        assert await page.run("document.getElementById('banner').hidden")
        await page.run("dispatchEvent(new Event('online'))")
        await stage.polled()
        assert stage.joins == 1
        assert await page.run("document.getElementById('back').href") == f"{sale.shop}/seats"


async def test_limit_on_joins_ends_by_itself(sale: Sale, browser: Chromium) -> None:
    stage = Stage(join=(429, {"code": "join_limited"}, {"Retry-After": "2"}))
    async with browser.page(PHONE) as page:
        await open_page(page, sale, stage, "limited")
        stage.join = None
        await reach(page, "waiting")
        assert stage.joins == 2


@pytest.mark.parametrize(
    "answer",
    [
        (503, {"code": "overloaded"}, {"Retry-After": "30"}),
        (429, "<h1>Slow down</h1>", {"Retry-After": "30"}),
        (502, "<h1>Bad gateway</h1>", {"Retry-After": "30"}),
    ],
)
async def test_busy_service_is_not_called_a_lost_connection(
    answer: tuple[int, object, dict[str, str]], sale: Sale, browser: Chromium
) -> None:
    """And it is left alone for as long as it asks, whatever the visitor does."""
    stage = Stage()
    async with browser.page() as page:
        await open_page(page, sale, stage, "waiting")
        stage.failing = answer
        await page.until("!document.getElementById('banner').hidden")
        assert await page.text("#banner-headline") == TEXTS["busy_headline"]
        assert TEXTS["retry_kept"] in await page.text("#banner")
        assert await page.run("document.getElementById('banner-action').hidden")
        for event in ("window.dispatchEvent(new Event('online'))", VISIBLE_AGAIN):
            await page.run(event)
            assert await settled(page, stage, 1) == 0, event


async def test_place_is_not_called_kept_before_there_is_one(sale: Sale, browser: Chromium) -> None:
    stage = Stage(online=False)
    async with browser.page() as page:
        await open_page(page, sale, stage, "loading")
        await page.until("!document.getElementById('banner').hidden", seconds=20)
        assert await page.text("#banner-headline") == TEXTS["lost_headline"]
        assert "kept" not in await page.run("document.body.innerText")


async def test_focus_and_speech_follow_what_goes_away(sale: Sale, browser: Chromium) -> None:
    stage = Stage(**SCENES["expired"])
    async with browser.page(DESKTOP) as page:
        await open_page(page, sale, stage, "expired")
        stage.number, stage.claim = 180, (202, {})
        await page.run("document.getElementById('again').focus()")
        await page.press("Enter")
        await reach(page, "waiting")
        assert await page.run("document.activeElement.id") == "headline"
        stage.online = False
        await page.until("!document.getElementById('banner').hidden", seconds=20)
        await page.run("document.getElementById('banner-action').focus()")
        stage.online = True
        await page.press("Enter")
        await page.until("document.getElementById('banner').hidden")
        assert await page.text("#announcer") == TEXTS["reached"]
        assert await page.run("document.activeElement.id") == "headline"


async def test_message_and_scene_are_both_spoken(sale: Sale, browser: Chromium) -> None:
    stage = Stage(status={"message": "Doors open at eight."})
    async with browser.page() as page:
        await open_page(page, sale, stage, "waiting")
        spoken = await page.text("#announcer")
        assert spoken == "You are in line. 59 places ahead of you. Doors open at eight."


async def test_call_is_told_how_long_it_waits(sale: Sale, browser: Chromium) -> None:
    stage = Stage(status={"claim_window_seconds": 90})
    async with browser.page() as page:
        await open_page(page, sale, stage, "waiting")
        assert await page.text("#window-fact") == "Time to go in when called\n90 s"
        stage.newer(claim_window_seconds=120)
        await page.until("document.getElementById('window').textContent === '2 min'")


LAYOUT_SHIFT = """
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((shift) => {
  if (!shift.hadRecentInput) window.shifted += shift.value;
})).observe({type: "layout-shift", buffered: true});
"""


SIZES = [(320, 640), PHONE, DESKTOP]


# On the slower lines the form comes first, and goes when the script has arrived after all.
@pytest.mark.parametrize(
    ("size", "bytes_per_second"),
    [
        (PHONE, 50_000),
        (PHONE, 5_000),
        *(
            pytest.param(size, speed, marks=pytest.mark.torture)
            for size in SIZES
            for speed in (50_000, 2_000)
        ),
    ],
)
async def test_slow_line_shifts_nothing(
    size: tuple[int, int], bytes_per_second: int, sale: Sale, browser: Chromium
) -> None:
    await sale.tell("pause")
    async with browser.page(size) as page:
        await page.on_new_document(LAYOUT_SHIFT)
        await page.call(
            "Network.emulateNetworkConditions",
            offline=False,
            latency=400,
            downloadThroughput=bytes_per_second,
            uploadThroughput=bytes_per_second,
        )
        await page.call("Page.navigate", url=sale.page())
        await page.until("document.getElementById('number')?.textContent === '1'", seconds=60)
        assert await page.run("window.shifted") < 0.05


@pytest.mark.parametrize("size", SIZES)
async def test_banner_shifts_nothing(size: tuple[int, int], sale: Sale, browser: Chromium) -> None:
    stage = Stage()
    async with browser.page(size) as page:
        await page.on_new_document(LAYOUT_SHIFT)
        await open_page(page, sale, stage, "waiting")
        before = await page.run("window.shifted")
        stage.failing = (503, {"code": "overloaded"}, {"Retry-After": "30"})
        await page.until("!document.getElementById('banner').hidden")
        await page.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
        assert await page.run("window.shifted") == pytest.approx(before, abs=0.001)
