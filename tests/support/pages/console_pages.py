"""The console in Chromium: signed in, one screen after the other."""

from collections.abc import Mapping

import aiohttp
from playwright.async_api import Page
from support.console_browser import ConsoleBrowser
from support.service.running import Service

from holdfast_console.screen import Screen


async def sign_in(page: Page, service: Service, http: aiohttp.ClientSession) -> None:
    """Gives the page's context the cookie of an operator's session."""
    browser = ConsoleBrowser(http, service.url)
    assert (await browser.sign_in(service.operator_key)).status == 303
    name, _, value = browser.cookie.partition("=")
    await page.context.add_cookies(
        [{"name": name, "value": value, "url": f"{service.url}/console"}]
    )


def screen_url(service: Service, screen: Screen, places: Mapping[str, str], lang: str) -> str:
    """The address of a screen."""
    return f"{service.url}{screen.url(**places)}?lang={lang}"
