"""Pictures of every scene of the demo's shop, in each width and colour scheme."""

from __future__ import annotations

from pathlib import Path

import aiohttp
from chromium import Chromium
from scene_pictures import SIZES, running_service, shoot
from storefront_kit import open_shop
from storefront_scenes import SCENES, open_scene


async def take_storefront(binary: str, folder: Path) -> None:
    """Writes `shop-<scene>-<width>-<medium>.png` for each scene into `folder`."""
    async with (
        running_service() as service,
        aiohttp.ClientSession() as http,
        Chromium(binary) as browser,
    ):
        for name, scene in SCENES.items():
            async with (
                open_shop(service, http, **scene.sale) as store,
                browser.page(SIZES[0]) as page,
            ):
                await open_scene(page, store, name)
                await shoot(page, folder, f"shop-{name}")
