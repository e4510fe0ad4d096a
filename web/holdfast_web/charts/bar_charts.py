"""Charts of amounts side by side: parts of wholes, and funnels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from holdfast_web.charts.drawing import Drawing, element, joined
from holdfast_web.charts.series import ENGLISH, ChartWords, Format, whole

_ROW: Final = 44
_TEXT: Final = 14
_BAR_TOP: Final = 20
_BAR: Final = 14


def bar_chart(
    title: str,
    parts: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float]]],
    *,
    number: Format = whole,
    words: ChartWords = ENGLISH,
) -> Drawing:
    """One bar for each row, made of its parts, all to one scale, with the sum at its end.

    `parts` names the values of each row, in order.
    """
    if not rows:
        return _empty(title, words)
    longest = max(sum(values) for _, values in rows) or 1.0
    drawn = [
        piece
        for at, (label, values) in enumerate(rows)
        for piece in _row(at, label, number(sum(values)), values, longest)
    ]
    said = "; ".join(
        f"{label}: "
        + ", ".join(f"{number(value)} {part}" for part, value in zip(parts, values, strict=True))
        for label, values in rows
    )
    legend = [
        element("li", element("span", part), class_=f"series-{at}")
        for at, part in enumerate(parts, 1)
    ]
    shown = element("ul", joined(*legend), class_="chart-legend chart-blocks")
    return _figure(title, said, drawn, len(rows), shown if len(parts) > 1 else "")


def funnel_chart(
    title: str,
    stages: Sequence[tuple[str, int]],
    *,
    number: Format = whole,
    words: ChartWords = ENGLISH,
) -> Drawing:
    """One bar for each stage, as long as its share of the largest.

    Its number stands at the end, with its share of the stage before, unless it is larger than that:
    then the two count different things.
    """
    if not stages:
        return _empty(title, words)
    longest = max(count for _, count in stages) or 1
    drawn: list[Drawing] = []
    said = []
    before = 0
    for at, (label, count) in enumerate(stages):
        share = f" ({count / before:.0%})" if before >= count and before else ""
        shown = number(count) + share
        drawn += _row(at, label, shown, [count], longest)
        said.append(f"{label}: {shown}")
        before = count
    return _figure(title, "; ".join(said), drawn, len(stages))


def _row(
    at: int, label: str, shown: str, values: Sequence[float], longest: float
) -> Iterator[Drawing]:
    top = at * _ROW
    yield element("text", label, x=0, y=top + _TEXT, class_="chart-label")
    yield element("text", shown, x="100%", y=top + _TEXT, class_="chart-number", text_anchor="end")
    yield element("rect", x=0, y=top + _BAR_TOP, width="100%", height=_BAR, class_="chart-track")
    x = 0.0
    for number, value in enumerate(values, 1):
        width = 100 * value / longest
        yield element(
            "rect",
            x=f"{x:.2f}%",
            y=top + _BAR_TOP,
            width=f"{width:.2f}%",
            height=_BAR,
            class_=f"bar series-{number}",
        )
        x += width


def _figure(
    title: str, said: str, drawn: Sequence[Drawing], rows: int, legend: str = ""
) -> Drawing:
    inner = joined(element("title", title), element("desc", said), *drawn)
    picture = element(
        "svg", inner, role="img", class_="chart-svg", width="100%", height=rows * _ROW
    )
    return element("figure", joined(element("figcaption", title), picture, legend), class_="chart")


def _empty(title: str, words: ChartWords) -> Drawing:
    nothing = element("p", words.no_data, class_="chart-empty")
    return element("figure", joined(element("figcaption", title), nothing), class_="chart")
