"""Look: what is saved of a brand, and previews that need a session and save nothing."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from support.api_client import Api, create
from support.console_browser import CONSOLE, ConsoleBrowser

from holdfast_console.screens.look import SCENES, TEXTS
from holdfast_queue.http.pages.place import Scene
from holdfast_queue.line.brand import TEXTS as WORDABLE


@pytest.fixture
async def name(operator: Api) -> str:
    made = f"s-{uuid4().hex}"
    await create(operator, made)
    return made


def test_screen_has_every_scene_and_every_text_of_a_brand() -> None:
    assert sorted(SCENES) == sorted(Scene)
    assert sorted(TEXTS) == sorted(WORDABLE)


async def test_brand_is_saved_whole_and_the_logo_kept(
    browser: ConsoleBrowser, operator: Api, name: str
) -> None:
    path = f"{CONSOLE}/sales/{name}/look"
    logo = "/logo.svg"
    await operator.patch(f"/v1/sales/{name}", {"brand": {"logo": logo}})
    form = {
        "do": "save",
        "brand_name": "Us",
        "colour": "#AA1122",
        "en.waiting_lead": "Soon <b>",
        "zh-Hans.waiting_lead": "快了",
        "en.held_lead": " ",
    }
    assert (await browser.post(path, form)).location == f"{path}?done=look"
    brand = (await operator.get(f"/v1/sales/{name}")).body["brand"]
    assert brand["texts"] == {
        "en": {"waiting_lead": "Soon <b>"},
        "zh-Hans": {"waiting_lead": "快了"},
    }
    assert (brand["name"], brand["colour"], brand["logo"]) == ("Us", "#aa1122", logo)
    await browser.post(path, {**form, "without_logo": "yes"})
    assert (await operator.get(f"/v1/sales/{name}")).body["brand"]["logo"] is None
    assert (await browser.post(path, {**form, "colour": "red"})).status == 400


@pytest.mark.parametrize("scene", SCENES)
async def test_every_scene_is_shown_in_a_colour_that_is_tried(
    scene: str, browser: ConsoleBrowser, operator: Api, name: str
) -> None:
    path = f"{CONSOLE}/sales/{name}/look/{scene}"
    page = await browser.get(f"{path}?colour=%23aa1122&lang=zh-Hans")
    assert page.status == 200
    assert f'data-state="{scene}"' in page.text
    assert '<html lang="zh-Hans"' in page.text
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    sheet = re.search(r'href="(/wait/[^"]+brand\.css[^"]*)"', page.text)
    assert sheet is not None
    style = await operator.as_(None).get(sheet[1])
    assert b"#aa1122" in style.body
    assert style.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (await operator.get(f"/v1/sales/{name}")).body["brand"]["colour"] is None


async def test_preview_needs_a_key_and_knows_its_scenes(
    browser: ConsoleBrowser, operator: Api, name: str
) -> None:
    path = f"/v1/sales/{name}/preview"
    assert (await operator.as_(None).get(f"{path}/waiting")).status == 401
    assert (await operator.get(f"{path}/nothing")).code == "not_found"
    assert (await operator.get(f"{path}/waiting?colour=red")).code == "invalid_request"
    assert (await browser.get(f"{CONSOLE}/sales/{name}/look/nothing")).status == 404
