"""Every screen of the console in a browser: accessible, within 320 px, without complaints."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from support.pages.accessibility import LIGHT, assert_accessible, assert_reflows
from support.pages.browser import MEDIA, OpenPage, SharedContexts, complaints
from support.pages.console_pages import screen_url, sign_in
from support.pages.running_sale import Sale
from support.service.running import Service

from holdfast_console.screen import Screen
from holdfast_console.screens import SCREENS
from holdfast_console.texts import LANGUAGES

LISTED = [screen for screen in SCREENS if screen.listed]


@pytest.fixture
def opening(shared_contexts: SharedContexts) -> OpenPage:
    return shared_contexts.open_page


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("screen", LISTED, ids=lambda screen: screen.name)
async def test_screen_is_accessible_and_fits_a_phone(
    screen: Screen, lang: str, page: Page, sale: Sale, service: Service
) -> None:
    await sign_in(page, service, sale.operator.http)
    answer = await page.goto(screen_url(service, screen, {"sale": sale.name}, lang))
    assert answer is not None
    assert answer.status == 200
    await expect(page.locator("html")).to_have_attribute("lang", lang)
    await expect(page.locator("h1")).to_have_count(1)
    # Axe cannot tell what is behind text in a picture; its colours are those of the page.
    # Words do not change colours: they are seen in every medium in English alone.
    media = MEDIA if lang == "en" else (LIGHT,)
    await assert_accessible(page, without=(".chart-svg",), media=media)
    await assert_reflows(page)
    assert await complaints(page) == []


@pytest.mark.parametrize("path", ["/", "/console/sign-in"])
async def test_page_before_signing_in_is_accessible(
    path: str, page: Page, service: Service
) -> None:
    await page.goto(service.url + path)
    await assert_accessible(page)
    await assert_reflows(page)
    assert await complaints(page) == []


async def test_operator_signs_in_and_out_by_keyboard(page: Page, service: Service) -> None:
    key = page.get_by_label("API key")
    await page.goto(f"{service.url}/console")
    await expect(key).to_be_focused()
    await page.keyboard.type("wrong")
    await page.keyboard.press("Enter")
    await expect(page.locator("#wrong")).to_be_visible()
    await expect(key).to_be_focused()
    await page.keyboard.type(service.operator_key)
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Sales")
    await page.get_by_role("button", name="Sign out").press("Enter")
    await expect(page.locator("h1")).to_have_text("Sign in")
