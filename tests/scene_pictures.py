"""Pictures of every scene of the waiting page, in each width and colour scheme."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp
from accessibility import MEDIA
from chromium import Chromium, Page
from pages_kit import Sale, make_sale
from running_service import STOP_SECONDS, Service, await_ready, launch
from waiting_scenes import (
    PLACES,
    PROBLEMS,
    SCENES,
    TROUBLES,
    open_document,
    open_scene,
    open_trouble,
    place_page,
    problem_page,
)

SIZES: Final = ((320, 640), (390, 844), (1366, 768))
SHOP: Final = "http://shop.invalid"
SETTLE_SECONDS: Final = 0.3

_KEEP_TOAST: Final = """(() => { const toast = document.querySelector(".toast.on");
const keep = () => { if (!toast.classList.contains("on")) toast.classList.add("on"); };
if (toast) new MutationObserver(keep).observe(toast, {attributes: true}); })()"""
"""What is told for a moment is told in every picture."""

_Open = Callable[[Page], Awaitable[object]]


async def take_scenes(binary: str, folder: Path, language: str) -> None:
    """Writes `<scene>-<width>-<medium>.png` for each scene into `folder`."""
    async with _sale() as sale, Chromium(binary) as browser:
        for name, opens in _scenes(sale, language).items():
            async with browser.page(SIZES[0], language=language) as page:
                await opens(page)
                await shoot(page, folder, name)


def _scenes(sale: Sale, language: str) -> Mapping[str, _Open]:
    """How to open each scene; the documents without scripts are named for it."""
    opened: dict[str, _Open] = {}
    for scene in SCENES:
        opened[scene] = partial(open_scene, sale=sale, scene=scene)
    for kind in TROUBLES:
        opened[kind] = partial(open_trouble, sale=sale, kind=kind)
    documents = {f"noscript-{scene}": place_page(sale, scene, language) for scene in PLACES}
    documents |= {f"problem-{kind}": problem_page(sale, kind, language) for kind in PROBLEMS}
    for name, text in documents.items():
        opened[name] = partial(open_document, sale=sale, document=text)
    opened["noscript-waiting-page"] = lambda page: _without_scripts(page, sale)
    return opened


async def _without_scripts(page: Page, sale: Sale) -> None:
    await page.scripts(on=False)
    await page.go(sale.page())


async def shoot(page: Page, folder: Path, name: str) -> None:
    """Writes `<name>-<width>-<medium>.png` of the page as it is, in each width and medium.

    Widths change within a medium: the other way round Chromium keeps the last medium's background.
    """
    await page.run(_KEEP_TOAST)
    for medium, features in MEDIA.items():
        await page.media(**features)
        for size in SIZES:
            await page.resize(size)
            await asyncio.sleep(SETTLE_SECONDS)
            await page.screenshot(
                folder / f"{name}-{size[0]}-{medium.partition(' ')[0]}.png", full=True
            )


@asynccontextmanager
async def running_service() -> AsyncIterator[Service]:
    """A service of its own."""
    with tempfile.TemporaryDirectory() as data:
        service = launch(Path(data), "--workers", "1")
        try:
            await_ready(service)
            yield service
        finally:
            service.process.terminate()
            service.process.wait(STOP_SECONDS)


@asynccontextmanager
async def _sale() -> AsyncIterator[Sale]:
    async with running_service() as service, aiohttp.ClientSession() as http:
        yield await make_sale(service, http, SHOP)
