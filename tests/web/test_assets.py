"""Style sheets as they are served: with the palette in place of its import."""

from pathlib import Path

import pytest
from support.source_tree import ROOT

from holdfast_web.pages.assets import style_sheet

SHEETS = sorted(
    path
    for package in ("console", "queue")
    for path in (ROOT / package).rglob("*.css")
    if "@import" in path.read_text("utf-8")
)


def test_pages_and_report_share_the_palette() -> None:
    assert [path.name for path in SHEETS] == ["report.css", "console.css", "waiting.css"]


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_style_sheet_is_served_with_the_palette_in_it(path: Path) -> None:
    text = style_sheet(path)
    assert "@import" not in text
    assert text.count("--paper:") >= 2, "in light and in dark"
