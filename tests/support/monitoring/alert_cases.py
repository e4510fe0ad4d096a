"""For each alert: figures that are healthy, then bad, then healthy again, minute by minute."""

from typing import Final

from support.monitoring.alert_figures import (
    JOB,
    NODE,
    ONCE,
    SALE,
    Case,
    growing,
    levels,
    moving_line,
    node,
    sale,
    slow_histogram,
)
from support.monitoring.store_alert_cases import STORE_CASES

CASES: Final = (
    Case(
        "line_stalled",
        moving_line(40, called_total=growing((60, 10), (0, 10), (60, 20))),
        fires=13,
        clears=21,
        labels=SALE,
        summary="finale: nobody was called for two minutes, and 500 wait.",
    ),
    Case(
        "rate_off",
        moving_line(40, admission_rate_realised_per_minute=levels((60, 10), (20, 15), (60, 15))),
        fires=15,
        clears=25,
        labels=SALE,
        summary="finale lets 20 in a minute, not the rate that is set.",
    ),
    Case(
        "wait_estimate_off",
        dict(
            [
                *slow_histogram(
                    "holdfast_wait_estimate_error_seconds",
                    growing((10, 20), (0, 30), (10, 40)),
                    growing((0, 20), (10, 30), (0, 40)),
                    ("60", "300"),
                    **SALE,
                ),
                *slow_histogram(
                    "holdfast_wait_seconds",
                    growing((10, 90)),
                    growing((0, 90)),
                    ("300", "600"),
                    **SALE,
                ),
            ]
        ),
        fires=36,
        clears=55,
        labels=SALE,
    ),
    Case(
        "sweep_lag",
        dict([sale("holdfast_sweep_lag_seconds", levels((0, 10), (12, 5), (0, 10)))]),
        fires=11,
        clears=15,
        labels=SALE,
        summary="What runs out in finale is swept up 12 s late.",
    ),
    Case(
        "checkpoint_old",
        dict(
            [
                sale("holdfast_checkpoint_age_seconds", levels((5, 10), (400, 20), (5, 10))),
                sale("holdfast_joins_total", growing((30, 40)), kind="line"),
            ]
        ),
        fires=15,
        clears=30,
        labels=SALE,
        summary="The ledger has the line of finale as it was 400 s ago.",
    ),
    Case(
        "payment_without_seat",
        dict([sale("holdfast_orders_total", growing(*ONCE), outcome="hold_expired")]),
        fires=11,
        clears=21,
        labels=SALE,
        summary="Somebody paid in finale and has no seat.",
    ),
    Case(
        "oversell_guard_hit",
        dict([node("holdfast_ledger_seconds_count", growing(*ONCE), outcome="conflict")]),
        fires=11,
        clears=21,
        labels=JOB,
        summary="The ledger refused to sell something twice.",
    ),
    Case(
        "orders_flagged",
        dict([sale("holdfast_orders_flagged_total", growing(*ONCE), flag="paid_late")]),
        fires=11,
        clears=21,
        labels=SALE | {"flag": "paid_late"},
        summary="Orders of finale were flagged: paid_late.",
    ),
    Case(
        "orders_pending",
        dict(
            [
                sale("holdfast_ledger_pending_orders", levels((8, 60))),
                sale(
                    "holdfast_orders_total",
                    growing((3, 10), (0, 30), (3, 20)),
                    outcome="confirmed",
                ),
            ]
        ),
        fires=25,
        clears=41,
        labels=SALE,
        summary="finale has 8 payments that began, and none that ended.",
    ),
    Case(
        "service_down",
        dict([node("up", levels((1, 10), (0, 5), (1, 10)))]),
        fires=11,
        clears=15,
        labels=NODE | JOB,
        summary="Prometheus does not reach node-1:9464.",
    ),
    Case(
        "payments_refused",
        dict([node("holdfast_refused_total", growing(*ONCE), priority="payment", reason="work")]),
        fires=11,
        clears=16,
        labels=JOB,
        summary="Requests of the shop that come after a payment are refused.",
    ),
    Case(
        "requests_refused",
        dict(
            [
                node(
                    "holdfast_refused_total",
                    growing((0, 10), (300, 10), (0, 10)),
                    priority="new",
                    reason="age",
                )
            ]
        ),
        fires=13,
        clears=22,
        labels=JOB,
    ),
    Case(
        "worker_restarting",
        dict([node("holdfast_worker_restarts_total", growing((0, 10), (1, 3), (0, 30)))]),
        fires=12,
        clears=27,
        labels=NODE,
        summary="Workers of node-1:9464 end again and again.",
    ),
    Case(
        "event_loop_lag",
        dict(
            slow_histogram(
                "holdfast_event_loop_lag_seconds",
                growing((1000, 10), (900, 15), (1000, 20)),
                growing((0, 10), (100, 15), (0, 20)),
                ("0.25", "1"),
                **JOB,
                **NODE,
            )
        ),
        fires=16,
        clears=30,
        labels=NODE,
    ),
    Case(
        "clock_skew",
        dict([node("holdfast_clock_skew_seconds", levels((0.1, 10), (-3, 5), (0, 10)), **SALE)]),
        fires=11,
        clears=15,
        labels=NODE,
        summary="Clocks of node-1:9464 and of the store differ by 3 s.",
    ),
    Case(
        "streams_near_bound",
        dict(
            [
                node("holdfast_open_streams", levels((500, 10), (950, 10), (500, 20))),
                node("holdfast_open_streams_max", levels((1000, 40))),
            ]
        ),
        fires=15,
        clears=20,
        labels=NODE,
        summary="node-1:9464 has room for few more streams of changes.",
    ),
    Case(
        "samples_dropped",
        dict([node("holdfast_metrics_dropped_samples_total", growing(*ONCE))]),
        fires=11,
        clears=21,
        labels=NODE,
        summary="Metrics of node-1:9464 do not find room and are out of date.",
    ),
    Case(
        "error_budget_burn_fast",
        dict(
            [
                node("holdfast_requests_total", growing((900, 80)), route="/", code="200"),
                node(
                    "holdfast_requests_total",
                    growing((0, 10), (100, 10), (0, 60)),
                    route="/",
                    code="503",
                ),
            ]
        ),
        fires=13,
        clears=49,
        labels=JOB,
        summary="Requests fail so often that the error budget will be gone within hours.",
    ),
    Case(
        # Six hours of peace before it: only the shorter pair of windows is bad.
        "error_budget_burn_fast",
        dict(
            [
                node("holdfast_requests_total", growing((1000, 420)), route="/", code="200"),
                node(
                    "holdfast_requests_total",
                    growing((0, 370), (250, 6), (0, 44)),
                    route="/",
                    code="503",
                ),
            ]
        ),
        fires=376,
        clears=381,
        labels=JOB,
    ),
    Case(
        "error_budget_burn_slow",
        dict(
            [
                node("holdfast_requests_total", growing((4980, 100)), route="/", code="200"),
                node("holdfast_requests_total", growing((21, 12), (0, 88)), route="/", code="500"),
            ]
        ),
        fires=20,
        clears=255,
        labels=JOB,
        summary="Requests have failed more often than allowed for days.",
        step=5,
    ),
    Case(
        "latency_budget_burn_fast",
        dict(
            [
                *slow_histogram(
                    "holdfast_request_seconds",
                    growing((1000, 10), (100, 10), (1000, 60)),
                    growing((0, 10), (900, 10), (0, 60)),
                    ("0.25", "5.0"),
                    **JOB,
                    **NODE,
                ),
                node("holdfast_request_seconds_count", growing((1000, 80))),
            ]
        ),
        fires=13,
        clears=49,
        labels=JOB,
        summary="So many requests are slow that the latency budget will be gone within hours.",
    ),
    Case(
        "latency_budget_burn_slow",
        dict(
            [
                *slow_histogram(
                    "holdfast_request_seconds",
                    growing((4790, 12), (5000, 88)),
                    growing((210, 12), (0, 88)),
                    ("0.25", "5.0"),
                    **JOB,
                    **NODE,
                ),
                node("holdfast_request_seconds_count", growing((5000, 100))),
            ]
        ),
        fires=20,
        clears=255,
        labels=JOB,
        summary="More requests than allowed have been slow for days.",
        step=5,
    ),
    *STORE_CASES,
)
