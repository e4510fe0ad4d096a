"""The demo's shop for everybody: axe's rules and reflow in every scene, and seats by keyboard."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import Page
from support.pages.accessibility import ZOOMED, assert_accessible, assert_reflows
from support.pages.browser import MEDIA, SharedContexts, resize
from support.pages.open_shop import OpenShop
from support.pages.shop_scenes import SCENES, open_scene
from support.pages.shop_visit import walk_in
from support.service.running import Service

OVERLAYS = ("#toast", "#payment .hint", "#leaving-said")
"""Text of more than one line that lies over other elements: axe does not judge its contrast, though
it has a background of its own. It is computed here.
"""
CONTRAST = """
selector => {
  const parts = colour => colour.match(/[0-9.]+/g).map(Number);
  const light = colour => parts(colour).slice(0, 3).map(part => part / 255)
    .map(part => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [.2126, .7152, .0722][index], 0);
  const text = document.querySelector(selector);
  let behind = text;
  while (parts(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const [one, other] = [getComputedStyle(text).color, getComputedStyle(behind).backgroundColor]
    .map(light).sort((less, more) => more - less);
  return (one + .05) / (other + .05);
}
"""


@pytest.mark.parametrize("name", SCENES)
async def test_scene_is_accessible_and_reflows(
    name: str, service: Service, http: aiohttp.ClientSession, shared_contexts: SharedContexts
) -> None:
    async with open_scene(shared_contexts.open_page, service, http, name) as page:
        await assert_accessible(page, without=OVERLAYS)
        await assert_reflows(page)


@pytest.mark.parametrize("medium", MEDIA)
async def test_text_over_the_page_has_contrast(medium: str, store: OpenShop, phone: Page) -> None:
    await walk_in(phone, store)
    await phone.emulate_media(**MEDIA[medium])
    ratios = [await phone.evaluate(CONTRAST, selector) for selector in OVERLAYS]
    assert min(ratios) >= 4.5, ratios


async def test_every_seat_is_reached_by_keyboard(store: OpenShop, page: Page) -> None:
    """From the first seat by the cursor's own moves: arrows, ends of a row, next block."""
    await walk_in(page, store)
    reached, count = await page.evaluate(
        """async () => {
        const script = document.querySelector("script[type=module]").src;
        const {Plan} = await import(new URL("plan.js", script));
        const {service, sale} = JSON.parse(document.getElementById("page-data").textContent);
        const response = await fetch(`${service}/v1/sales/${sale}/plan?form=columns`);
        const plan = new Plan(await response.json(), {});
        const found = new Set([0]);
        for (const seat of found) {
          const row = plan.rows[plan.row[seat]];
          for (const [dx, dy] of [[-1, 0], [1, 0], [0, -1], [0, 1]])
            found.add(plan.towards(seat, dx, dy));
          found.add(row.start).add(row.end - 1);
          plan.zones.forEach(({start}) => found.add(start));
        }
        return [found.size, plan.count]; }"""
    )
    assert reached == count == 1221


async def test_nothing_lies_over_the_map_when_zoomed(store: OpenShop, phone: Page) -> None:
    await walk_in(phone, store)
    await resize(phone, ZOOMED)
    height, over = await phone.evaluate(
        """() => { const box = (id) => document.querySelector(id).getBoundingClientRect();
        const map = box("#map"), zoom = box(".zoom");
        return [map.height, Math.min(map.bottom, zoom.bottom) - Math.max(map.top, zoom.top)]; }"""
    )
    assert over <= 0
    assert height >= 128


async def test_cursor_has_a_name_before_it_is_focused(store: OpenShop, page: Page) -> None:
    await walk_in(page, store)
    names = "[...document.querySelectorAll('.cursor')].map(b => b.getAttribute('aria-label'))"
    assert all(await page.evaluate(names))
