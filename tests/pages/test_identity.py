"""Sales that ask who comes: the shop's link says it, the page and the form hand it on, once."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, expect
from support.pages.browser import arrive, complaints, open_page, record_requests
from support.pages.running_sale import ReturnPage, Sale, make_sale
from support.pages.waiting_scenes import reach
from support.service.running import Service

from holdfast_connector import IdentitySigner
from holdfast_queue.http.pages.languages import catalogue

HTML = {"Accept": "text/html", "Accept-Language": "en"}


@pytest_asyncio.fixture(loop_scope="session")
async def members(service: Service, http: aiohttp.ClientSession, shop: ReturnPage) -> Sale:
    """A sale for who is identified; paused, so that everybody keeps waiting."""
    sale = await make_sale(service, http, shop.origin, {"identity": "required"})
    await sale.tell("pause")
    return sale


async def signer_of(sale: Sale) -> IdentitySigner:
    key = await sale.operator.get(f"/v1/sales/{sale.name}/identity-key")
    return IdentitySigner.from_json(json.dumps(key.body))


async def link(sale: Sale, customer: str = "customer-7") -> str:
    """Where the shop sends a customer."""
    return sale.page(identity=(await signer_of(sale)).sign(customer))


async def told(requests: list[Request], token: str) -> list[str]:
    """The addresses of requests that had `token` in their address or headers."""
    return [
        request.url
        for request in requests
        if token in request.url or token in str(await request.all_headers())
    ]


async def test_identity_is_handed_on_and_leaves_the_address(members: Sale, phone: Page) -> None:
    """Only the very request for the page has it in its address: no later one, and no referrer."""
    address = await link(members)
    token = parse_qs(urlsplit(address).query)["identity"][0]
    requests = record_requests(phone)
    await phone.goto(address)
    await reach(phone, "paused")
    assert phone.url == members.page()
    assert await phone.evaluate("history.length") <= 2
    assert await told(requests, token) == [address]
    assert len(requests) > 5
    assert token not in await phone.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert await complaints(phone) == []
    await members.issued(1)


async def test_same_identity_in_another_browser_has_the_same_place(
    members: Sale, browser: Browser
) -> None:
    for customer in ("customer-1", "customer-7", "customer-7"):
        async with open_page(browser) as page:
            await page.goto(await link(members, customer))
            await reach(page, "paused")
            number = await page.locator("#number").inner_text()
    assert number == "2"
    await members.issued(2)


async def test_reload_continues_without_the_identity(members: Sale, page: Page) -> None:
    await page.goto(await link(members))
    await reach(page, "paused")
    await page.evaluate("localStorage.clear()")
    await page.goto(members.page())
    await reach(page, "paused")
    await expect(page.locator("#number")).to_have_text("1")
    await members.issued(1)


async def test_identity_waits_with_the_tab_until_the_room_opens(
    service: Service, http: aiohttp.ClientSession, shop: ReturnPage, page: Page
) -> None:
    """Given a room that opens later, a visitor who reloads or reads another language keeps it."""
    times = {
        "prequeue_start_time": "2099-01-01T00:00:00Z",
        "event_start_time": "2099-01-02T00:00:00Z",
    }
    later = await make_sale(service, http, shop.origin, {"identity": "required", **times})
    await page.goto(await link(later))
    await reach(page, "scheduled")
    await page.locator("nav a").click()
    await expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert "identity" not in page.url
    await reach(page, "scheduled")
    await later.change(**times | {"prequeue_start_time": "2020-01-01T00:00:00Z"})
    await later.shown(state="lobby")
    await page.goto(later.page())
    await reach(page, "lobby")


@pytest.mark.parametrize(("language", "identity"), [("en", None), ("zh-Hans", "forged")])
async def test_without_a_valid_identity_the_page_leads_back_to_the_shop(
    language: str, identity: str | None, members: Sale, shop: ReturnPage, phone: Page
) -> None:
    texts = catalogue(language)
    address = members.page()
    if identity is not None:
        token = (await signer_of(members)).sign("customer-7")
        address = members.page(identity=token[:-4] + "AAAA")
    await phone.goto(address)
    await reach(phone, "identity")
    await expect(phone.locator("h1#headline")).to_have_text(texts["identity_headline"])
    await expect(phone.locator("#lead")).to_have_text(texts["identity_lead"])
    assert "identity" not in phone.url
    await phone.locator("#back").click()
    await arrive(phone, "/seats")
    assert shop.visits == [f"{shop.origin}/seats"]
    await members.issued(0)


# -- without scripts ------------------------------------------------------------------------------


async def submit(
    http: aiohttp.ClientSession, sale: Sale, cookie: str = "", **fields: str
) -> tuple[aiohttp.ClientResponse, str]:
    url = f"{sale.operator.url}/wait/{sale.name}/place"
    form = {"t": f"{sale.shop}/seats", "lang": "en", "do": "join", **fields}
    own = {"Origin": sale.operator.url, "Sec-Fetch-Site": "same-origin", "Cookie": cookie}
    typed = {"Content-Type": "application/x-www-form-urlencoded"}
    async with http.post(
        url, data=urlencode(form), headers={**HTML, **own, **typed}, allow_redirects=False
    ) as response:
        return response, await response.text()


@pytest.mark.parametrize("path", ["", "/place"])
async def test_page_with_an_identity_is_for_one_visitor(
    path: str, members: Sale, http: aiohttp.ClientSession
) -> None:
    token = (await signer_of(members)).sign("customer-7")
    async with http.get(members.page(path, identity=token), headers=HTML) as response:
        document = await response.text()
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "strict-origin"
    assert document.count(token) == 1
    assert f'name="identity" value="{token}"' in document


async def test_markup_in_an_identity_stays_text(members: Sale, http: aiohttp.ClientSession) -> None:
    async with http.get(members.page(identity='"><script>x</script>'), headers=HTML) as response:
        assert "<script>x" not in await response.text()


async def test_form_hands_the_identity_on(members: Sale, http: aiohttp.ClientSession) -> None:
    signer = await signer_of(members)
    cookies = []
    for _ in range(2):  # two browsers: neither shows the other's cookie
        response, _ = await submit(http, members, identity=signer.sign("customer-7"))
        assert response.status == 303
        assert "identity" not in response.headers["Location"]
        cookies.append(response.headers["Set-Cookie"].partition(";")[0])
    for cookie in cookies:
        async with http.get(members.page("/place"), headers={**HTML, "Cookie": cookie}) as shown:
            assert "Your number</dt><dd>1<" in await shown.text()
    await members.issued(1)


async def test_form_without_a_valid_identity_leads_back_to_the_shop(
    members: Sale, http: aiohttp.ClientSession
) -> None:
    for fields in ({}, {"identity": ""}, {"identity": "forged"}):
        response, document = await submit(http, members, **fields)
        assert response.status == 401
        assert "Please come through the shop" in document
        assert f'href="{members.shop}/seats"' in document
        assert "Set-Cookie" not in response.headers
    async with http.get(members.page("/place"), headers=HTML) as shown:
        document = await shown.text()
    assert shown.status == 200
    assert "Please come through the shop" in document
    assert "<form" not in document


async def test_form_of_who_has_a_place_shows_it(members: Sale, http: aiohttp.ClientSession) -> None:
    token = (await signer_of(members)).sign("customer-7")
    response, _ = await submit(http, members, identity=token)
    cookie = response.headers["Set-Cookie"].partition(";")[0]
    for fields in ({}, {"identity": "forged"}):
        response, _ = await submit(http, members, cookie, **fields)
        assert response.status == 303
        assert urlsplit(response.headers["Location"]).path == f"/wait/{members.name}/place"
    await members.issued(1)


async def test_browser_without_scripts_is_identified(members: Sale, plain_phone: Page) -> None:
    address = await link(members)
    token = parse_qs(urlsplit(address).query)["identity"][0]
    requests = record_requests(plain_phone)
    await plain_phone.goto(address)
    await plain_phone.locator(".fallback button").click()
    await reach(plain_phone, "paused")
    assert "identity" not in plain_phone.url
    assert await told(requests, token) == [address]
    assert await complaints(plain_phone) == []
    await members.issued(1)
