"""Pictures of every scene of the demo's shop, in each width and colour scheme."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
from accessibility import MEDIA
from chromium import Chromium, Page
from running_service import STOP_SECONDS, Service, await_ready, launch
from storefront_kit import open_shop
from storefront_scenes import SCENES, open_scene

SIZES: Final = ((320, 640), (390, 844), (1366, 768))
SETTLE_SECONDS: Final = 0.3
_KEEP_TOAST: Final = """(() => { const toast = document.querySelector(".toast.on");
if (toast) new MutationObserver(() => toast.classList.add("on")).observe(toast, {attributes: true});
})()"""
"""What is told for a moment is told in every picture."""


async def take_storefront(binary: str, folder: Path) -> None:
    """Writes `shop-<scene>-<width>-<medium>.png` for each scene into `folder`."""
    async with _service() as service, aiohttp.ClientSession() as http, Chromium(binary) as browser:
        for name, scene in SCENES.items():
            async with (
                open_shop(service, http, **scene.sale) as store,
                browser.page(SIZES[0]) as page,
            ):
                await open_scene(page, store, name)
                await _shoot(page, folder, f"shop-{name}")


async def _shoot(page: Page, folder: Path, name: str) -> None:
    await page.run(_KEEP_TOAST)
    for medium, features in MEDIA.items():
        await page.media(**features)
        for size in SIZES:
            await page.resize(size)
            await asyncio.sleep(SETTLE_SECONDS)
            await page.screenshot(folder / f"{name}-{size[0]}-{medium.partition(' ')[0]}.png")


@asynccontextmanager
async def _service() -> AsyncIterator[Service]:
    with tempfile.TemporaryDirectory() as data:
        service = launch(Path(data), "--workers", "1")
        try:
            await_ready(service)
            yield service
        finally:
            service.process.terminate()
            service.process.wait(STOP_SECONDS)
