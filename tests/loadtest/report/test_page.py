"""The report: one file that needs nothing else, for every reader, on every screen."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser
from support.loadtest.finished_run import composed, facts
from support.pages.accessibility import assert_accessible, assert_reflows
from support.pages.browser import (
    PHONE,
    PROGRAMS,
    chromium_path,
    complaints,
    open_page,
    record_requests,
    run_chromium,
)
from support.services import program

from holdfast_loadtest.report import words
from holdfast_loadtest.report.page import render_page
from holdfast_loadtest.report.thresholds import StepLimits, Thresholds

HOSTILE = "<script>alert(1)</script>&\"'"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with run_chromium(chromium_path() or program(PROGRAMS[0], PROGRAMS[0])) as running:
        yield running


def test_page_needs_nothing_else(tmp_path: Path) -> None:
    page = render_page(composed(tmp_path), facts())
    assert not re.search(r"<(?:script|link|img|iframe|object|embed|base)\b", page)
    assert re.findall(r"(?:src|href)=\"([^#][^\"]*)", page) == []
    addresses = set(re.findall(r"https?://[^\s\"<]+", page))
    assert {one for one in addresses if not one.startswith("http://127.0.0.1")} == {
        "http://www.w3.org/2000/svg"
    }
    assert "@import" not in page
    assert "url(" not in page


def test_every_text_is_escaped(tmp_path: Path) -> None:
    told = facts(run=HOSTILE, world={HOSTILE: HOSTILE}, generator={HOSTILE: HOSTILE})
    result = msgspec.structs.replace(
        composed(tmp_path, HOSTILE),
        scenario=HOSTILE,
        sale=HOSTILE,
        refusals={HOSTILE: 1},
        refusals_by_step={HOSTILE: {HOSTILE: 1}},
        environment={HOSTILE: HOSTILE},
        notes=[HOSTILE],
    )
    page = render_page(result, told)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 8


@pytest.mark.parametrize(
    ("findings", "failure", "headline"),
    [
        ((), "", "Every promise was held"),
        (("seat 1 is in orders a, b",), "", "Promises were broken"),
        ((), "the sale: 404 unknown_sale", "No verdict is possible"),
    ],
)
def test_headline_says_the_verdict(
    findings: tuple[str, ...], failure: str, headline: str, tmp_path: Path
) -> None:
    page = render_page(composed(tmp_path, *findings, failure=failure), facts())
    assert f"<h1>{headline}</h1>" in page
    assert all(finding in page for finding in findings)


async def test_page_is_fit_for_every_reader_and_screen(browser: Browser, tmp_path: Path) -> None:
    result = composed(tmp_path, "seat 1 is in orders a, b", loses_the_end=True)
    file = tmp_path / "report.html"
    file.write_text(render_page(result, facts()))
    async with open_page(browser, PHONE) as page:
        requests = record_requests(page)
        await page.goto(file.as_uri())
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE[0]
        charts = page.locator(".chart .narrow svg")
        assert await charts.count() == 6
        assert await charts.first.is_visible()
        assert [request.url for request in requests] == [file.as_uri()]
        await assert_accessible(page)
        await assert_reflows(page)
        assert await complaints(page) == []


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "\u2013"),
        (0.44, "0.4 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7_800, "2 h 10 min"),
    ],
)
def test_durations_are_told_in_words(seconds: float | None, told: str) -> None:
    assert words.duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == told


def test_every_threshold_has_words() -> None:
    names = [name for name in Thresholds.__struct_fields__ if name != "steps"]
    names += [f"steps.join.{name}" for name in StepLimits.__struct_fields__]
    assert len({words.threshold_label(name) for name in names}) == len(names)
    assert all(words.figure(name, 0.5) != "0.5" or name == "goodput_per_s" for name in names)
