"""The result of a run, put together from what was observed, what the sale says, and the audit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from holdfast_loadtest.audit.findings import Check
from holdfast_loadtest.observations.figures import Stage
from holdfast_loadtest.observations.histogram import Histogram
from holdfast_loadtest.observations.record import FUNNEL, Observed, refusals_by_code
from holdfast_loadtest.report.measures import in_ms, measure
from holdfast_loadtest.report.result import (
    EstimateRow,
    Outcome,
    Percentiles,
    RunPoint,
    RunResult,
    RunVerdict,
    StepResult,
    finding_of,
)
from holdfast_loadtest.report.run_facts import RunFacts
from holdfast_loadtest.report.sale_history import SaleHistory
from holdfast_loadtest.report.thresholds import ThresholdResult, judge_thresholds
from holdfast_loadtest.wire import Sale
from holdfast_simulator.result import Funnel, Peaks, SeatCounts, Waits


@dataclass(frozen=True, slots=True)
class AuditedSale:
    """What was learnt from the service after the run; without history the audit was not made."""

    checks: Sequence[Check] = ()
    history: SaleHistory | None = None
    booked: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    """why the audit could not be made"""


def compose(facts: RunFacts, observed: Observed, audited: AuditedSale) -> RunResult:
    """Everything that the report shows."""
    figures, history = observed.figures, audited.history
    measured = measure(observed, history, facts.settings)
    points = _points(observed, history)
    return RunResult(
        kind="run",
        scenario=facts.scenario,
        sale=facts.sale,
        started_at=datetime.fromtimestamp(observed.started, UTC).isoformat(timespec="seconds"),
        seconds=round(observed.ended - observed.started, 3),
        funnel=Funnel(**{stage.value: observed.counts.get(stage, 0) for stage in FUNNEL}),
        waits=_waits(figures.waits),
        admission_waits=_waits(figures.admission_waits),
        sold_out_after_s=measured["sold_out_s"],
        peaks=_peaks(observed, points, history),
        seats=_seats(audited),
        series=points,
        workers=observed.workers,
        refusals=refusals_by_code(figures),
        refusals_by_step=figures.refusals,
        steps={
            name: StepResult(
                count=step.seconds.count,
                failures=step.failures,
                p50_ms=in_ms(step.seconds, 0.5),
                p90_ms=in_ms(step.seconds, 0.9),
                p99_ms=in_ms(step.seconds, 0.99),
            )
            for name, step in sorted(figures.steps.items())
        },
        estimate_error=Percentiles(
            p50=figures.estimate_errors.percentile(0.5), p90=figures.estimate_errors.percentile(0.9)
        ),
        estimates=_estimates(figures.waits_by_estimate),
        measured=measured,
        verdict=reach_verdict(observed, audited, judge_thresholds(facts.thresholds, measured)),
        environment={**audited.environment, **facts.generator},
        notes=[*_notes(observed, audited), *_sale_notes(facts.settings)],
    )


def reach_verdict(
    observed: Observed, audited: AuditedSale, thresholds: Sequence[ThresholdResult]
) -> RunVerdict:
    """One verdict of everything. What is missing makes it unknown, what is broken a breach. The
    thresholds are about whole runs: one that was interrupted cannot miss them.
    """
    checks = [observed.receipts, *audited.checks]
    broken = sum(not check.held for check in audited.checks)
    missed = sum(not threshold.held for threshold in thresholds)
    outcome: Outcome = "ok"
    limits = f", {len(thresholds)} thresholds kept" if thresholds else ""
    summary = f"Verdict: all {len(checks)} promises held{limits}"
    if audited.failure:
        outcome, summary = "unknown", f"No verdict: no audit could be made: {audited.failure}"
    elif observed.interrupted and not broken:
        seconds = observed.ended - observed.started
        outcome = "interrupted"
        summary = f"No verdict: interrupted after {seconds:.0f} s; no promise was found broken"
    elif broken or missed:
        promises = [f"{broken} of {len(checks)} promises BROKEN"] if broken else []
        missing = [f"{missed} of {len(thresholds)} thresholds missed"] if missed else []
        outcome, summary = "breach", f"Verdict: {', '.join([*promises, *missing])}"
    elif not observed.receipts.held:
        outcome = "unknown"
        summary = "No verdict: receipts are missing, and nothing else was found broken"
    return RunVerdict(
        outcome=outcome,
        ok=outcome == "ok",
        summary=summary,
        findings=[finding_of(check) for check in checks],
        thresholds=thresholds,
    )


def _points(observed: Observed, history: SaleHistory | None) -> list[RunPoint]:
    points: list[RunPoint] = []
    total: dict[str, int] = {}
    for at, row in enumerate(observed.rows, 1):
        for stage, count in row.stages.items():
            total[stage] = total.get(stage, 0) + count
        seconds = at * observed.step
        moment = observed.rows_start + seconds
        waiting = total.get(Stage.QUEUED, 0) - total.get(Stage.DEQUEUED, 0)
        points.append(
            RunPoint(
                at_s=float(seconds),
                arrived=total.get(Stage.ARRIVED, 0),
                waiting=max(0, waiting),
                called=total.get(Stage.CALLED, 0),
                admitted=total.get(Stage.ADMITTED, 0),
                held=history.held.at(moment) if history else 0,
                booked=history.booked.at(moment) if history else 0,
                p50_ms=None if row.p50 is None else round(row.p50 * 1_000, 3),
                p99_ms=None if row.p99 is None else round(row.p99 * 1_000, 3),
                service_cpu=None if row.service_cores is None else round(row.service_cores, 3),
            )
        )
    return points


def _peaks(observed: Observed, points: Sequence[RunPoint], history: SaleHistory | None) -> Peaks:
    """`active` are the sale's sessions, which the cap counts: who closes the tab leaves one."""
    active = 0 if history is None else history.inside.most(observed.started)
    return Peaks(
        waiting=max((point.waiting for point in points), default=0),
        active=active,
        polls_per_s=_most(observed, Stage.POLLED),
        joins_per_s=_most(observed, Stage.QUEUED),
    )


def _most(observed: Observed, stage: Stage) -> float:
    return max((row.stages.get(stage, 0) for row in observed.rows), default=0) / observed.step


def _seats(audited: AuditedSale) -> SeatCounts:
    history = audited.history
    if history is None:
        return SeatCounts()
    return SeatCounts(
        total=history.total, booked=audited.booked, lapsed=history.lapsed, resold=history.resold
    )


def _waits(waits: Histogram) -> Waits:
    return Waits(
        count=waits.count,
        p50=waits.percentile(0.5),
        p90=waits.percentile(0.9),
        p99=waits.percentile(0.99),
        max=waits.largest if waits.count else None,
    )


def _estimates(by_power: dict[int, Histogram]) -> list[EstimateRow]:
    return [
        EstimateRow(
            told_from_s=float(2**power) if power else 0.0,
            told_to_s=float(2 ** (power + 1)),
            count=waits.count,
            p50=waits.percentile(0.5),
            p90=waits.percentile(0.9),
        )
        for power, waits in sorted(by_power.items())
    ]


def _sale_notes(settings: Sale | None) -> Iterator[str]:
    if settings is None:
        yield "The sale could not be read as the run began: nobody knows whether it was changed"
    elif not settings.test:
        yield (
            "The sale is no test sale: what was bought counts as sold, in its report and in alerts"
        )


def _notes(observed: Observed, audited: AuditedSale) -> list[str]:
    notes = []
    if observed.cores_note:
        notes.append(f"The processor time of the service is not known: {observed.cores_note}")
    if audited.failure:
        notes.append(
            "Holds, orders and the rate come from the sale's events, which could not be read"
        )
    return notes
