"""The dashboard *Service*: requests, error budget, processes and what they depend on."""

from typing import Final

from holdfast_monitoring.expressions import mean, quantile, rate, ratio
from holdfast_monitoring.panel import (
    Dashboard,
    Drawing,
    Panel,
    Row,
    Threshold,
    ValueFormat,
    number,
    quarter,
    yes_or_no,
)
from holdfast_monitoring.slo import AVAILABILITY, LATENCY, SLOW_SECONDS, burn_rate, recorded

_REQUESTS: Final = Row(
    "Requests",
    (
        Panel(
            "Rate",
            "Requests a second, by route.",
            "as many as people cause; status polls are the most.",
            {"{{route}}": rate("holdfast_requests_total", by="route")},
            ValueFormat.PER_SECOND,
        ),
        Panel(
            "Errors",
            "The share of requests answered 5xx, by route.",
            "0.",
            {
                "{{route}}": ratio(
                    rate('holdfast_requests_total{code=~"5.."}', by="route"),
                    rate("holdfast_requests_total", by="route"),
                )
            },
            ValueFormat.SHARE,
            threshold=Threshold(0.01),
        ),
        Panel(
            "Duration",
            "99th percentile of the time in the handler, by route; status polls are not timed.",
            f"below {SLOW_SECONDS * 1000:g} ms.",
            {"{{route}}": quantile(0.99, "holdfast_request_seconds", by="route")},
            ValueFormat.SECONDS,
            threshold=Threshold(SLOW_SECONDS),
        ),
        quarter(
            "Refused in overload",
            "Requests a second answered 503 before they cost anything, by reason and priority.",
            "0; in an overload `new` and `view` only, never `payment`.",
            {"{{reason}} {{priority}}": rate("holdfast_refused_total", by="reason, priority")},
            unit=ValueFormat.PER_SECOND,
        ),
        quarter(
            "Problems",
            "Requests a second that were answered with a problem document, by its code.",
            "what buyers meet, such as `seat_unavailable`; no `store_...` or `ledger_...`.",
            {"{{code}}": rate("holdfast_problems_total", by="code") + " > 0"},
            unit=ValueFormat.PER_SECOND,
            may_be_empty="every request was answered as asked",
        ),
        quarter(
            "Rejected",
            "Requests a second that no handler saw, and connections cut off, by kind.",
            "near 0.",
            {"{{kind}}": rate("holdfast_rejected_total", by="kind")},
            unit=ValueFormat.PER_SECOND,
        ),
        quarter(
            "In flight",
            "Requests that are in work, and calls of the store that were not answered yet, with how"
            " many there may be.",
            "far below what there may be. A growing line means that something behind is slow.",
            {
                "requests": "sum(holdfast_requests_in_flight)",
                "requests, at most": "sum(holdfast_requests_in_flight_max)",
                "calls of the store": "sum(holdfast_executor_queue)",
                "calls of the store, at most": "sum(holdfast_executor_queue_max)",
            },
        ),
    ),
)

_BUDGET: Final = Row(
    "Error budget",
    (
        number(
            "Left of the error budget",
            f"Of the {AVAILABILITY.budget:.1%} of requests that may fail in three days, the share "
            "that is left.",
            "above one half.",
            {"{{job}}": f"1 - {burn_rate(AVAILABILITY, '3d')}"},
            unit=ValueFormat.SHARE,
            threshold=Threshold(0.25, falling=True),
            from_zero=False,
        ),
        number(
            "Left of the latency budget",
            f"Of the {LATENCY.budget:.0%} of requests that may take longer than "
            f"{SLOW_SECONDS * 1000:g} ms in three days, the share that is left.",
            "above one half.",
            {"{{job}}": f"1 - {burn_rate(LATENCY, '3d')}"},
            unit=ValueFormat.SHARE,
            threshold=Threshold(0.25, falling=True),
            from_zero=False,
        ),
        Panel(
            "Failing and slow requests",
            "The shares of requests of the last five minutes that failed, and that were slow.",
            "0 and near 0.",
            {
                "failed": recorded(AVAILABILITY, "5m"),
                "slow": recorded(LATENCY, "5m"),
            },
            ValueFormat.SHARE,
            width=16,
        ),
        Panel(
            "Burn rate of the error budget",
            "How many times faster than allowed the error budget is used up, by window.",
            "below 1.",
            {w: burn_rate(AVAILABILITY, w) for w in ("5m", "1h", "6h", "3d")},
            ValueFormat.COUNT,
            threshold=Threshold(1),
            width=12,
        ),
        Panel(
            "Burn rate of the latency budget",
            "How many times faster than allowed the latency budget is used up, by window.",
            "below 1.",
            {w: burn_rate(LATENCY, w) for w in ("5m", "1h", "6h", "3d")},
            ValueFormat.COUNT,
            threshold=Threshold(1),
            width=12,
        ),
    ),
)

_PROCESSES: Final = Row(
    "Processes",
    (
        yes_or_no(
            "Up",
            "Nodes that Prometheus reaches.",
            "all of them.",
            {"{{instance}}": 'up{job="holdfast"}'},
        ),
        Panel(
            "Version",
            "The version that runs, by node.",
            "one, but during an upgrade.",
            {
                "{{instance}} {{version}}, Python {{python}}": "max by (instance, version, python) "
                "(holdfast_build_info)"
            },
            ValueFormat.NONE,
            Drawing.NAMES,
            width=4,
        ),
        Panel(
            "Lag of the event loop",
            "99th percentile of how late the workers' event loops are.",
            "below 50 ms.",
            {"{{instance}}": quantile(0.99, "holdfast_event_loop_lag_seconds", by="instance")},
            ValueFormat.SECONDS,
            threshold=Threshold(0.25),
        ),
        Panel(
            "Processor",
            "Cores that each worker uses.",
            "below 0.8: a worker uses one core at most.",
            {
                "{{instance}} {{worker}}": rate(
                    "holdfast_process_cpu_seconds_total", by="instance, worker"
                )
            },
            ValueFormat.COUNT,
            threshold=Threshold(0.9),
        ),
        quarter(
            "Memory",
            "Resident memory of each worker.",
            "steady after the first minutes.",
            {
                "{{instance}} {{worker}}": "max by (instance, worker) "
                "(holdfast_process_resident_bytes)"
            },
            unit=ValueFormat.BYTES,
        ),
        quarter(
            "Restarts of workers",
            "Workers that ended by themselves and were replaced, in the last hour.",
            "0.",
            {"{{instance}}": "sum by (instance) (increase(holdfast_worker_restarts_total[1h]))"},
            threshold=Threshold(1),
        ),
        quarter(
            "Connections",
            "Open connections, and the most there may be.",
            "below the most.",
            {
                "open": "sum(holdfast_connections)",
                "at most": "sum(holdfast_connections_max) > 0",
            },
        ),
        quarter(
            "Streams",
            "Open streams of changes, and the most there may be.",
            "below the most; pages poll instead when there is no room.",
            {
                "open": "sum(holdfast_open_streams)",
                "at most": "sum(holdfast_open_streams_max)",
            },
        ),
    ),
)

_DEPENDENCIES: Final = Row(
    "Store and ledger",
    (
        quarter(
            "Time of scripts and commits",
            "99th percentile over all scripts of the store, and over all committed transactions.",
            "below 10 ms and 100 ms.",
            {
                "scripts": quantile(0.99, "holdfast_script_seconds"),
                "commits": quantile(
                    0.99, "holdfast_ledger_seconds", matchers='{outcome="committed"}'
                ),
            },
            unit=ValueFormat.SECONDS,
        ),
        quarter(
            "Calls that share a pipeline",
            "Script calls in the pipeline that a call left with.",
            "1 when little happens; more under load.",
            {"calls": mean("holdfast_script_batch_size")},
        ),
        quarter(
            "Rebuilds",
            "Sales written into the store anew in the last hour, after a loss or by an operator.",
            "0 while sales run.",
            {"rebuilds": "sum(max by (sale) (increase(holdfast_rebuilds_total[1h])))"},
            threshold=Threshold(1),
        ),
        quarter(
            "Samples dropped",
            "Samples of metrics that could not be written for want of room.",
            "0.",
            {"samples": "sum(holdfast_metrics_dropped_samples_total)"},
            threshold=Threshold(1),
        ),
    ),
)

SERVICE: Final = Dashboard(
    "service",
    "Holdfast: Service",
    "Requests, error budget, processes, and what they depend on.",
    (_REQUESTS, _BUDGET, _PROCESSES, _DEPENDENCIES),
    by_sale=False,
)
