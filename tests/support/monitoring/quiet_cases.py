"""Figures that look bad to half of an alert's expression, and mean no harm."""

from typing import Final

from support.monitoring.alert_cases import CASES
from support.monitoring.alert_figures import (
    SALE,
    Case,
    growing,
    levels,
    moving_line,
    node,
    sale,
    slow_histogram,
)

_STANDING: Final = growing((60, 10), (0, 20))
_SLOW: Final = levels((60, 10), (20, 20))


def _of_a_test(case: Case) -> dict[str, list[float]]:
    """What tells that the sale of a case is a test sale."""
    minutes = max(len(values) for values in case.series.values())
    return dict([sale("holdfast_sale_test", levels((1, minutes)))])


QUIET: Final = (
    # Nobody is called, and nobody has to be.
    Case("line_stalled", moving_line(30, state="paused", called_total=_STANDING)),
    Case("line_stalled", moving_line(30, free=80, called_total=_STANDING)),
    Case("line_stalled", moving_line(30, active=levels((100, 30)), called_total=_STANDING)),
    Case("line_stalled", moving_line(30, waiting=levels((0, 30)), called_total=_STANDING)),
    Case(
        "line_stalled",
        moving_line(30, admission_rate_set_per_minute=levels((0, 30)), called_total=_STANDING),
    ),
    # The rate is low because the line is short, or the shop is full.
    Case(
        "rate_off",
        moving_line(30, waiting=levels((40, 30)), admission_rate_realised_per_minute=_SLOW),
    ),
    Case(
        "rate_off",
        moving_line(30, active=levels((100, 30)), admission_rate_realised_per_minute=_SLOW),
    ),
    Case("rate_off", moving_line(30, free=80, admission_rate_realised_per_minute=_SLOW)),
    Case("rate_off", moving_line(30, state="paused", admission_rate_realised_per_minute=_SLOW)),
    # A wrong promise of a long wait, by little of it.
    Case(
        "wait_estimate_off",
        dict(
            [
                *slow_histogram(
                    "holdfast_wait_estimate_error_seconds",
                    growing((0, 40)),
                    growing((10, 40)),
                    ("60", "300"),
                    **SALE,
                ),
                *slow_histogram(
                    "holdfast_wait_seconds",
                    growing((0, 40)),
                    growing((10, 40)),
                    ("1200", "2400"),
                    **SALE,
                ),
            ]
        ),
    ),
    # Nothing moves, so nothing has to be written.
    Case(
        "checkpoint_old",
        dict(
            [
                sale("holdfast_checkpoint_age_seconds", levels((900, 30))),
                sale("holdfast_joins_total", levels((500, 30)), kind="line"),
            ]
        ),
    ),
    # Many pay, and it comes to an end.
    Case(
        "orders_pending",
        dict(
            [
                sale("holdfast_ledger_pending_orders", levels((50, 30))),
                sale("holdfast_orders_total", growing((3, 30)), outcome="confirmed"),
            ]
        ),
    ),
    # One worker, once.
    Case(
        "worker_restarting",
        dict([node("holdfast_worker_restarts_total", growing((0, 10), (1, 1), (0, 19)))]),
    ),
    # The operator replaced the plan before anybody came.
    Case(
        "store_behind",
        dict(
            [
                sale("holdfast_rebuilds_total", growing((0, 10), (1, 1), (0, 19))),
                sale("holdfast_funnel_total", levels((0, 30)), stage="joined"),
            ]
        ),
    ),
    # The store, or the ledger, is away: other alerts say so.
    Case("store_failover", dict([node("holdfast_store_up", levels((0, 2), (1, 10), (0, 18)))])),
    Case(
        "ledger_read_only",
        dict(
            [
                node("holdfast_ledger_up", levels((0, 30))),
                node("holdfast_ledger_writable", levels((0, 30))),
            ]
        ),
    ),
    # A store without a bound, and one that never had a replica.
    Case(
        "store_memory",
        dict(
            [
                node("holdfast_store_memory_bytes", levels((900, 30))),
                node("holdfast_store_memory_max_bytes", levels((0, 30))),
            ]
        ),
    ),
    Case("replica_missing", dict([node("holdfast_store_replicas", levels((0, 30)))])),
    # A few failures in a minute, and none before or after.
    Case(
        "error_budget_burn_fast",
        dict(
            [
                node("holdfast_requests_total", growing((1000, 60)), route="/", code="200"),
                node(
                    "holdfast_requests_total",
                    growing((0, 40), (20, 1), (0, 19)),
                    route="/",
                    code="503",
                ),
            ]
        ),
    ),
    # What every alert of a sale is about, in a test sale.
    *(
        Case(case.code, {**case.series, **_of_a_test(case)}, step=case.step)
        for case in CASES
        if "sale" in case.labels
    ),
)
