"""The report of a rehearsal as one HTML file: prediction and run in one table and in one chart."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from markupsafe import Markup

from holdfast_loadtest.rehearse.comparison import figure_text, percent, tolerated
from holdfast_loadtest.rehearse.prediction import SEEDS
from holdfast_loadtest.rehearse.rehearsal import RehearsalResult
from holdfast_loadtest.report.page import render_template
from holdfast_simulator.chart import Curve, line_chart
from holdfast_simulator.result import Result, SeriesPoint

CHARTS: Final = {
    "waiting": "Waiting",
    "admitted": "Admitted since the beginning",
    "booked": "Units sold",
}


def write_page(result: RehearsalResult, path: Path) -> None:
    """Writes the page."""
    path.write_text(render_page(result), encoding="utf-8")


def render_page(result: RehearsalResult) -> str:
    """The whole page; every text of it is escaped by the template."""
    return render_template(
        "rehearse/rehearsal.html",
        {"figure": figure_text, "percent": percent, "tolerated": tolerated},
        # They escape their texts themselves.
        charts=[Markup(chart) for chart in draw_charts(result)],  # noqa: S704
        result=result,
        seeds=SEEDS,
        verdict=result.run.verdict,
    )


def draw_charts(result: RehearsalResult) -> list[str]:
    """For each figure the curve that was predicted and the one that was measured."""
    return [
        line_chart(
            title,
            [_curve("predicted", result.prediction, name), _curve("measured", result.run, name)],
            x_label="since the first arrival",
            y_label=title.lower(),
            x_scale="seconds",
        )
        for name, title in CHARTS.items()
    ]


def _curve(title: str, result: Result, name: str) -> Curve:
    """From the first arrival on: a run does not know when its sale opened."""
    points = result.series
    began = next((point.at_s for point in points if point.arrived), 0.0)
    shown = [point for point in points if point.at_s >= began]
    return Curve(title, [point.at_s - began for point in shown], [_of(p, name) for p in shown])


def _of(point: SeriesPoint, name: str) -> float:
    value: float = getattr(point, name)
    return value
