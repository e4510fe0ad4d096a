"""The accessibility check itself: what it must not miss, on documents made to fail it."""

from __future__ import annotations

import pytest
from playwright.async_api import Page
from support.pages.accessibility import assert_accessible, assert_reflows, violations
from support.pages.browser import SharedContexts
from support.pages.running_sale import ReturnPage, Sale
from support.pages.waiting_scenes import open_document

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
KEEP = "document.cookie = 'kept=1'; localStorage.kept = sessionStorage.kept = 1"
KEPT = "[document.cookie, localStorage.length, sessionStorage.length]"
DARK_ONLY = "@media (prefers-color-scheme: dark) {{ p {{ color: #222; background: #111 }} }}"
FORCED_ONLY = """@media (forced-colors: active) {
  p { forced-color-adjust: none; color: #222; background: #111 }
}"""


def document(body: str, style: str = "") -> str:
    head = f"<title>Shop</title>{VIEWPORT}<style>{style}</style>"
    return f"<!doctype html><html lang=en>{head}{body}"


async def test_check_passes_a_sound_page(page: Page) -> None:
    await page.set_content(document(GOOD))
    await assert_accessible(page)
    await assert_reflows(page)


@pytest.mark.parametrize("rule", FAULTS)
async def test_check_names_the_rule_that_is_broken(rule: str, page: Page) -> None:
    await page.set_content(document(FAULTS[rule]))
    assert rule in {finding.split(":")[0] for finding in await violations(page)}


@pytest.mark.parametrize(
    ("medium", "style"), [("dark", DARK_ONLY.format()), ("forced colours", FORCED_ONLY)]
)
async def test_check_looks_in_every_medium(medium: str, style: str, page: Page) -> None:
    await page.set_content(document(GOOD, style))
    assert await violations(page) == []
    with pytest.raises(AssertionError, match=f"{medium}: color-contrast"):
        await assert_accessible(page)


async def test_check_reads_the_document_of_a_browser_without_scripts(
    shared_sale: Sale, plain_phone: Page
) -> None:
    faulty = document(GOOD.replace("</main>", "<button></button></main>"))
    await open_document(plain_phone, shared_sale, faulty)
    with pytest.raises(AssertionError, match="button-name"):
        await assert_accessible(plain_phone)


async def test_check_sees_what_runs_over_the_edge(page: Page) -> None:
    await page.set_content(document(GOOD + '<p style="width: 400px">Wide</p>'))
    with pytest.raises(AssertionError, match="scrolls sideways"):
        await assert_reflows(page)


async def test_page_of_a_shared_context_finds_nothing_of_the_one_before(
    shared_contexts: SharedContexts, shop: ReturnPage
) -> None:
    async with shared_contexts.open_page() as page:
        await page.goto(shop.origin)
        await page.evaluate(KEEP)
        assert await page.evaluate(KEPT) == ["kept=1", 1, 1]
    async with shared_contexts.open_page() as page:
        await page.goto(shop.origin)
        assert await page.evaluate(KEPT) == ["", 0, 0]
