"""Every scene of the waiting page: accessible, without sideways scrolling, and none forgotten."""

from __future__ import annotations

import pytest
from accessibility import assert_accessible, assert_reflows
from chromium import PHONE, Chromium
from pages_kit import Sale
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

from holdfast_queue.http.pages.languages import catalogue
from holdfast_queue.http.pages.place import Scene

TALL = (390, 1400)
REFRESH = "meta[http-equiv=refresh]"
"""Left out where there are no scripts: a line moves in real time (WCAG 2.2.1 excepts that), and
nothing else brings news of it to such a page. It says so, and it names the interval."""


def test_scenes_are_complete() -> None:
    """Each scene, trouble and problem has a headline in the catalogue."""
    headlines = {
        key.removesuffix("_headline") for key in catalogue("en") if key.endswith("_headline")
    }
    problems = {f"problem_{kind}" for kind in PROBLEMS}
    assert set(SCENES) | set(TROUBLES) | set(PLACES) | problems == headlines
    assert set(PLACES) == set(Scene)


@pytest.mark.parametrize("scene", SCENES)
async def test_scene_is_accessible(scene: str, sale: Sale, browser: Chromium) -> None:
    async with browser.page(PHONE) as page:
        await open_scene(page, sale, scene)
        await assert_accessible(page)
        await assert_reflows(page)


@pytest.mark.parametrize(
    ("scene", "shown"),
    [("waiting", True), ("rejected", False), ("identity", False), ("draining", False)],
)
async def test_stock_is_shown_to_whom_it_is_for(
    scene: str, shown: bool, sale: Sale, browser: Chromium
) -> None:
    async with browser.page(PHONE) as page:
        await open_scene(page, sale, scene)
        await page.until(f"document.getElementById('stock').hidden === {str(not shown).lower()}")


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_trouble_is_accessible(trouble: str, sale: Sale, browser: Chromium) -> None:
    # Tall enough for the banner to lie over nothing, where axe could not tell the background.
    async with browser.page(TALL) as page:
        await open_trouble(page, sale, trouble)
        await assert_accessible(page)
        await assert_reflows(page)


@pytest.mark.parametrize("scene", PLACES)
async def test_place_is_accessible(scene: Scene, sale: Sale, browser: Chromium) -> None:
    async with browser.page(PHONE) as page:
        await open_document(page, sale, place_page(sale, scene))
        await assert_accessible(page, without=[REFRESH])
        await assert_reflows(page)


@pytest.mark.parametrize("kind", PROBLEMS)
async def test_problem_is_accessible(kind: str, sale: Sale, browser: Chromium) -> None:
    async with browser.page(PHONE) as page:
        await open_document(page, sale, problem_page(sale, kind))
        await assert_accessible(page, without=[REFRESH])
        await assert_reflows(page)
