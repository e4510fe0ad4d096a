"""The live figures of a sale as a panel and as lines: each figure under its name, gaps as gaps."""

import copy
import io
from typing import Any, Final

from rich.console import Console

from holdfast.cli.bars import BAR_WIDTH, spark
from holdfast.cli.sale.live_view import heading, line_of, panel_of

LIVE: Final[dict[str, Any]] = {
    "sale": "gala",
    "name": "Spring gala",
    "time": "2027-03-01T20:00:05.000Z",
    "state": "sold_out",
    "currency": "JPY",
    "headline": "4,120 waiting, 598 a minute, sold out in about 21 min",
    "line": {
        "waiting": 4120,
        "present": 4000,
        "active": 900,
        "active_max": 1000,
        "rate_set": 600,
        "rate_realised": 597.6,
    },
    "waits": {"estimated_seconds": 420},
    "funnel": {"joined": 9000, "admitted": 4800},
    "stock": {
        "free": 2000,
        "held": 400,
        "booked": 2600,
        "total": 5000,
        "categories": [{"category": "Stalls", "free": 500, "held": 100, "booked": 1400}],
    },
    "revenue": {"confirmed": 1234567, "refunded": 9000},
    "forecast": {
        "sold_out_at": {
            "earliest": "2027-03-01T20:15:05.000Z",
            "expected": "2027-03-01T20:21:05.000Z",
            "latest": "2027-03-01T20:30:05.000Z",
        }
    },
    "health": {
        "alerts": [{"code": "rate_off", "severity": "warning", "text": "The rate is off.\x1b[2J"}]
    },
    "history": {"series": {"waiting": [1, 2, 3], "rate_realised": [None, 600, 598]}},
}


def shown(live: dict[str, Any], width: int = 90) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(panel_of(live))
    return console.export_text()


def test_panel_tells_the_figures_under_their_names() -> None:
    text = shown(LIVE)
    rows = {words[1]: words for line in text.splitlines() if len(words := line.split()) > 2}
    assert "Spring gala is sold out" in text
    assert LIVE["headline"] in text
    assert {name: rows[name][2] for name in ("admitted", "inside", "held", "sold", "Stalls")} == {
        "admitted": "4,800",
        "inside": "900",
        "held": "400",
        "sold": "2,600",
        "Stalls": "1,400",
    }
    assert "598 a minute, 600 set" in text
    assert "waits about 7 min" in text
    assert "Sold for ¥1,234,567, refunded ¥9,000" in text
    assert "Sold out between" in text


def test_alert_is_told_without_moving_the_terminal() -> None:
    assert "The rate is off.?[2J" in shown(LIVE)
    assert line_of(LIVE).endswith("The rate is off.?[2J")


def test_what_is_not_known_is_left_out() -> None:
    live = copy.deepcopy(LIVE)
    for member in ("forecast", "revenue", "history", "waits", "funnel", "health"):
        del live[member]
    live["line"] |= {"rate_realised": None, "present": None, "active": None}
    text = shown(live)
    assert "admitted" not in text
    assert "them there" not in text
    assert "4,000 of them there" in shown(LIVE)
    assert "Sold" not in text.replace("Sold out", "")


def test_columns_of_a_line_stand_under_the_heading() -> None:
    live = {**LIVE, "health": {"alerts": []}}
    line, names = line_of(live), heading()
    assert len(line) == len(names)
    figures = dict(zip(names.split("  "), line.split("  "), strict=False))
    assert len(figures) > 5
    assert line.split() == [
        *("20:00:05", "sold_out", "4,120", "900", "598", "2,000", "400", "2,600"),
    ]


def test_series_shows_its_peaks_and_its_gaps() -> None:
    assert spark([0, 4, 8]) == "▁▅█"
    assert spark([None, 8, None]) == " █ "
    assert spark([]) == ""
    assert spark([0, 0]) == "▁▁"
    peak = [0.0] * 340
    peak[175] = 9.0
    line = spark(peak)
    assert len(line) == BAR_WIDTH
    assert line.count("█") == 1


def test_series_ends_with_its_last_value() -> None:
    assert spark([*[0.0] * 359, 5.0])[-1] == "█"
