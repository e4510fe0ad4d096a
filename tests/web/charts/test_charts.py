import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_web.charts import (
    CHART_STYLES,
    ChartWords,
    Series,
    TimeSpan,
    bar_chart,
    funnel_chart,
    line_chart,
    sparkline,
)
from holdfast_web.charts.scales import TIMES_MAX, VALUES_MAX, round_times, round_values, time_labels

SPAN = TimeSpan(datetime(2026, 11, 29, 17, 47, 10, tzinfo=UTC), 10)
HOSTILE = '<script>alert("1")</script>&'


def parsed(chart: str) -> ElementTree.Element:
    return ElementTree.fromstring(chart)  # noqa: S314


def texts(chart: str, name: str) -> list[str]:
    return ["".join(found.itertext()) for found in parsed(chart).iter(name)]


def curve(chart: str) -> str:
    return next(found.get("d", "") for found in parsed(chart).iter("path"))


@given(st.floats(1e-3, 1e12))
def test_round_values_reach_the_most_in_few_steps(most: float) -> None:
    values = round_values(most)
    assert values[0] == 0
    assert values[-2] < most * (1 + 1e-9)
    assert values[-1] >= most * (1 - 1e-9)
    assert 2 <= len(values) <= VALUES_MAX
    assert f"{values[1]:e}"[0] in "125"


@pytest.mark.parametrize("most", [0, -3, float("nan"), float("inf")])
def test_round_values_of_nothing_are_one_step(most: float) -> None:
    assert round_values(most) == [0, 1]


@given(st.integers(0, 86_400 * 3), st.integers(1, 86_400 * 900))
def test_round_times_are_few_and_inside(begin: int, seconds: int) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=begin)
    times = round_times(start, start + timedelta(seconds=seconds))
    assert len(times) <= TIMES_MAX
    assert all(start <= time <= start + timedelta(seconds=seconds) for time in times)
    steps = {later - earlier for earlier, later in pairwise(times)}
    assert len(steps) <= 1


def test_round_times_are_those_of_the_zone() -> None:
    start = datetime(2026, 11, 29, 22, 40, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    times = round_times(start, start + timedelta(hours=3))
    assert time_labels(times) == ["23:00", "11-30", "01:00"]


def test_line_chart_names_round_values_and_times() -> None:
    chart = line_chart("Waiting", [Series("waiting", [0, 4120, 3000] * 120)], SPAN)
    assert texts(chart, "text")[-3:] == ["2,000", "4,000", "6,000"]
    assert texts(chart, "text")[:-3] == ["18:00", "18:15", "18:30", "18:45"]
    assert texts(chart, "title") == ["Waiting"]
    assert texts(chart, "desc") == ["waiting: least 0, most 4,120, last 3,000"]
    assert texts(chart, "li") == []


def test_small_counts_are_named_by_whole_values() -> None:
    chart = line_chart("Held", [Series("held", [0, 1, 2])], SPAN)
    assert [text for text in texts(chart, "text") if ":" not in text] == ["1", "2"]


def test_line_chart_draws_each_value_at_its_time() -> None:
    chart = line_chart("Waiting", [Series("waiting", [0, 20, 5])], SPAN)
    assert curve(chart) == "M0 1000L500 0L1000 750"


def test_line_chart_has_gaps_where_nothing_is_known() -> None:
    chart = line_chart("Waiting", [Series("waiting", [1, 2, None, 2, None])], SPAN)
    assert curve(chart) == "M0 500L250 0M750 0h0"


def test_shorter_series_ends_earlier() -> None:
    chart = line_chart("Rates", [Series("a", [2, 2, 2]), Series("b", [2, 2])], SPAN)
    drawn = [found.get("d") for found in parsed(chart).iter("path")]
    assert drawn == ["M0 0L500 0L1000 0", "M0 0L500 0"]
    assert texts(chart, "li") == ["a2", "b2"]


@pytest.mark.parametrize("values", [[], [None, None]])
def test_line_chart_of_nothing_says_so(values: list[float | None]) -> None:
    words = ChartWords(no_data="Noch nichts")
    chart = line_chart("Waiting", [Series("waiting", values)], SPAN, words=words)
    assert texts(chart, "p") == ["Noch nichts"]
    assert texts(chart, "path") == []


def test_line_chart_of_zeros_lies_on_the_axis() -> None:
    assert curve(line_chart("Lapsed", [Series("lapsed", [0, 0])], SPAN)) == "M0 1000L1000 1000"


def test_funnel_says_the_share_of_the_stage_before() -> None:
    chart = funnel_chart("Funnel", [("joined", 12_000), ("called", 9_000), ("held", 0)])
    assert texts(chart, "desc") == ["joined: 12,000; called: 9,000 (75%); held: 0 (0%)"]
    widths = [
        bar.get("width") for bar in parsed(chart).iter("rect") if "bar" in bar.attrib["class"]
    ]
    assert widths == ["100.00%", "75.00%", "0.00%"]


def test_funnel_says_no_share_of_a_smaller_stage() -> None:
    chart = funnel_chart("Funnel", [("admitted", 20), ("holds", 60)])
    assert texts(chart, "desc") == ["admitted: 20; holds: 60"]


def test_funnel_of_nobody_divides_by_nothing() -> None:
    chart = funnel_chart("Funnel", [("joined", 0), ("called", 0)])
    assert texts(chart, "desc") == ["joined: 0; called: 0"]


def test_bars_stand_end_to_end_on_one_scale() -> None:
    chart = bar_chart("Stock", ["booked", "free"], [("A", [30, 10]), ("B", [5, 15])])
    bars = [
        (bar.get("x"), bar.get("width"))
        for bar in parsed(chart).iter("rect")
        if "bar" in bar.attrib["class"]
    ]
    assert bars == [
        ("0.00%", "75.00%"), ("75.00%", "25.00%"), ("0.00%", "12.50%"), ("12.50%", "37.50%")
    ]  # fmt: skip
    assert texts(chart, "desc") == ["A: 30 booked, 10 free; B: 5 booked, 15 free"]


def test_sparkline_is_named_with_its_last_value() -> None:
    assert texts(sparkline("Waiting", [1, 5, None]), "title") == ["Waiting: 5"]
    assert texts(sparkline("Waiting", []), "title") == ["Waiting: \N{EN DASH}"]


@pytest.mark.parametrize(
    "chart",
    [
        line_chart(HOSTILE, [Series(HOSTILE, [1, 2]), Series(HOSTILE, [3])], SPAN),
        bar_chart(HOSTILE, [HOSTILE, "b"], [(HOSTILE, [1, 2])]),
        funnel_chart(HOSTILE, [(HOSTILE, 1)]),
        sparkline(HOSTILE, [1]),
    ],
    ids=["line", "bar", "funnel", "sparkline"],
)
def test_names_are_text_and_nothing_is_inline(chart: str) -> None:
    assert "<script" not in chart
    assert HOSTILE in parsed(chart).itertext() or HOSTILE in "".join(parsed(chart).itertext())
    attributes = {name for found in parsed(chart).iter() for name in found.attrib}
    assert not {name for name in attributes if name == "style" or name.startswith("on")}


def test_every_class_of_a_chart_is_styled() -> None:
    charts = [
        line_chart("a", [Series("b", [1, 2]), Series("c", [1])], SPAN),
        line_chart("a", [], SPAN),
        bar_chart("a", ["b", "c"], [("d", [1, 2])]),
        sparkline("a", [1]),
    ]
    used = {
        word
        for chart in charts
        for found in parsed(chart).iter()
        for word in found.get("class", "").split()
    }
    assert used - set(re.findall(r"\.([\w-]+)", CHART_STYLES)) == set()
