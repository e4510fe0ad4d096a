"""How the waiting page words an estimate, with scripts and without: the same."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from support.pages.running_sale import Sale
from support.pages.waiting_answers import WaitingAnswers

from holdfast_queue.http.pages.languages import catalogue
from holdfast_queue.http.pages.place import wait_text
from holdfast_queue.line.estimate import Wait

WORDS: list[tuple[Wait | None, str]] = [
    (None, "cannot be told at present"),
    (Wait(20, 59), "less than a minute"),
    (Wait(110, 119), "about 2 min"),
    (Wait(600, 840), "10 to 14 min"),
    (Wait(7_000, 7_190), "117 to 120 min"),
    (Wait(7_200, 7_200), "about 2 h"),
    (Wait(7_210, 7_300), "2 to 2.5 h"),
    (Wait(8_900, 9_000), "about 2.5 h"),
    (Wait(7_200, 10_000), "2 to 3 h"),
    (Wait(9_300, 16_000), "2.5 to 4.5 h"),
]


@pytest.mark.parametrize(("wait", "told"), WORDS)
def test_wait_is_told_in_units_that_one_can_feel(wait: Wait | None, told: str) -> None:
    assert wait_text(catalogue("en"), wait) == told


async def test_script_words_a_wait_as_the_page_without_scripts_does(
    page: Page, shared_sale: Sale
) -> None:
    answers = WaitingAnswers()
    await page.route("**/v1/sales/**", answers.give)
    for wait, told in WORDS:
        answers.wait = {"p50": wait.p50, "p90": wait.p90} if wait else None
        await page.goto(shared_sale.page())
        await expect(page.locator("#wait")).to_have_text(told)
