"""The figures of a run that thresholds are about, from what was observed and what the sale says.

A figure is None where the run had nothing to measure it by.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast_loadtest.audit.line_checks import UNLIMITED
from holdfast_loadtest.observations.figures import Figures, Stage
from holdfast_loadtest.observations.histogram import Histogram
from holdfast_loadtest.observations.record import Observed
from holdfast_loadtest.report.sale_history import SaleHistory, pace
from holdfast_loadtest.wire import Sale

MIN_PASSES: Final = 10
"""fewer say nothing about a rate"""

Measured = dict[str, float | None]


def measure(observed: Observed, history: SaleHistory | None, settings: Sale | None) -> Measured:
    """Every figure by the name of its threshold."""
    figures, counts = observed.figures, observed.counts
    requests = sum(step.seconds.count for step in figures.steps.values())
    refused = sum(sum(codes.values()) for codes in figures.refusals.values())
    failed = sum(step.failures for step in figures.steps.values())
    measured: Measured = {
        "refused_share": share(refused, requests),
        "failed_share": share(failed, requests),
        "wait_p50_s": figures.waits.percentile(0.5),
        "wait_p90_s": figures.waits.percentile(0.9),
        "estimate_error_p50_s": figures.estimate_errors.percentile(0.5),
        "estimate_error_p90_s": figures.estimate_errors.percentile(0.9),
        "waited_share": share(counts.get(Stage.WAITED, 0), counts.get(Stage.ADMITTED, 0)),
        "rate_error": rate_error(observed, history, settings),
        "goodput_per_s": None,
        "sold_out_s": None,
    }
    if history is not None:
        # The sale may have been used before the run.
        orders = [at for at in history.orders if at >= observed.started]
        measured["goodput_per_s"] = pace(orders)
        if history.sold_out_at is not None:
            opened = opened_at(observed, settings)
            measured["sold_out_s"] = max(0.0, history.sold_out_at - opened)
    measured.update(_steps(figures))
    return measured


def opened_at(observed: Observed, settings: Sale | None) -> float:
    """When the sale opened, in seconds since 1970: at its start, where people came before, else as
    the first of them came.
    """
    arrived = observed.figures.first_arrival or observed.started
    start = None if settings is None else settings.event_start_time
    return arrived if start is None else max(arrived, start.timestamp())


def rate_error(
    observed: Observed, history: SaleHistory | None, settings: Sale | None
) -> float | None:
    """How far the passes a second were from the set rate while people waited, as a share of it.

    From the moment at which somebody waits to the last call; the first pass of that time only
    begins the measurement. Where the cap on buyers inside, and not the rate, decides who is let in,
    this is large by nature; so it is where few of the called claim, or claim late.
    """
    if history is None or settings is None or settings.queueing_method == UNLIMITED:
        return None
    begin, end = waiting_since(observed), history.last_call
    if begin is None or end is None:
        return None
    passes = [at for at in history.passes if begin <= at <= end]
    realised = pace(passes)
    if realised is None or len(passes) < MIN_PASSES:
        return None
    return abs(realised / (settings.new_users_per_minute / 60) - 1)


def waiting_since(observed: Observed) -> float | None:
    """The end of the first row in which somebody waited."""
    waiting = 0
    for at, row in enumerate(observed.rows, 1):
        waiting += row.stages.get(Stage.QUEUED, 0) - row.stages.get(Stage.DEQUEUED, 0)
        if waiting > 0:
            return observed.rows_start + at * observed.step
    return None


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def in_ms(seconds: Histogram, percentile: float) -> float | None:
    value = seconds.percentile(percentile)
    return None if value is None else value * 1_000


def _steps(figures: Figures) -> Iterator[tuple[str, float | None]]:
    for name, step in figures.steps.items():
        for percent in (50, 90, 99):
            yield f"steps.{name}.p{percent}_ms", in_ms(step.seconds, percent / 100)
        yield f"steps.{name}.failed_share", share(step.failures, step.seconds.count)
