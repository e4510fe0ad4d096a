"""Figures that look bad to half of an alert's expression, and mean no harm."""

from typing import Final

from support.monitoring.alert_cases import CASES
from support.monitoring.alert_figures import (
    Case,
    case,
    growing,
    levels,
    moving_line,
    node,
    sale,
    slow_histogram,
)

_STANDING: Final = growing((60, 10), (0, 20))
_SLOW: Final = levels((60, 10), (20, 20))


def _in_a_test(bad: Case) -> Case:
    """The same of a test sale."""
    minutes = max(len(values) for values in bad.series.values())
    of_a_test = sale("holdfast_sale_test", levels((1, minutes)))
    return case(bad.code, *bad.series.items(), of_a_test, step=bad.step)


QUIET: Final = (
    # Nobody is called, and nobody has to be.
    case("line_stalled", *moving_line(30, state="paused", called_total=_STANDING)),
    case("line_stalled", *moving_line(30, free=80, called_total=_STANDING)),
    case("line_stalled", *moving_line(30, active=levels((100, 30)), called_total=_STANDING)),
    case("line_stalled", *moving_line(30, waiting=levels((0, 30)), called_total=_STANDING)),
    case(
        "line_stalled",
        *moving_line(30, admission_rate_set_per_minute=levels((0, 30)), called_total=_STANDING),
    ),
    # The rate is low because the line is short, or the shop is full.
    case(
        "rate_off",
        *moving_line(30, waiting=levels((40, 30)), admission_rate_realised_per_minute=_SLOW),
    ),
    case(
        "rate_off",
        *moving_line(30, active=levels((100, 30)), admission_rate_realised_per_minute=_SLOW),
    ),
    case("rate_off", *moving_line(30, free=80, admission_rate_realised_per_minute=_SLOW)),
    case("rate_off", *moving_line(30, state="paused", admission_rate_realised_per_minute=_SLOW)),
    # A wrong promise of a long wait, by little of it.
    case(
        "wait_estimate_off",
        *slow_histogram(
            sale,
            "holdfast_wait_estimate_error_seconds",
            growing((0, 40)),
            growing((10, 40)),
            ("60", "300"),
        ),
        *slow_histogram(
            sale, "holdfast_wait_seconds", growing((0, 40)), growing((10, 40)), ("1200", "2400")
        ),
    ),
    # Nothing moves, so nothing has to be written.
    case(
        "checkpoint_old",
        sale("holdfast_checkpoint_age_seconds", levels((900, 30))),
        sale("holdfast_joins_total", levels((500, 30)), kind="line"),
    ),
    # Many pay, and it comes to an end.
    case(
        "orders_pending",
        sale("holdfast_ledger_pending_orders", levels((50, 30))),
        sale("holdfast_orders_total", growing((3, 30)), outcome="confirmed"),
    ),
    # One worker, once.
    case(
        "worker_restarting",
        node("holdfast_worker_restarts_total", growing((0, 10), (1, 1), (0, 19))),
    ),
    # The operator replaced the plan before anybody came.
    case(
        "store_behind",
        sale("holdfast_rebuilds_total", growing((0, 10), (1, 1), (0, 19))),
        sale("holdfast_funnel_total", levels((0, 30)), stage="joined"),
    ),
    # The store, or the ledger, is away: other alerts say so.
    case("store_failover", node("holdfast_store_up", levels((0, 2), (1, 10), (0, 18)))),
    case(
        "ledger_read_only",
        node("holdfast_ledger_up", levels((0, 30))),
        node("holdfast_ledger_writable", levels((0, 30))),
    ),
    # A store without a bound, and one that never had a replica.
    case(
        "store_memory",
        node("holdfast_store_memory_bytes", levels((900, 30))),
        node("holdfast_store_memory_max_bytes", levels((0, 30))),
    ),
    case("replica_missing", node("holdfast_store_replicas", levels((0, 30)))),
    # A few failures in a minute, and none before or after.
    case(
        "error_budget_burn_fast",
        node("holdfast_requests_total", growing((1000, 60)), route="/", code="200"),
        node(
            "holdfast_requests_total",
            growing((0, 40), (20, 1), (0, 19)),
            route="/",
            code="503",
        ),
    ),
    # What every alert of a sale is about, in a test sale.
    *(_in_a_test(bad) for bad in CASES if "sale" in bad.labels),
)
