"""A run as it is put together where the verdict is made: by the master, or by the only process.

Receipts go to a file as they come, line by line, so that they are there even if this process is
killed; in memory stay counts and percentiles, whose size does not depend on how many visitors there
are.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from holdfast_loadtest.audit.findings import Check
from holdfast_loadtest.audit.journal import encode_entry
from holdfast_loadtest.observations.figures import Figures, Stage
from holdfast_loadtest.observations.intake import Intake
from holdfast_loadtest.observations.timeline import Timeline, TimelineRow

JOURNAL_FILE: Final = "journal.jsonl"
EVENTS_FILE: Final = "events.jsonl"
OBSERVED_FILE: Final = "observed.json"
FUNNEL: Final = (
    Stage.ARRIVED,
    Stage.JOINED,
    Stage.CALLED,
    Stage.ADMITTED,
    Stage.HELD,
    Stage.PAYING,
    Stage.CONFIRMED,
    Stage.LEFT,
    Stage.EMPTY_HANDED,
)


class Observed(msgspec.Struct, kw_only=True):
    """Everything observed in a run but its receipts; times in seconds since 1970."""

    started: float
    ended: float
    workers: int
    step: int
    """seconds of a row"""
    rows: list[TimelineRow]
    counts: dict[str, int]
    """by stage, over the run"""
    figures: Figures
    receipts: Check
    """whether they are complete"""
    cores_note: str = ""
    """why the service's processor time is not known, if it is not"""
    interrupted: bool = False
    """whether people were sent home before they had done all that they came for"""

    @property
    def rows_start(self) -> float:
        """When the first row begins: with a whole second, since visitors are counted by these."""
        return math.floor(self.started)


class RunRecord:
    """Takes batches until the run is over; `save` leaves the files that a report is made of."""

    def __init__(self, run: str, directory: Path, started: float) -> None:
        self._directory = directory
        self._started = started
        self._intake = Intake(run)
        self._figures = Figures()
        self._timeline = Timeline(math.floor(started))
        self._counts: Counter[str] = Counter()
        self._journal: IO[bytes] = (directory / JOURNAL_FILE).open("wb")
        self.cores_note = ""

    def expect(self, worker: str) -> None:
        """The worker takes part: without its last batch the receipts are not complete."""
        self._intake.expect(worker)

    def take(self, worker: str, message: bytes) -> None:
        """Takes a message of a worker."""
        batch = self._intake.take(worker, message)
        if batch is None:
            return
        self._journal.writelines(encode_entry(entry) for entry in batch.receipts)
        self._journal.flush()
        self._timeline.add(batch.figures, batch.sent_at)
        self._figures.merge(batch.figures)
        for stage, seconds in batch.figures.stages.items():
            self._counts[stage] += sum(seconds.values())

    def add_cores(self, at: float, cores: float) -> None:
        """Processor seconds a second that the service has used up to `at`."""
        self._timeline.add_cores(at, cores)

    @property
    def incomplete(self) -> list[str]:
        """The workers whose last batch is not here."""
        return [one.name for one in self._intake.accounts if not one.is_complete]

    def count(self, begun: Stage, ended: Stage) -> int:
        """How many people have reached `begun` and not `ended`."""
        return max(0, self._counts[begun.value] - self._counts[ended.value])

    def live(self) -> dict[str, Any]:
        """How the run stands, for displays."""
        figures, check = self._figures, self._intake.check()
        return {
            "funnel": {stage.value: self._counts[stage.value] for stage in FUNNEL},
            "waiting": self.count(Stage.QUEUED, Stage.DEQUEUED),
            "inside": self.count(Stage.ENTERED, Stage.EXITED),
            "holding": self.count(Stage.HOLDING, Stage.RELEASED),
            "waits": _percentiles(figures.waits.percentile(0.5), figures.waits.percentile(0.9)),
            "estimate_error": _percentiles(
                figures.estimate_errors.percentile(0.5), figures.estimate_errors.percentile(0.9)
            ),
            "refusals": refusals_by_code(figures),
            "workers": len(self._intake.accounts),
            "receipts": check.examined,
            "missing": list(check.findings),
        }

    def save(self, ended: float, *, interrupted: bool = False) -> Observed:
        """Ends the record and writes it beside the journal."""
        self._journal.close()
        observed = Observed(
            started=self._started,
            ended=ended,
            workers=len(self._intake.accounts),
            step=self._timeline.step,
            rows=self._timeline.rows(),
            counts=dict(self._counts),
            figures=self._figures,
            receipts=self._intake.check(),
            cores_note=self.cores_note,
            interrupted=interrupted,
        )
        (self._directory / OBSERVED_FILE).write_bytes(msgspec.json.encode(observed))
        return observed


def refusals_by_code(figures: Figures) -> dict[str, int]:
    """Counts refusals by code over all steps, the most frequent first."""
    codes: Counter[str] = Counter()
    for counts in figures.refusals.values():
        codes.update(counts)
    return dict(codes.most_common())


def _percentiles(p50: float | None, p90: float | None) -> dict[str, float | None]:
    return {"p50": p50, "p90": p90}
