"""The line without scripts: plain HTTP as a browser with scripts switched off sends it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode

import aiohttp
import pytest
from playwright.async_api import Browser, Page
from support.pages.browser import DESKTOP, NARROW, PHONE, arrive, complaints, open_page, resize
from support.pages.running_sale import POLL_SECONDS, WAIT_SECONDS, ReturnPage, Sale, make_sale
from support.pages.waiting_scenes import reach
from support.service.running import Service

from holdfast_queue.http.pages.languages import catalogue


@dataclass
class PlainBrowser:
    """Cookies, forms and redirects, and nothing more."""

    http: aiohttp.ClientSession
    sale: Sale
    cookies: dict[str, str] = field(default_factory=dict)
    document: str = ""
    location: str = ""
    retry_after: int = 0

    async def follow(self, location: str) -> int:
        return await self._send("GET", self.sale.operator.url + location)

    async def open(self) -> int:
        return await self._send("GET", self.sale.page("/place"))

    async def open_until(self, words: str) -> None:
        """Reloads as the page would, only faster."""
        async with asyncio.timeout(WAIT_SECONDS):
            while words not in self.document:
                assert await self.open() == 200
                await asyncio.sleep(POLL_SECONDS)

    async def submit(self, action: str, **headers: str) -> int:
        """Sends the form with its button; the page must have one."""
        fields = {"t": f"{self.sale.shop}/seats", "lang": "en", "do": action}
        body = urlencode(fields).encode()
        url = f"{self.sale.operator.url}/wait/{self.sale.name}/place"
        typed = {"Content-Type": "application/x-www-form-urlencoded"}
        origin = {"Origin": self.sale.operator.url, "Sec-Fetch-Site": "same-origin"}
        return await self._send("POST", url, body, **(typed | origin | headers))

    async def _send(self, method: str, url: str, body: bytes = b"", **headers: str) -> int:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"Accept": "text/html", "Cookie": cookie, **headers}
        async with self.http.request(
            method, url, data=body, headers=sent, allow_redirects=False
        ) as response:
            self.document = unescape(await response.text())
            self.location = response.headers.get("Location", "")
            self.retry_after = int(response.headers.get("Retry-After", "0"))
            self.cookies |= {name: morsel.value for name, morsel in response.cookies.items()}
            assert response.headers["Cache-Control"] == "no-store"
            return response.status


@pytest.fixture
def plain(http: aiohttp.ClientSession, sale: Sale) -> PlainBrowser:
    return PlainBrowser(http, sale)


async def test_form_joins_waits_and_claims(plain: PlainBrowser, sale: Sale) -> None:
    await sale.tell("pause")
    assert await plain.open() == 200
    assert 'value="join"' in plain.document
    assert await plain.submit("join") == 303
    assert plain.location.startswith(f"/wait/{sale.name}/place?")
    assert await plain.open() == 200
    assert re.search(r"Your number</dt><dd>1<", plain.document)
    assert 'http-equiv="refresh"' in plain.document
    await sale.tell("resume")
    await plain.open_until('value="claim"')
    assert await plain.submit("claim") == 303
    assert plain.location.startswith(f"{sale.shop}/seats?holdfast_token=")


async def test_showing_the_place_changes_nothing(plain: PlainBrowser, sale: Sale) -> None:
    await sale.tell("pause")
    await plain.open()
    assert plain.cookies == {}
    await plain.submit("join")
    for _ in range(3):
        await plain.open()
    await sale.issued(1)


async def test_joining_twice_keeps_the_place(plain: PlainBrowser, sale: Sale) -> None:
    await sale.tell("pause")
    await plain.submit("join")
    await plain.submit("join")
    await plain.open()
    assert re.search(r"Your number</dt><dd>1<", plain.document)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_form_of_another_site_is_refused(
    headers: dict[str, str], plain: PlainBrowser
) -> None:
    assert await plain.submit("join", **headers) == 403
    assert "cross_origin" in plain.document
    assert plain.cookies == {}


async def test_unknown_action_is_refused(plain: PlainBrowser) -> None:
    assert await plain.submit("steal") == 400


async def test_claiming_without_a_place_shows_the_form(plain: PlainBrowser) -> None:
    assert await plain.submit("claim") == 303
    await plain.open()
    assert 'value="join"' in plain.document


async def test_browser_without_cookies_is_told_so(plain: PlainBrowser, sale: Sale) -> None:
    """Given that the ticket does not come back, the form alone would be filled in for ever."""
    await sale.tell("pause")
    await plain.submit("join")
    shown = plain.location
    plain.cookies.clear()
    assert await plain.follow(shown) == 200
    assert catalogue("en")["cookies_lead"] in plain.document
    assert 'value="join"' in plain.document
    assert await plain.open() == 200
    assert catalogue("en")["form_lead"] in plain.document


async def test_limit_on_joins_is_told_in_words(
    service: Service, http: aiohttp.ClientSession, shop: ReturnPage
) -> None:
    limits = {"address_joins_per_minute": 1, "address_joins_burst": 1}
    limited = await make_sale(service, http, shop.origin, limits)
    await limited.tell("pause")
    first, second = PlainBrowser(http, limited), PlainBrowser(http, limited)
    assert await first.submit("join") == 303
    assert await second.submit("join") == 429
    assert catalogue("en")["problem_limited_headline"] in second.document
    assert f'href="{shop.origin}/seats"' in second.document
    found = re.search(r'http-equiv="refresh" content="(\d+);url=([^"]+)"', second.document)
    assert found
    assert int(found[1]) >= second.retry_after > 1
    assert await second.follow(found[2]) == 200
    assert 'value="join"' in second.document


@pytest.mark.parametrize("operation", ["close", "drain"])
async def test_dead_end_has_a_way_back(operation: str, plain: PlainBrowser, sale: Sale) -> None:
    await sale.tell(operation)
    await plain.open()
    assert f'href="{sale.shop}/seats"' in plain.document


async def test_call_is_told_how_long_it_waits(plain: PlainBrowser, sale: Sale) -> None:
    await sale.tell("pause")
    await plain.submit("join")
    await plain.open()
    assert "Time to go in when called</dt><dd>2 min<" in plain.document
    await sale.tell("resume")
    await plain.open_until('value="claim"')
    assert "A call is kept for 2 min" in plain.document


async def test_quiet_sale_lets_through_at_once(plain: PlainBrowser) -> None:
    assert await plain.submit("join") == 303
    assert "holdfast_token=" in plain.location


@pytest.mark.parametrize(
    ("operation", "words"),
    [("close", "This sale is closed"), ("drain", "The line takes nobody new")],
)
async def test_place_tells_the_state_of_the_sale(
    operation: str, words: str, plain: PlainBrowser, sale: Sale
) -> None:
    await sale.tell(operation)
    assert await plain.open() == 200
    assert words in plain.document
    assert "<form" not in plain.document


async def test_scheduled_sale_says_when(
    service: Service, http: aiohttp.ClientSession, shop: ReturnPage
) -> None:
    times = {
        "prequeue_start_time": "2099-01-01T00:00:00Z",
        "event_start_time": "2099-01-02T00:00:00Z",
    }
    later = await make_sale(service, http, shop.origin, times)
    plain = PlainBrowser(http, later)
    await plain.open()
    assert "The waiting room is not open yet" in plain.document
    assert re.search(r"\d d \d\d:\d\d<", plain.document)
    assert await plain.submit("join") == 303
    assert plain.cookies == {}


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
@pytest.mark.parametrize("state", ["scheduled", "rejected"])
async def test_long_figure_stays_on_the_page(
    *,
    state: str,
    language: str,
    service: Service,
    http: aiohttp.ClientSession,
    shop: ReturnPage,
    browser: Browser,
) -> None:
    """Without scripts nothing measures the figure: its size is a guess, and must be a safe one."""
    far = {
        "prequeue_start_time": "2099-01-01T00:00:00Z",
        "event_start_time": "2099-01-02T00:00:00Z",
    }
    fields = {"scheduled": far, "rejected": {"queueing_method": "reject"}}
    sale = await make_sale(service, http, shop.origin, fields[state])
    async with open_page(browser, NARROW, language=language, scripts=False) as page:
        await page.goto(sale.page())
        await page.locator(".fallback button").click()
        await reach(page, state)
        for size in (NARROW, PHONE, DESKTOP):
            await resize(page, size)
            figure = "document.querySelector('.figure span').getBoundingClientRect().right"
            column = "document.querySelector('h1').getBoundingClientRect().right"
            assert await page.evaluate(f"{figure} - {column}") <= 0, size


async def test_lobby_keeps_the_place_by_form(
    service: Service, http: aiohttp.ClientSession, shop: ReturnPage
) -> None:
    times = {
        "prequeue_start_time": "2020-01-01T00:00:00Z",
        "event_start_time": "2099-01-02T00:00:00Z",
        "queueing_method": "random",
    }
    lobby = await make_sale(service, http, shop.origin, times)
    plain = PlainBrowser(http, lobby)
    assert await plain.submit("join") == 303
    await plain.open()
    assert "You are early, and you are in" in plain.document
    assert "random order" in plain.document


async def test_browser_without_scripts_gets_through(
    service: Service, http: aiohttp.ClientSession, shop: ReturnPage, plain_phone: Page
) -> None:
    """The policy lets the form's redirect reach the shop; the place refreshes by itself."""
    # A page refreshes at least three times in a claim window.
    sale = await make_sale(service, http, shop.origin, {"claim_window_seconds": 12})
    await sale.tell("pause")
    await plain_phone.goto(sale.page())
    await plain_phone.locator(".fallback button").click()
    await reach(plain_phone, "paused")
    await sale.tell("resume")
    await plain_phone.locator("button[value=claim]").click(timeout=40_000)
    await arrive(plain_phone, "/seats")
    assert await complaints(plain_phone) == []
    assert "holdfast_token=" in shop.visits[0]
