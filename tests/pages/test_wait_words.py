"""How the waiting page words an estimate, with scripts and without: the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from chromium import Chromium, Message
from pages_kit import Sale

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


@dataclass
class Waiting:
    """Answers the page of a visitor who waits and is told this."""

    wait: Wait | None

    def __call__(self, request: Message) -> tuple[int, object]:
        path = urlsplit(request["url"]).path.rsplit("/", 1)[-1]
        if path == "status":
            return 200, {
                "sale": "x", "state": "open", "revision": 10, "event_start_time": None,
                "now": datetime.now(UTC).isoformat().replace("+00:00", "Z"), "gaps": [],
                "serving": 40, "issued": 200, "lobby": 0, "admitted_per_minute": 60,
                "refresh_interval_seconds": 1, "sellable": 300, "held": 100, "sold": 100,
                "message": None, "draw": None,
            }  # fmt: skip
        place = {"ticket": "t", "number": 100, "state": "waiting"}
        if path == "tickets":
            return 201, place
        estimate = self.wait and {"p50": self.wait.p50, "p90": self.wait.p90}
        return 200, {**place, "users_ahead": 59, "estimated_wait_seconds": estimate}


@pytest.mark.parametrize(("wait", "told"), WORDS)
def test_wait_is_told_in_units_that_one_can_feel(wait: Wait | None, told: str) -> None:
    assert wait_text(catalogue("en"), wait) == told


@pytest.mark.parametrize(("wait", "told"), WORDS)
async def test_script_words_a_wait_as_the_page_without_scripts_does(
    browser: Chromium, sale: Sale, wait: Wait | None, told: str
) -> None:
    async with browser.page() as page:
        await page.answer("/v1/sales/", Waiting(wait))
        await page.go(sale.page())
        await page.until("document.documentElement.dataset.state === 'waiting'")
        await page.until(f"document.getElementById('wait').textContent === {told!r}")
