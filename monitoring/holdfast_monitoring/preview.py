"""A dashboard as a page: its panels in their places, drawn from what Prometheus answers.

It shows what a dashboard says, and is not Grafana: charts are those of the operator's console.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Final

from holdfast_monitoring.panel import Dashboard, Drawing, Panel, ValueFormat
from holdfast_web.charts import CHART_STYLES, Series, TimeSpan, bar_chart, line_chart

SERIES_MAX: Final = 6
"""in one chart; those with the largest values are shown"""
NOTE: Final = "Drawn by scripts/dashboard_pictures.py from what a real Prometheus answered."

_BYTES: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_STYLES: Final = Path(__file__).with_name("preview.css").read_text("utf-8")


@dataclass(frozen=True)
class Answers:
    """What Prometheus answered for the queries of a dashboard, at times `span` of equal distance.

    `values` has for each expression its series: labels, and values, None where there was none.
    """

    span: TimeSpan
    values: Mapping[str, Sequence[tuple[Mapping[str, str], Sequence[float | None]]]]


def page(dashboard: Dashboard, answers: Answers) -> str:
    """The page, as HTML without scripts."""
    parts = []
    for row in dashboard.rows:
        parts.append(f"<h2>{escape(row.title)}</h2>")
        parts += [_section(panel, answers) for panel in row.panels]
    return (
        f"<!doctype html><meta charset=utf-8><title>{escape(dashboard.title)}</title>"
        f"<style>{CHART_STYLES}{_STYLES}</style><h1>{escape(dashboard.title)}</h1>"
        f"<p>{escape(dashboard.description)} {escape(NOTE)}</p><main>{''.join(parts)}</main>"
    )


def formatted(value: float, unit: ValueFormat) -> str:
    """A value as a panel shows it."""
    match unit:
        case ValueFormat.SHARE:
            return f"{value:.1%}"
        case ValueFormat.SECONDS | ValueFormat.DURATION:
            return _duration(value)
        case ValueFormat.BYTES:
            return _bytes(value)
        case ValueFormat.YES_NO:
            return "yes" if value else "no"
        case _:
            return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:.3g}"


def _duration(seconds: float) -> str:
    if abs(seconds) < 1:
        return f"{seconds * 1000:.3g} ms"
    if abs(seconds) < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min"


def _bytes(value: float) -> str:
    power = 0 if value < 1 else min(len(_BYTES) - 1, int(math.log2(value) // 10))
    return f"{value / 1024**power:.3g} {_BYTES[power]}"


def _section(panel: Panel, answers: Answers) -> str:
    series = _series(panel, answers)
    match panel.drawing:
        case Drawing.NUMBER:
            body = _heading(panel) + "".join(_number(panel, one) for one in series[:SERIES_MAX])
        case Drawing.NAMES:
            body = _heading(panel) + "".join(f"<p>{escape(one.name)}</p>" for one in series)
        case Drawing.BARS:
            rows = [(one.name, [one.known[-1]]) for one in series if one.known]
            body = bar_chart(panel.title, [panel.title], rows)
        case Drawing.STATES:
            body = _heading(panel) + "".join(_states(panel, one) for one in series)
        case Drawing.LINES | Drawing.STACKED:
            shown = sorted(series, key=lambda one: -max(one.known, default=0.0))[:SERIES_MAX]
            kept = [one for one in series if one in shown]
            body = line_chart(
                panel.title,
                kept,
                answers.span,
                number=lambda value: formatted(value, panel.unit),
            )
    return f'<section style="grid-column: span {panel.width}">{body}</section>'


def _series(panel: Panel, answers: Answers) -> list[Series]:
    return [
        Series(_named(legend, labels), values)
        for legend, expression in panel.queries.items()
        for labels, values in answers.values[expression]
    ]


def _named(legend: str, labels: Mapping[str, str]) -> str:
    for label, value in labels.items():
        legend = legend.replace("{{" + label + "}}", value)
    return legend


def _heading(panel: Panel) -> str:
    return f"<b>{escape(panel.title)}</b>"


def _number(panel: Panel, series: Series) -> str:
    if not series.known:
        return '<div class="number">-</div>'
    last = series.known[-1]
    shown = panel.names[int(last)].replace("_", " ") if panel.names else formatted(last, panel.unit)
    return f'<div class="number">{escape(shown)}<small>{escape(series.name)}</small></div>'


def _states(panel: Panel, series: Series) -> str:
    runs: list[tuple[int, int]] = []
    for value in series.known:
        state = int(value)
        if runs and runs[-1][0] == state:
            runs[-1] = (state, runs[-1][1] + 1)
        else:
            runs.append((state, 1))
    spans = "".join(
        f'<span class="state-{state}" style="flex: {points}">'
        f"{escape(panel.names[state].replace('_', ' '))}</span>"
        for state, points in runs
    )
    return f'<div class="states">{spans}</div>'


def span_of(start: float, step_seconds: float) -> TimeSpan:
    """The span of answers that begin at a Unix time."""
    return TimeSpan(datetime.fromtimestamp(start, UTC), step_seconds)
