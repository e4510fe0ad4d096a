"""The charts of a report: what happened over the time of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from holdfast_loadtest.report.result import RunPoint, RunResult
from holdfast_simulator.chart import Curve, Mark, line_chart

WIDTHS: Final = {"broad": 520, "narrow": 340}
"""of the drawings of each chart, in CSS pixels: text keeps its size on a phone"""


def draw_charts(result: RunResult) -> list[dict[str, str]]:
    """SVG documents by the names of their widths; of what nothing is known there is none."""
    marks = []
    if result.sold_out_after_s is not None:
        marks.append(Mark(result.sold_out_after_s, "sold out"))
    charts = (_chart(*described, marks) for described in _described(result.series))
    return [chart for chart in charts if chart]


def _described(points: Sequence[RunPoint]) -> Iterator[tuple[str, str, Sequence[Curve]]]:
    """Title, unit and curves of each chart."""
    waiting = _curve("waiting", points, lambda point: point.waiting)
    arrived = _curve("arrived", points, lambda point: point.arrived)
    called = _curve("called", points, lambda point: point.called)
    admitted = _curve("admitted", points, lambda point: point.admitted)
    arrivals = _rate("arrivals", points, lambda point: point.arrived)
    admissions = _rate("admissions", points, lambda point: point.admitted)
    held = _curve("held", points, lambda point: point.held)
    booked = _curve("booked", points, lambda point: point.booked)
    p50 = _curve("p50", points, lambda point: point.p50_ms)
    p99 = _curve("p99", points, lambda point: point.p99_ms)
    # The service is asked more rarely than there are points.
    asked = [point for point in points if point.service_cpu is not None]
    cores = _curve("workers", asked, lambda point: point.service_cpu)
    yield "Waiting in the line", "visitors", [waiting]
    yield "Visitors so far", "visitors", [arrived, called, admitted]
    yield "Arrivals and admissions", "a second", [arrivals, admissions]
    yield "Units held and booked", "units", [held, booked]
    yield "Latency of requests", "milliseconds", [p50, p99]
    yield "Processor time of the service", "cores", [cores]


def _chart(title: str, unit: str, curves: Sequence[Curve], marks: Sequence[Mark]) -> dict[str, str]:
    if not any(curve.known for curve in curves):
        return {}
    return {
        size: line_chart(
            title,
            curves,
            x_label="since the start",
            # A legend of three takes the room of the unit on a phone.
            y_label="" if size == "narrow" and len(curves) > 2 else unit,
            marks=marks,
            x_scale="seconds",
            width=width,
        )
        for size, width in WIDTHS.items()
    }


def _curve(
    name: str, points: Sequence[RunPoint], value: Callable[[RunPoint], float | None]
) -> Curve:
    return Curve(name, [point.at_s for point in points], [value(point) for point in points])


def _rate(name: str, points: Sequence[RunPoint], value: Callable[[RunPoint], int]) -> Curve:
    """The growth of a count, a second."""
    start = RunPoint(at_s=0.0)
    grown = [
        (value(after) - value(before)) / (after.at_s - before.at_s)
        for before, after in pairwise([start, *points])
    ]
    return Curve(name, [point.at_s for point in points], grown)
