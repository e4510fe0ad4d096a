"""What the demo shows: figures that add up, on a terminal and in a log."""

import re

import pytest
from rich.console import Console

from holdfast.cli.bars import clock
from holdfast_demo.display import (
    Figures,
    LineDisplay,
    Meter,
    endings_of,
    heading,
    line_of,
    panel_of,
)
from holdfast_loadtest.client import Traffic
from holdfast_loadtest.crowd.tally import UNDER_WAY, Tally, VisitorState
from holdfast_loadtest.wire import Status


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def figures() -> Figures:
    tally = Tally(1000, lambda: 0.0)
    for _ in range(40):
        tally.move(VisitorState.TO_COME, VisitorState.WAITING)
    tally.move(VisitorState.WAITING, VisitorState.INSIDE)
    tally.admitted()
    status = Status("open", 1, sellable=700, held=30, sold=270)
    return Figures("concert", "http://shop.test/", 600, tally, Traffic(), status)


def test_meter_measures_the_last_moments_not_the_whole_run() -> None:
    clock, traffic = Clock(), Traffic()
    meter = Meter(traffic, clock)
    for _ in range(20):
        clock.now += 1
        traffic.answers["GET /status", 200] += 100
        meter.per_second()
    assert meter.per_second() == pytest.approx(100)
    for _ in range(20):
        clock.now += 1
        meter.per_second()
    assert meter.per_second() == 0


def test_line_tells_the_figures_under_their_names() -> None:
    names = heading().split("  ")
    named = dict(
        zip([n.strip() for n in names if n], line_of(figures(), 812.4).split(), strict=True)
    )
    assert named == {
        "arrived": "40",
        "waiting": "39",
        "admitted": "1",
        "a minute": "12",
        "in the shop": "1",
        "holding": "0",
        "booked": "270",
        "requests/s": "812",
    }


def test_columns_of_a_line_stand_under_the_heading() -> None:
    crowd = figures()
    crowd.tally.happenings["admitted"] = 48_000
    lines = [heading(), line_of(crowd, 12_345.6), line_of(figures(), 0.0)]
    ends = [[match.end() for match in re.finditer(r"\S(?=  |$)", line)] for line in lines]
    assert ends[0] == ends[1] == ends[2]
    assert len(heading()) < 100


def test_panel_tells_where_to_join_and_the_figures() -> None:
    console = Console(width=120, record=True)
    console.print(panel_of(figures(), 812.4, "00:12", ["the service is back"]))
    text = console.export_text()
    for figure in ("http://shop.test/", "concert is open", "39", "270", "the service is back"):
        assert figure in text


def test_panel_before_the_first_status_is_shown_too() -> None:
    bare = figures()
    bare.status = None
    console = Console(width=120, record=True)
    console.print(panel_of(bare, 0.0, "00:00", []))
    assert "concert is opening" in console.export_text()


def test_line_display_writes_a_line_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    display = LineDisplay(clock)
    for _ in range(40):
        display.show(figures())
        clock.now += 0.25
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line[:2].isdigit()]) == 2
    assert "1,000 seats and places are on sale; 1,000 visitors come, 600 a minute" in lines[1]
    assert lines[2].endswith("http://shop.test/")


def test_line_display_ends_with_what_became_of_everybody(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = figures()
    for state in (VisitorState.BOOKED, VisitorState.BOOKED, VisitorState.NO_SHOW):
        ended.tally.move(VisitorState.WAITING, state)
    display = LineDisplay(Clock())
    display.show(ended)
    display.finish(ended)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "Of 1,000 visitors: 2 bought, 1 missed the call."
    assert lines[-3].split()[1] == "40"  # the last figures, though no five seconds have passed


@pytest.mark.parametrize(("seconds", "shown"), [(0, "00:00"), (59.9, "00:59"), (61, "01:01")])
def test_clock_shows_minutes_and_seconds(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_tally_measures_the_rate_of_the_last_moments() -> None:
    now = Clock()
    tally = Tally(1000, now)
    assert tally.admitted_per_minute() == 0
    for _ in range(600):
        tally.admitted()
        now.now += 0.1
    assert tally.admitted_per_minute() == pytest.approx(600, rel=0.01)
    now.now += 20
    assert tally.admitted_per_minute() == 0


def test_tally_keeps_everybody_in_one_stage() -> None:
    tally = figures().tally
    assert sum(tally.states.values()) == 1000
    assert tally.arrived == 40
    assert tally.done == 0
    tally.move(VisitorState.INSIDE, VisitorState.BOOKED)
    assert tally.done == 1


def test_every_way_to_end_is_told() -> None:
    """A state that `endings_of` forgets would make the crowd shrink before one's eyes."""
    tally = Tally(1000)
    endings = [state for state in VisitorState if state not in UNDER_WAY]
    for state in endings:
        tally.move(VisitorState.TO_COME, state)
    assert endings_of(tally).count("1 ") == len(endings)
