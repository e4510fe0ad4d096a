"""A run over time, in a bounded number of rows.

A row covers one second; when a run grows longer than there are rows, each two become one. So a soak
of a day costs the memory of a run of half an hour. Latencies are kept as a histogram while batches
of their row may still come, and as two percentiles afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from holdfast_loadtest.observations.figures import Figures
from holdfast_loadtest.observations.histogram import Histogram

MAX_ROWS: Final = 2_000
OPEN_ROWS: Final = 30
"""the newest, whose latencies are still histograms"""


@dataclass(slots=True)
class TimelineRow:
    """What happened in one span: people by stage, percentiles of latency in seconds, cores used."""

    stages: dict[str, int] = field(default_factory=dict)
    p50: float | None = None
    p99: float | None = None
    service_cores: float | None = None

    def merge(self, other: TimelineRow) -> None:
        """Adds another row; of percentiles and cores the larger is kept."""
        for stage, count in other.stages.items():
            self.stages[stage] = self.stages.get(stage, 0) + count
        self.p50 = _larger(self.p50, other.p50)
        self.p99 = _larger(self.p99, other.p99)
        self.service_cores = _larger(self.service_cores, other.service_cores)


class Timeline:
    """Rows of `step` seconds from `start` (seconds since 1970)."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.step = 1
        self._rows: dict[int, TimelineRow] = {}
        self._open: dict[int, Histogram] = {}

    def add(self, figures: Figures, sent_at: float) -> None:
        """The people of a batch by their second, its latencies in that of the sending."""
        for stage, seconds in figures.stages.items():
            for second, count in seconds.items():
                row = self._row(second)
                row.stages[stage] = row.stages.get(stage, 0) + count
        latencies = figures.latencies()
        if latencies.buckets:
            self._row(sent_at)
            self._open.setdefault(self._at(sent_at), Histogram()).merge(latencies)
            self._close(self._at(sent_at) - OPEN_ROWS)

    def add_cores(self, at: float, cores: float) -> None:
        """Notes how many processors the service used until `at`; a row keeps the most."""
        row = self._row(at)
        row.service_cores = _larger(row.service_cores, cores)

    def rows(self) -> list[TimelineRow]:
        """Every row from the start to the last in which something happened."""
        self._close(max(self._open, default=0) + 1)
        last = max(self._rows, default=-1)
        return [self._rows.get(at, TimelineRow()) for at in range(last + 1)]

    def _at(self, second: float) -> int:
        """The row of a moment; what was before the start belongs to the first."""
        return max(0, int((second - self.start) // self.step))

    def _row(self, second: float) -> TimelineRow:
        while self._at(second) >= MAX_ROWS:
            self._halve()
        return self._rows.setdefault(self._at(second), TimelineRow())

    def _halve(self) -> None:
        self._close(max(self._open, default=0) + 1)
        rows, self._rows = self._rows, {}
        self.step *= 2
        for at in sorted(rows):
            self._rows.setdefault(at // 2, TimelineRow()).merge(rows[at])

    def _close(self, before: int) -> None:
        for at in [at for at in self._open if at < before]:
            latencies = self._open.pop(at)
            row = self._rows.setdefault(at, TimelineRow())
            row.merge(TimelineRow(p50=latencies.percentile(0.5), p99=latencies.percentile(0.99)))


def _larger(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return max(known, default=None)
