"""For each alert: figures that are healthy, then bad, then healthy again, minute by minute."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

Span = tuple[float, int]
"""a value, or what is added in a minute, and for how many minutes"""


def levels(*spans: Span) -> list[float]:
    """A gauge: each value for so many minutes."""
    return [value for value, minutes in spans for _ in range(minutes)]


def growing(*spans: Span) -> list[float]:
    """A counter: by so much a minute, for so many minutes each."""
    made, value = [], 0.0
    for step in levels(*spans):
        made.append(value)
        value += step
    return made


@dataclass(frozen=True)
class Case:
    """What one alert is shown: samples every `step` minutes.

    It fires from minute `fires` on and no longer at minute `clears`, for one series with `labels`;
    where both are 0 it never does.
    """

    code: str
    series: Mapping[str, list[float]]
    fires: int = 0
    clears: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    """the summary at minute `fires`, as a person gets it"""
    step: int = 1


SALE: Final = {"sale": "finale"}
NODE: Final = {"instance": "node-1:9464"}
JOB: Final = {"job": "holdfast"}


def sale(name: str, values: list[float], **labels: str) -> tuple[str, list[float]]:
    return series(name, values, **SALE, **labels)


def node(name: str, values: list[float], **labels: str) -> tuple[str, list[float]]:
    return series(name, values, **JOB, **NODE, **labels)


def series(name: str, values: list[float], **labels: str) -> tuple[str, list[float]]:
    inside = ", ".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inside}}}", values


def slow_histogram(
    name: str, fast: list[float], slow: list[float], bounds: tuple[str, str], **labels: str
) -> Iterator[tuple[str, list[float]]]:
    """A histogram with `fast` observations below the first bound, and `slow` below the second."""
    both = [a + b for a, b in zip(fast, slow, strict=True)]
    yield series(f"{name}_bucket", fast, le=bounds[0], **labels)
    yield series(f"{name}_bucket", both, le=bounds[1], **labels)
    yield series(f"{name}_bucket", both, le="+Inf", **labels)


def moving_line(
    minutes: int, *, state: str = "open", free: int = 1000, **changed: list[float]
) -> dict[str, list[float]]:
    """A sale whose line moves at the rate that is set; `changed` by the metric's name."""
    figures = {
        "waiting": levels((500, minutes)),
        "active": levels((80, minutes)),
        "active_max": levels((100, minutes)),
        "admission_rate_set_per_minute": levels((60, minutes)),
        "admission_rate_realised_per_minute": levels((60, minutes)),
        "called_total": growing((60, minutes)),
    } | changed
    return dict(
        [sale(f"holdfast_{name}", values) for name, values in figures.items()]
        + [
            sale("holdfast_sale_state", levels((int(state == one), minutes)), state=one)
            for one in ("open", "paused")
        ]
        + [
            sale("holdfast_units", levels((free, minutes)), state="free"),
        ]
    )


_ONCE: Final = ((0, 10), (1, 1), (0, 40))

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
        dict([sale("holdfast_orders_total", growing(*_ONCE), outcome="hold_expired")]),
        fires=11,
        clears=21,
        labels=SALE,
        summary="Somebody paid in finale and has no seat.",
    ),
    Case(
        "oversell_guard_hit",
        dict([node("holdfast_ledger_seconds_count", growing(*_ONCE), outcome="conflict")]),
        fires=11,
        clears=21,
        labels=JOB,
        summary="The ledger refused to sell something twice.",
    ),
    Case(
        "orders_flagged",
        dict([sale("holdfast_orders_flagged_total", growing(*_ONCE), flag="paid_late")]),
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
        dict([node("holdfast_refused_total", growing(*_ONCE), priority="payment", reason="work")]),
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
        dict([node("holdfast_metrics_dropped_samples_total", growing(*_ONCE))]),
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
    Case(
        "store_unavailable",
        dict([node("holdfast_store_up", levels((1, 10), (0, 5), (1, 10)))]),
        fires=11,
        clears=15,
        labels=NODE,
        summary="The store does not answer node-1:9464.",
    ),
    Case(
        "store_failover",
        dict([node("holdfast_store_up", levels((1, 10), (0, 2), (1, 40)))]),
        fires=12,
        clears=25,
        labels=NODE,
        summary="The store was away from node-1:9464 and has come back.",
    ),
    Case(
        "store_behind",
        dict(
            [
                sale("holdfast_rebuilds_total", growing(*_ONCE)),
                sale("holdfast_funnel_total", levels((1200, 51)), stage="joined"),
            ]
        ),
        fires=11,
        clears=26,
        labels=SALE,
        summary="The store had lost state of finale, which was rebuilt from the ledger.",
    ),
    Case(
        "replica_missing",
        dict([node("holdfast_store_replicas", levels((2, 10), (1, 10), (2, 10)))]),
        fires=12,
        clears=20,
        summary="The store has 1 replicas, fewer than it had.",
    ),
    Case(
        "replication_lag",
        dict(
            [
                node(
                    "holdfast_store_replication_lag_bytes",
                    levels((4096, 10), (20 * 1024 * 1024, 10), (4096, 10)),
                )
            ]
        ),
        fires=11,
        clears=20,
        summary="A replica of the store is 20MiB behind.",
    ),
    Case(
        "store_memory",
        dict(
            [
                node("holdfast_store_memory_bytes", levels((500, 10), (900, 10), (500, 10))),
                node("holdfast_store_memory_max_bytes", levels((1000, 30))),
            ]
        ),
        fires=12,
        clears=20,
        summary="The store uses 90% of the memory it may have.",
    ),
    Case(
        "store_not_saved",
        dict([node("holdfast_store_last_aof_write_ok", levels((1, 10), (0, 5), (1, 10)))]),
        fires=11,
        clears=15,
        summary="The store could not write its append-only file.",
    ),
    Case(
        "store_slow",
        dict(
            slow_histogram(
                "holdfast_script_seconds",
                growing((1000, 10), (900, 15), (1000, 20)),
                growing((0, 10), (100, 15), (0, 20)),
                ("0.1", "0.5"),
                script="hold_seats",
                **JOB,
                **NODE,
            )
        ),
        fires=16,
        clears=30,
        labels=NODE,
    ),
    Case(
        "ledger_unavailable",
        dict([node("holdfast_ledger_up", levels((1, 10), (0, 5), (1, 10)))]),
        fires=11,
        clears=15,
        labels=NODE,
        summary="The ledger does not answer node-1:9464: nothing can be sold.",
    ),
    Case(
        "ledger_read_only",
        dict(
            [
                node("holdfast_ledger_up", levels((1, 25))),
                node("holdfast_ledger_writable", levels((1, 10), (0, 5), (1, 10))),
            ]
        ),
        fires=11,
        clears=15,
        labels=NODE,
        summary="The ledger takes no writes of node-1:9464: nothing can be sold.",
    ),
    Case(
        "ledger_slow",
        dict(
            slow_histogram(
                "holdfast_ledger_seconds",
                growing((1000, 10), (900, 15), (1000, 20)),
                growing((0, 10), (100, 15), (0, 20)),
                ("0.25", "1"),
                outcome="committed",
                **JOB,
                **NODE,
            )
        ),
        fires=16,
        clears=30,
        labels=NODE,
    ),
    Case(
        "ledger_pool_exhausted",
        dict(
            [
                node("holdfast_ledger_pool_in_use", levels((3, 10), (15, 10), (3, 10))),
                node("holdfast_ledger_pool_max", levels((15, 30))),
            ]
        ),
        fires=12,
        clears=20,
        labels=NODE,
    ),
)
