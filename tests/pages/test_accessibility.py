"""The accessibility check itself: what it must not miss, on documents made to fail it."""

from __future__ import annotations

import json

import pytest
from accessibility import assert_accessible, assert_reflows, violations
from chromium import Chromium, Page
from pages_kit import Sale

VIEWPORT = "<meta name=viewport content='width=device-width, initial-scale=1'>"
GOOD = "<main><h1>Shop</h1><p>Open until eight.</p></main>"
FAULTS = {
    "color-contrast": GOOD + '<footer style="color: #999; background: #fff">Faint</footer>',
    "button-name": GOOD.replace("</main>", "<button></button></main>"),
    "target-size": GOOD.replace(
        "</main>",
        '<button style="all: unset">a</button><button style="all: unset">b</button></main>',
    ),
    "label": GOOD.replace("</main>", "<input></main>"),
}
DARK_ONLY = "@media (prefers-color-scheme: dark) {{ p {{ color: #222; background: #111 }} }}"
FORCED_ONLY = """@media (forced-colors: active) {
  p { forced-color-adjust: none; color: #222; background: #111 }
}"""


async def write(page: Page, body: str, style: str = "") -> None:
    document = (
        f"<!doctype html><html lang=en><title>Shop</title>{VIEWPORT}<style>{style}</style>{body}"
    )
    await page.run(f"document.open();document.write({json.dumps(document)});document.close()")


async def test_check_passes_a_sound_page(browser: Chromium) -> None:
    async with browser.page() as page:
        await write(page, GOOD)
        await assert_accessible(page)
        await assert_reflows(page)


@pytest.mark.parametrize("rule", FAULTS)
async def test_check_names_the_rule_that_is_broken(rule: str, browser: Chromium) -> None:
    async with browser.page() as page:
        await write(page, FAULTS[rule])
        assert rule in {finding.split(":")[0] for finding in await violations(page)}


@pytest.mark.parametrize(
    ("medium", "style"), [("dark", DARK_ONLY.format()), ("forced colours", FORCED_ONLY)]
)
async def test_check_looks_in_every_medium(medium: str, style: str, browser: Chromium) -> None:
    async with browser.page() as page:
        await write(page, GOOD, style)
        assert await violations(page) == []
        with pytest.raises(AssertionError, match=f"{medium}: color-contrast"):
            await assert_accessible(page)


async def test_check_reads_the_document_of_a_browser_without_scripts(
    sale: Sale, browser: Chromium
) -> None:
    async with browser.page() as page:
        await page.scripts(on=False)
        await page.go(sale.page("/place"))
        await page.call("DOM.enable")
        root = (await page.call("DOM.getDocument"))["root"]["nodeId"]
        body = await page.call("DOM.querySelector", nodeId=root, selector="main")
        faulty = "<button></button><noscript><p>Read me</p></noscript>"
        await page.call("DOM.setOuterHTML", nodeId=body["nodeId"], outerHTML=faulty)
        with pytest.raises(AssertionError, match="button-name"):
            await assert_accessible(page)


async def test_check_sees_what_runs_over_the_edge(browser: Chromium) -> None:
    async with browser.page() as page:
        await write(page, GOOD + '<p style="width: 400px">Wide</p>')
        with pytest.raises(AssertionError, match="scrolls sideways"):
            await assert_reflows(page)
