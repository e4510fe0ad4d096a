"""Observations, history and audit become one result with one verdict."""

from pathlib import Path

import msgspec
import pytest
from support.loadtest.finished_run import RATE, START, FinishedRun, composed, facts

from holdfast_loadtest.observations.figures import Figures, Stage
from holdfast_loadtest.report.compose import AuditedSale, compose
from holdfast_loadtest.report.judge import lines
from holdfast_loadtest.report.measures import measure, rate_error
from holdfast_loadtest.report.result import EXIT_STATUS, RunResult
from holdfast_loadtest.report.sale_history import SaleHistory
from holdfast_loadtest.wire import Sale


def test_a_good_run_is_ok(tmp_path: Path) -> None:
    result = composed(tmp_path)
    assert result.verdict.outcome == "ok", "\n".join(lines(result))
    assert result.verdict.exit_status == 0
    assert result.verdict.summary == "Verdict: all 2 promises held, 5 thresholds kept"


def test_figures_are_those_of_the_run(tmp_path: Path) -> None:
    result = composed(tmp_path)
    assert (result.funnel.arrived, result.funnel.admitted, result.funnel.confirmed) == (40, 40, 20)
    assert result.funnel.empty_handed == 20
    assert result.waits.max == pytest.approx(20)
    assert result.waits.p50 == pytest.approx(10, rel=0.02)
    assert result.estimate_error.p50 == pytest.approx(2.5, rel=0.02)
    assert result.refusals == {"seats_taken": 20}
    assert result.steps["join"].count == 40
    assert result.peaks.waiting == 39
    assert result.measured["rate_error"] == pytest.approx(0, abs=1e-9)
    assert result.measured["goodput_per_s"] == pytest.approx(RATE / 2)
    assert result.measured["refused_share"] == pytest.approx(20 / 80)
    assert sum(row.count for row in result.estimates) == 40


@pytest.mark.parametrize(
    ("settings", "note"),
    [(Sale(test=True), ""), (Sale(), "no test sale"), (None, "could not be read")],
)
def test_what_counts_as_sold_and_what_was_not_read_is_noted(
    settings: Sale | None, note: str, tmp_path: Path
) -> None:
    observed = FinishedRun(tmp_path).observe()
    notes = compose(facts(settings=settings), observed, AuditedSale()).notes
    assert (note in " ".join(notes)) if note else not notes


def test_series_counts_up_to_the_funnel(tmp_path: Path) -> None:
    result = composed(tmp_path)
    last = result.series[-1]
    assert (last.arrived, last.waiting, last.admitted, last.booked) == (40, 0, 40, 20)
    assert [point.admitted for point in result.series] == sorted(p.admitted for p in result.series)
    assert {point.service_cpu for point in result.series[1:]} == {0.25}
    assert last.p99_ms == pytest.approx(20, rel=0.02)


def test_result_is_read_again(tmp_path: Path) -> None:
    result = composed(tmp_path, "seat 1 is in orders a, b")
    read = msgspec.json.decode(msgspec.json.encode(result), type=RunResult)
    assert msgspec.json.encode(read) == msgspec.json.encode(result)


def test_a_broken_promise_is_a_breach_even_if_receipts_are_missing(tmp_path: Path) -> None:
    result = composed(tmp_path, "seat 1 is in orders a, b", loses_the_end=True)
    assert (result.verdict.outcome, result.verdict.exit_status) == ("breach", 1)
    assert result.verdict.summary == "Verdict: 1 of 2 promises BROKEN"


def test_missing_receipts_alone_allow_no_verdict(tmp_path: Path) -> None:
    result = composed(tmp_path, loses_the_end=True)
    assert (result.verdict.outcome, result.verdict.ok) == ("unknown", False)
    assert result.verdict.exit_status == 2
    assert "  MISSING every receipt of every worker is here" in "\n".join(lines(result))


def test_an_audit_that_could_not_be_made_allows_no_verdict(tmp_path: Path) -> None:
    result = composed(tmp_path, failure="the sale: 404 unknown_sale")
    assert result.verdict.exit_status == 2
    assert "404 unknown_sale" in result.verdict.summary
    assert result.measured["rate_error"] is None
    assert not all(one.held for one in result.verdict.thresholds)


def test_a_missed_threshold_is_a_breach(tmp_path: Path) -> None:
    run = FinishedRun(tmp_path)
    observed = run.observe()
    slow = facts(thresholds=msgspec.structs.replace(facts().thresholds, wait_p90_s=5))
    result = compose(slow, observed, AuditedSale((), run.history, 20))
    assert result.verdict.outcome == "breach"
    assert result.verdict.summary == "Verdict: 1 of 5 thresholds missed"
    cut = compose(slow, run.observe(interrupted=True), AuditedSale((), run.history, 20))
    assert cut.verdict.outcome == "interrupted", "thresholds are about whole runs"
    assert set(EXIT_STATUS.values()) == {0, 1, 2}


def test_an_interrupted_run_is_neither_ok_nor_excused(tmp_path: Path) -> None:
    result = composed(tmp_path, interrupted=True)
    assert (result.verdict.outcome, result.verdict.exit_status) == ("interrupted", 2)
    assert result.verdict.summary.startswith("No verdict: interrupted after 20 s")
    assert not result.verdict.ok
    broken = composed(tmp_path, "seat 1 is in orders a, b", interrupted=True)
    assert broken.verdict.outcome == "breach"
    unread = composed(tmp_path, failure="the sale: 404 unknown_sale", interrupted=True)
    assert unread.verdict.outcome == "unknown"


@pytest.mark.parametrize(("per_minute", "error"), [(120, 0.0), (60, 1.0), (240, 0.5)])
def test_rate_error_is_a_share_of_the_set_rate(
    per_minute: float, error: float, tmp_path: Path
) -> None:
    run = FinishedRun(tmp_path)
    observed = run.observe()
    settings = Sale(new_users_per_minute=per_minute)
    assert rate_error(observed, run.history, settings) == pytest.approx(error)


def test_rate_is_not_measured_where_nothing_can_be_said(tmp_path: Path) -> None:
    run = FinishedRun(tmp_path, visitors=8)
    observed = run.observe()
    settings = Sale(new_users_per_minute=120)
    assert rate_error(observed, run.history, settings) is None
    assert rate_error(observed, SaleHistory(1), settings) is None
    assert rate_error(observed, run.history, Sale(queueing_method="passthrough")) is None
    assert rate_error(observed, run.history, None) is None


def test_a_run_without_visitors_measures_nothing(tmp_path: Path) -> None:
    observed = FinishedRun(tmp_path, visitors=0).observe()
    measured = measure(observed, SaleHistory(0), Sale())
    assert set(measured.values()) == {None}


def test_orders_from_before_the_run_are_not_its_goodput(tmp_path: Path) -> None:
    run = FinishedRun(tmp_path)
    observed = run.observe()
    run.history.orders = [START - 1_000, *run.history.orders]
    measured = measure(observed, run.history, Sale())
    assert measured["goodput_per_s"] == pytest.approx(RATE / 2)


def test_every_stage_of_the_funnel_is_counted() -> None:
    figures = Figures()
    for stage in Stage:
        figures.count(stage, START)
    assert set(figures.stages) == {stage.value for stage in Stage}
