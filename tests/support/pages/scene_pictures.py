"""Pictures of every scene of the waiting page and of the demo's shop, in each width and medium."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp
from playwright.async_api import Browser, Page
from support.pages.browser import MEDIA, NARROW, PHONE, Size, open_page, resize
from support.pages.running_sale import Sale, make_sale
from support.pages.shop_scenes import SCENES as SHOP_SCENES
from support.pages.shop_scenes import open_scene as open_shop_scene
from support.pages.waiting_scenes import (
    PROBLEMS,
    SCENES,
    TROUBLES,
    open_document,
    open_scene,
    open_trouble,
    place_page,
    problem_page,
)
from support.service.running import Service, serving

from holdfast_queue.http.pages.examples import PLACES

SIZES: Final[tuple[Size, ...]] = (NARROW, PHONE, (1366, 768))
SHOP: Final = "http://shop.invalid"
SETTLE_MS: Final = 300

_KEEP_TOAST: Final = """(() => { const toast = document.querySelector(".toast.on");
const keep = () => { if (!toast.classList.contains("on")) toast.classList.add("on"); };
if (toast) new MutationObserver(keep).observe(toast, {attributes: true}); })()"""
"""What is told for a moment is told in every picture."""

_Open = Callable[[Page], Awaitable[object]]


async def take_waiting_page(browser: Browser, folder: Path, language: str) -> None:
    """Writes `<scene>-<width>-<medium>.png` for each scene of the waiting page into `folder`."""
    async with _fresh_service() as service, aiohttp.ClientSession() as http:
        sale = await make_sale(service, http, SHOP)
        scripted, plain = _with_scripts(sale), _without_scripts(sale, language)
        for name, opens in {**scripted, **plain}.items():
            scripts = name in scripted
            async with open_page(browser, PHONE, language=language, scripts=scripts) as page:
                await opens(page)
                await shoot(page, folder, name)


async def take_shop(browser: Browser, folder: Path) -> None:
    """Writes `shop-<scene>-<width>-<medium>.png` for each scene of the shop into `folder`."""
    async with _fresh_service() as service, aiohttp.ClientSession() as http:
        for name in SHOP_SCENES:
            async with open_shop_scene(partial(open_page, browser), service, http, name) as page:
                await shoot(page, folder, f"shop-{name}")


def _with_scripts(sale: Sale) -> Mapping[str, _Open]:
    opened: dict[str, _Open] = {
        scene: partial(open_scene, sale=sale, scene=scene) for scene in SCENES
    }
    return opened | {kind: partial(open_trouble, sale=sale, kind=kind) for kind in TROUBLES}


def _without_scripts(sale: Sale, language: str) -> Mapping[str, _Open]:
    documents = {f"noscript-{scene}": place_page(sale, scene, language) for scene in PLACES}
    documents |= {f"problem-{kind}": problem_page(sale, kind, language) for kind in PROBLEMS}
    opened: dict[str, _Open] = {
        name: partial(open_document, sale=sale, document=text) for name, text in documents.items()
    }
    return {**opened, "noscript-waiting-page": lambda page: page.goto(sale.page())}


async def shoot(page: Page, folder: Path, name: str) -> None:
    """Writes `<name>-<width>-<medium>.png` of the page as it is, in each width and medium.

    Widths change within a medium: the other way round Chromium keeps the last medium's background.
    """
    await page.evaluate(_KEEP_TOAST)
    for medium, features in MEDIA.items():
        await page.emulate_media(**features)
        for size in SIZES:
            await resize(page, size)
            await page.wait_for_timeout(SETTLE_MS)
            file = folder / f"{name}-{size[0]}-{medium.partition(' ')[0]}.png"
            await page.screenshot(path=file, full_page=True)


@asynccontextmanager
async def _fresh_service() -> AsyncIterator[Service]:
    """A service that nothing is left of."""
    with tempfile.TemporaryDirectory() as data, serving(Path(data), "--workers", "1") as service:
        yield service
