"""Curves as SVG files: whole documents, accessible, without scripts."""

from xml.etree import ElementTree

import pytest

from holdfast_simulator.chart import Curve, Mark, Scale, line_chart, number_label, round_ticks

SVG = "{http://www.w3.org/2000/svg}"


def _chart(*curves: Curve, x_scale: Scale = "linear") -> ElementTree.Element:
    drawn = line_chart(
        'Waits <& "more">',
        curves,
        x_label="time",
        y_label="visitors",
        marks=[Mark(2, "sold out"), Mark(99, "never")],
        x_scale=x_scale,
    )
    return ElementTree.fromstring(drawn)  # noqa: S314 - our own


def _texts(chart: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in chart.iter(f"{SVG}text")]


def _curves(chart: ElementTree.Element) -> list[str]:
    paths = [path for path in chart.iter(f"{SVG}path") if "curve" in path.get("class", "")]
    return [path.get("d", "") for path in paths]


def test_chart_tells_what_it_shows_and_has_nothing_active() -> None:
    chart = _chart(Curve("waiting", [0, 1, 4], [0, 20, 5]), Curve("booked", [0, 4], [0, 9]))
    assert chart.findtext(f"{SVG}title") == 'Waits <& "more">'
    assert chart.get("aria-label") == 'Waits <& "more">'
    told = chart.findtext(f"{SVG}desc")
    assert told == "waiting: at most 20, in the end 5; booked: at most 9, in the end 9"
    assert "prefers-color-scheme:dark" in (chart.findtext(f"{SVG}style") or "")
    kinds = {element.tag.removeprefix(SVG) for element in chart.iter()}
    assert kinds == {"svg", "title", "desc", "style", "text", "path"}
    assert {"waiting", "booked", "sold out"} <= set(_texts(chart))
    assert "never" not in _texts(chart)


def test_curve_goes_where_its_values_are() -> None:
    rising, line = _curves(_chart(Curve("a", [0, 5, 10], [0, 5, 10])))[0], "M70.0 322.0L425.0 193.0"
    assert rising == f"{line}L780.0 64.0"


def test_narrow_chart_has_text_of_the_same_size_within_its_width() -> None:
    drawn = line_chart("Narrow", [Curve("a", [0, 9], [0, 10])], x_label="x", y_label="y", width=340)
    chart = ElementTree.fromstring(drawn)  # noqa: S314 - our own
    assert (chart.get("viewBox"), chart.get("width")) == ("0 0 340 380", "340")
    assert _curves(chart) == ["M70.0 322.0L320.0 64.0"]
    assert max(float(text.get("x", "0")) for text in chart.iter(f"{SVG}text")) <= 320


def test_gap_lifts_the_pen_and_a_single_point_shows() -> None:
    assert _curves(_chart(Curve("a", [0, 1, 2], [1, None, 1])))[0].count("M") == 2
    assert _curves(_chart(Curve("a", [1], [1])))[0].endswith("h0")


def test_nothing_known_is_said() -> None:
    chart = _chart(Curve("a", [0, 1], [None, None]))
    assert "no data" in _texts(chart)
    assert chart.findtext(f"{SVG}desc") == "a: no data"


def test_long_curve_keeps_its_peaks() -> None:
    ys = [0.0] * 50_000
    ys[31_337] = 7.0
    (drawn,) = _curves(_chart(Curve("a", range(50_000), ys)))
    assert drawn.count("L") < 1_300
    assert min(float(point.split(" ")[1]) for point in drawn[1:].split("L")) < 100


def test_log_axis_has_powers_of_ten() -> None:
    chart = _chart(Curve("a", [1e4, 1e5, 1e7], [1, 2, 3]), x_scale="log")
    assert {"10k", "100k", "1M", "10M"} <= set(_texts(chart))
    assert "L306.7" in _curves(chart)[0]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (0, 0, [0, 1]), (-7, 3, [-8, -6, -4, -2, 0, 2, 4])],
)
def test_ticks_are_round_and_take_in_both_ends(
    low: float, high: float, expected: list[float]
) -> None:
    assert round_ticks(low, high) == expected


def test_ticks_of_time_are_minutes() -> None:
    assert round_ticks(0, 1500, "seconds") == [0, 300, 600, 900, 1200, 1500]


@pytest.mark.parametrize(
    ("value", "scale", "label"),
    [
        (1500, "linear", "1500"),
        (15_000, "linear", "15k"),
        (2.5e6, "linear", "2.5M"),
        (0.25, "linear", "0.25"),
        (90, "seconds", "1:30"),
        (-600, "seconds", "-10:00"),
        (7500, "seconds", "2:05:00"),
        (0.5, "seconds", "0.5"),
    ],
)
def test_labels_are_short(value: float, scale: Scale, label: str) -> None:
    assert number_label(value, scale) == label
