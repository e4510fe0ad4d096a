"""Every scene of the waiting page: accessible, without sideways scrolling, easily touched, and none
forgotten.
"""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from support.pages.accessibility import assert_accessible, assert_reflows
from support.pages.browser import NARROW, PHONE, WIDE, OpenPage, SharedContexts, resize
from support.pages.running_sale import Sale
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

from holdfast_queue.http.pages.examples import PLACES
from holdfast_queue.http.pages.languages import catalogue
from holdfast_queue.http.pages.place import Scene

MIN_TARGET_PIXELS = 48
SMALL_TARGETS = f"""
[...document.querySelectorAll("button, a")].filter((target) => {{
  const box = target.getBoundingClientRect();
  return target.checkVisibility({{visibilityProperty: true}}) &&
    (box.height < {MIN_TARGET_PIXELS} || box.width < {MIN_TARGET_PIXELS});
}}).map((target) => target.outerHTML)
"""
STOCK_IS_SHOWN = {"waiting": True, "rejected": False, "identity": False, "draining": False}
REFRESH = "meta[http-equiv=refresh]"
"""Left out where there are no scripts: a line moves in real time (WCAG 2.2.1 excepts that), and
nothing else brings news of it to such a page. It says so, and it names the interval."""


@pytest.fixture
def opening(shared_contexts: SharedContexts) -> OpenPage:
    return shared_contexts.open_page


def test_scenes_are_complete() -> None:
    """Each scene, trouble and problem has a headline in the catalogue."""
    headlines = {
        key.removesuffix("_headline") for key in catalogue("en") if key.endswith("_headline")
    }
    problems = {f"problem_{kind}" for kind in PROBLEMS}
    assert set(SCENES) | set(TROUBLES) | set(PLACES) | problems == headlines
    assert set(PLACES) == set(Scene)


@pytest.mark.parametrize("scene", SCENES)
async def test_scene_is_accessible_and_fits(scene: str, shared_sale: Sale, phone: Page) -> None:
    await open_scene(phone, shared_sale, scene)
    if scene in STOCK_IS_SHOWN:  # to whom it is for
        await expect(phone.locator("#stock")).to_be_visible(visible=STOCK_IS_SHOWN[scene])
    await assert_accessible(phone)
    await assert_fits(phone)
    await assert_reflows(phone)


@pytest.mark.parametrize("language", ["zh-Hans"])
@pytest.mark.parametrize("scene", SCENES)
async def test_scene_fits_in_another_language(scene: str, shared_sale: Sale, phone: Page) -> None:
    await open_scene(phone, shared_sale, scene)
    await assert_fits(phone)


async def assert_fits(page: Page) -> None:
    """Fails when it scrolls sideways on a screen of any size, or a target is hard to touch."""
    await expect(page.locator("#headline")).not_to_be_empty()
    for size in (NARROW, PHONE, WIDE):
        await resize(page, size)
        too_wide = f"document.documentElement.scrollWidth - {size[0]}"
        assert await page.evaluate(too_wide) <= 0, size
    assert await page.evaluate(SMALL_TARGETS) == []


# Tall enough for the banner to lie over nothing, where axe could not tell the background.
@pytest.mark.parametrize("size", [(390, 1400)])
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_trouble_is_accessible(trouble: str, shared_sale: Sale, page: Page) -> None:
    await open_trouble(page, shared_sale, trouble)
    await assert_accessible(page)
    await assert_reflows(page)


@pytest.mark.parametrize("scene", PLACES)
async def test_place_is_accessible(scene: Scene, shared_sale: Sale, plain_phone: Page) -> None:
    await open_document(plain_phone, shared_sale, place_page(shared_sale, scene))
    await assert_accessible(plain_phone, without=[REFRESH])
    await assert_reflows(plain_phone)


@pytest.mark.parametrize("kind", PROBLEMS)
async def test_problem_is_accessible(kind: str, shared_sale: Sale, plain_phone: Page) -> None:
    await open_document(plain_phone, shared_sale, problem_page(shared_sale, kind))
    await assert_accessible(plain_phone, without=[REFRESH])
    await assert_reflows(plain_phone)
