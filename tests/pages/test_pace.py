"""The page's pure parts, run where they run: in the browser, imported from the page's own files."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import JSHandle, Page
from support.pages.running_sale import Sale
from support.pages.waiting_answers import WaitingAnswers

FAR = {
    "floor": 2,
    "own": 30,
    "ahead": 9000,
    "aheadThen": 9000,
    "wait": 900,
    "hidden": False,
    "hiddenSeconds": 60,
    "random": 1,
}


PACES: list[tuple[dict[str, object], float]] = [
    ({}, 30),
    ({"random": 0}, 24),
    ({"ahead": 4500}, 15),
    ({"ahead": 90}, 2),
    ({"ahead": 9500}, 30),
    ({"own": None}, 4),
    ({"hidden": True}, 60),
    ({"hidden": True, "hiddenSeconds": 55}, 55),
    ({"hidden": True, "wait": 120}, 40),
    ({"hidden": True, "wait": None}, 30),
    ({"ahead": 60, "aheadThen": 60, "own": 30}, 5),
]
RETRIES: list[tuple[int, float | None, float, float]] = [
    (1, None, 1, 3),
    (3, None, 1, 9),
    (2, 20, 20, 24),
]
PLACES: list[tuple[int, int, list[list[int]], int]] = [
    (10, 0, [], 9),
    (10, 9, [], 0),
    (10, 10, [], 0),
    (10, 50, [], 0),
    (10, 0, [[1, 4]], 5),
    (10, 3, [[1, 4]], 5),
    (10, 0, [[8, 20]], 7),
    (10, 0, [[10, 20]], 9),
    (10, 0, [[2, 3], [5, 5]], 6),
]


@pytest_asyncio.fixture(loop_scope="session")
async def module(shared_sale: Sale, page: Page) -> JSHandle:
    """The module of the waiting page that its pace is computed in.

    The page is answered by the test: the service would let it in, and it would leave for the shop.
    """
    await page.route("**/v1/sales/**", WaitingAnswers().give)
    await page.goto(shared_sale.page())
    return await page.evaluate_handle(
        "import(document.querySelector('script[src]').src.replace('main.js', 'place.js'))"
    )


async def call(module: JSHandle, name: str, *arguments: object) -> Any:
    return await module.evaluate(
        "(module, [name, given]) => module[name](...given)", [name, list(arguments)]
    )


async def test_pace_follows_the_service_and_the_distance(
    module: JSHandle,
) -> None:
    for changes, seconds in PACES:
        assert await call(module, "pollDelay", FAR | changes) == pytest.approx(seconds), changes


async def test_retries_back_off_and_heed_the_service(module: JSHandle) -> None:
    for failures, retry_after, low, high in RETRIES:
        assert await call(module, "retryDelay", failures, retry_after, 0) == low
        assert await call(module, "retryDelay", failures, retry_after, 1) == high
        assert await call(module, "retryDelay", 100, retry_after, 1) <= (retry_after or 1) + 30


async def test_people_ahead_leave_out_the_gaps(
    module: JSHandle,
) -> None:
    for number, serving, gaps, ahead in PLACES:
        found = await call(module, "peopleAhead", number, {"serving": serving, "gaps": gaps})
        assert found == ahead, (number, serving, gaps)


async def test_older_document_is_dropped_unless_history_was_rebuilt(module: JSHandle) -> None:
    known = {"revision": 9, "now": "2026-01-01T00:00:00Z"}
    soon, later = "2026-01-01T00:00:05Z", "2026-01-01T00:01:00Z"
    assert await call(module, "supersedes", {"revision": 10, "now": soon}, known)
    assert await call(module, "supersedes", {"revision": 9, "now": soon}, known)
    assert not await call(module, "supersedes", {"revision": 8, "now": soon}, known)
    assert await call(module, "supersedes", {"revision": 1, "now": later}, known)
