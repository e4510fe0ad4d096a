"""The JSON of a run: what simulations have as well, and what only a run can have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from holdfast_loadtest.audit.findings import Check
from holdfast_loadtest.report.thresholds import ThresholdResult
from holdfast_simulator.result import Result, SeriesPoint

Outcome = Literal["ok", "breach", "unknown", "interrupted"]
EXIT_STATUS: Final[dict[Outcome, int]] = {"ok": 0, "breach": 1, "unknown": 2, "interrupted": 2}


class RunPoint(SeriesPoint, frozen=True, kw_only=True):
    """A moment of a run, with the latencies of its requests and the cores that the service used."""

    p50_ms: float | None = None
    p99_ms: float | None = None
    service_cpu: float | None = None


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of one step."""

    count: int
    failures: int
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """None where nothing was measured."""

    p50: float | None = None
    p90: float | None = None


class EstimateRow(msgspec.Struct, frozen=True, kw_only=True):
    """Visitors who were told about the same wait, in seconds, and how long they then waited."""

    told_from_s: float
    told_to_s: float
    count: int
    p50: float | None
    p90: float | None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A promise, whether it was held, what was examined, and the evidence against it."""

    check: str
    held: bool
    detail: str
    evidence: Sequence[str] = ()
    broken: int = 0
    """how many pieces of evidence there are; some are left out"""


class RunVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """`unknown` where nothing is known to be broken and not everything could be looked at,
    `interrupted` where that is because the run was ended early.
    """

    outcome: Outcome
    ok: bool
    summary: str
    findings: Sequence[Finding]
    thresholds: Sequence[ThresholdResult]

    @property
    def exit_status(self) -> int:
        return EXIT_STATUS[self.outcome]


class RunResult(Result, frozen=True, kw_only=True):
    """`report.json`."""

    series: Sequence[RunPoint] = ()
    workers: int = 0
    refusals: dict[str, int] = msgspec.field(default_factory=dict)
    refusals_by_step: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    steps: dict[str, StepResult] = msgspec.field(default_factory=dict)
    estimate_error: Percentiles = Percentiles()
    estimates: Sequence[EstimateRow] = ()
    measured: dict[str, float | None] = msgspec.field(default_factory=dict)
    """the figures that thresholds are about, whether they have a limit or not"""
    verdict: RunVerdict
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    notes: Sequence[str] = ()
    """what could not be measured, and why"""


def finding_of(check: Check) -> Finding:
    """The finding of a check of the audit."""
    return Finding(
        check=check.promise,
        held=check.held,
        detail=check.examined,
        evidence=check.findings,
        broken=check.broken,
    )
