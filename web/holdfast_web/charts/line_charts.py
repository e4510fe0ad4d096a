"""Charts of values over time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from holdfast_web.charts.drawing import Drawing, element, joined
from holdfast_web.charts.scales import round_times, round_values, time_labels
from holdfast_web.charts.series import ENGLISH, UNKNOWN, ChartWords, Format, Series, TimeSpan, whole

HEIGHT: Final = 180
"""of the curves, in CSS pixels"""
_TOP: Final = 18
_BOTTOM: Final = 22
_GRID: Final = 1_000
"""in which curves are drawn before they are stretched"""
_EDGE_PERCENT: Final = 6.0
"""nearer than this to an edge, a label begins or ends at its time"""


def line_chart(
    title: str,
    series: Sequence[Series],
    span: TimeSpan,
    *,
    number: Format = whole,
    words: ChartWords = ENGLISH,
    height: int = HEIGHT,
) -> Drawing:
    """One curve for each series over the same span of time, with axes and a legend.

    Where a value is None the curve has a gap. Series of several lengths begin together.
    """
    if not any(one.known for one in series):
        return _figure(title, element("p", words.no_data, class_="chart-empty"))
    points = max(len(one.values) for one in series)
    values = _value_scale(max(max(one.known, default=0.0) for one in series), number)
    drawn = joined(
        element("title", title),
        element("desc", words.describe(series, number)),
        *_grid(values, height),
        *_time_axis(span, points, height),
        _curves(series, points, values[-1], height),
        *_value_labels(values, height, number),
    )
    picture = element(
        "svg", drawn, role="img", class_="chart-svg", width="100%", height=height + _TOP + _BOTTOM
    )
    return _figure(title, picture, _legend(series, number) if len(series) > 1 else "")


def sparkline(title: str, values: Sequence[float | None], *, number: Format = whole) -> Drawing:
    """A small curve without axes, as wide as a word or two; its name says the last value."""
    series = Series(title, values)
    known = series.known
    last = number(known[-1]) if known else UNKNOWN
    curve = _path(series, len(values), max(known, default=0.0) or 1.0, 1)
    inner = joined(element("title", f"{title}: {last}"), curve)
    view_box = f"0 -40 {_GRID} {_GRID + 80}"
    return element(
        "svg",
        inner,
        role="img",
        class_="sparkline",
        width=96,
        height=24,
        viewBox=view_box,
        preserveAspectRatio="none",
    )


def _figure(title: str, *parts: str) -> Drawing:
    return element("figure", joined(element("figcaption", title), *parts), class_="chart")


def _legend(series: Sequence[Series], number: Format) -> Drawing:
    entries = (
        element(
            "li",
            joined(
                element("span", one.name),
                element("b", number(one.known[-1]) if one.known else UNKNOWN),
            ),
            class_=f"series-{at}",
        )
        for at, one in enumerate(series, 1)
    )
    return element("ul", joined(*entries), class_="chart-legend")


def _value_scale(most: float, number: Format) -> list[float]:
    """Round values whose labels all differ: those of a small count are whole."""
    values = round_values(most)
    shown = {number(value) for value in values}
    return values if len(shown) == len(values) else round_values(max(1.0, math.ceil(most)), 1.0)


def _grid(values: Sequence[float], height: int) -> Iterator[Drawing]:
    for value in values:
        y = _TOP + height * (1 - value / values[-1])
        kind = "chart-grid" if value else "chart-base"
        yield element("line", x1="0", x2="100%", y1=y, y2=y, class_=kind)


def _value_labels(values: Sequence[float], height: int, number: Format) -> Iterator[Drawing]:
    """Above the curves, so that none hides them."""
    for value in values[1:]:
        y = _TOP + height * (1 - value / values[-1])
        yield element("text", number(value), x=0, y=y - 4, class_="chart-value")


def _time_axis(span: TimeSpan, points: int, height: int) -> Iterator[Drawing]:
    end = span.end(points)
    length = (end - span.start).total_seconds()
    times = round_times(span.start, end)
    for time, label in zip(times, time_labels(times), strict=True):
        percent = 100 * (time - span.start).total_seconds() / length
        at = f"{percent:.2f}%"
        bottom = _TOP + height
        yield element("line", x1=at, x2=at, y1=bottom, y2=bottom + 4, class_="chart-base")
        yield element("text", label, x=at, y=bottom + 17, text_anchor=_anchor(percent))


def _anchor(percent: float) -> str:
    if percent < _EDGE_PERCENT:
        return "start"
    return "end" if percent > 100 - _EDGE_PERCENT else "middle"


def _curves(series: Sequence[Series], points: int, top: float, height: int) -> Drawing:
    paths = (_path(one, points, top, at) for at, one in enumerate(series, 1))
    return element(
        "svg",
        joined(*paths),
        y=_TOP,
        width="100%",
        height=height,
        viewBox=f"0 0 {_GRID} {_GRID}",
        preserveAspectRatio="none",
        class_="chart-curves",
    )


def _path(series: Series, points: int, top: float, at: int) -> Drawing:
    step = _GRID / max(1, points - 1)
    placed = [
        (number * step, None if value is None else _GRID * (1 - value / top))
        for number, value in enumerate(series.values)
    ]
    pieces = (list(run) for known, run in groupby(placed, lambda one: one[1] is not None) if known)
    data = "".join(_piece([(x, y) for x, y in run if y is not None]) for run in pieces)
    return element("path", d=data, class_=f"curve series-{at}")


def _piece(run: Sequence[tuple[float, float]]) -> str:
    """A run of known values; a single one is a stroke without length, whose round ends show."""
    (x, y), *rest = run
    return f"M{x:.0f} {y:.0f}" + ("".join(f"L{x:.0f} {y:.0f}" for x, y in rest) or "h0")
