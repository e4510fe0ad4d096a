"""What a rehearsal shows in a terminal: its progress, and prediction beside run at the end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from holdfast_loadtest.rehearse.comparison import ComparedFigure, figure_text, percent, tolerated
from holdfast_simulator.result import Result, SeriesPoint

TOLD_EVERY_SECONDS: Final = 5.0


@dataclass
class Progress:
    """Tells how the run stands beside what was predicted for this moment, every few seconds.

    Time counts from the first join: how long Locust takes to begin says nothing about the sale.
    """

    console: Console
    began: float | None = None
    _told_at: float = field(default=float("-inf"))

    def tick(self, live: Mapping[str, Any], prediction: Result) -> None:
        """`live` are the live figures of the test sale."""
        now, line = monotonic(), live["line"]
        if self.began is None and live["funnel"]["joined"]:
            self.began = now
        if self.began is None or now - self._told_at < TOLD_EVERY_SECONDS:
            return
        self._told_at = now
        seconds = now - self.began
        expected = at_moment(prediction, seconds)
        pairs = {
            "waiting": (line["waiting"], expected.waiting),
            "admitted": (live["funnel"]["admitted"], expected.admitted),
            "sold": (live["stock"]["booked"], expected.booked),
        }
        figures = ", ".join(f"{is_:,} {name} ({was:,})" for name, (is_, was) in pairs.items())
        self.console.print(f"{seconds:6.0f} s  {live['state']}: {figures} [dim](predicted)[/dim]")


def at_moment(prediction: Result, seconds: float) -> SeriesPoint:
    """The predicted point so many seconds after the first arrival; the last one after the end."""
    began = next((point.at_s for point in prediction.series if point.arrived), 0.0)
    times = [point.at_s - began for point in prediction.series]
    at = bisect_right(times, seconds)
    return prediction.series[at - 1] if at else SeriesPoint(at_s=0.0)


def comparison_table(figures: Sequence[ComparedFigure]) -> Table:
    """Prediction and run beside each other."""
    table = Table(box=None, pad_edge=False)
    table.add_column("figure")
    for title in ("predicted", "measured", "deviation", "tolerated"):
        table.add_column(title, justify="right")
    for one in figures:
        style = "" if one.held is not False else "bold red"
        table.add_row(
            one.name,
            figure_text(one.predicted, one.unit),
            figure_text(one.measured, one.unit),
            percent(one),
            tolerated(one, missed="MISSED"),
            style=style,
        )
    return table
