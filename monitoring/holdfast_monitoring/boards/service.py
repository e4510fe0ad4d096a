"""The dashboard *Service*: requests, error budget, processes and what they depend on."""

from typing import Final

from holdfast_monitoring.expressions import mean, quantile
from holdfast_monitoring.panel import Dashboard, Drawing, Panel, Query, Row, Threshold, Unit
from holdfast_monitoring.slo import AVAILABILITY, LATENCY, SLOW_SECONDS, burn_rate, recorded

_REQUESTS: Final = Row(
    "Requests",
    (
        Panel(
            "Rate",
            "Requests a second, by route.",
            "as many as people cause; status polls are the most.",
            (
                Query(
                    "sum by (route) (rate(holdfast_requests_total[$__rate_interval]))", "{{route}}"
                ),
            ),
            Unit.PER_SECOND,
        ),
        Panel(
            "Errors",
            "The share of requests answered 5xx, by route.",
            "0.",
            (
                Query(
                    "(sum by (route) (rate(holdfast_requests_total"
                    '{code=~"5.."}[$__rate_interval])) or '
                    "0 * sum by (route) (rate(holdfast_requests_total[$__rate_interval]))) / "
                    "clamp_min(sum by (route) "
                    "(rate(holdfast_requests_total[$__rate_interval])), 1e-9)",
                    "{{route}}",
                ),
            ),
            Unit.SHARE,
            threshold=Threshold(0.01),
        ),
        Panel(
            "Duration",
            "99th percentile of the time in the handler, by route; status polls are not timed.",
            f"below {SLOW_SECONDS * 1000:g} ms.",
            (Query(quantile(0.99, "holdfast_request_seconds", by="route"), "{{route}}"),),
            Unit.SECONDS,
            threshold=Threshold(SLOW_SECONDS),
        ),
        Panel(
            "Refused in overload",
            "Requests a second answered 503 before they cost anything, by reason and priority.",
            "0; in an overload `new` and `view` only, never `payment`.",
            (
                Query(
                    "sum by (reason, priority) (rate(holdfast_refused_total[$__rate_interval]))",
                    "{{reason}} {{priority}}",
                ),
            ),
            Unit.PER_SECOND,
            width=6,
        ),
        Panel(
            "Problems",
            "Requests a second that were answered with a problem document, by its code.",
            "what buyers meet, such as `seat_unavailable`; no `store_...` or `ledger_...`.",
            (
                Query(
                    "sum by (code) (rate(holdfast_problems_total[$__rate_interval])) > 0",
                    "{{code}}",
                ),
            ),
            Unit.PER_SECOND,
            may_be_empty="every request was answered as asked",
            width=6,
        ),
        Panel(
            "Rejected",
            "Requests a second that no handler saw, and connections cut off, by kind.",
            "near 0.",
            (Query("sum by (kind) (rate(holdfast_rejected_total[$__rate_interval]))", "{{kind}}"),),
            Unit.PER_SECOND,
            width=6,
        ),
        Panel(
            "In flight",
            "Requests that are in work, and calls of the store that were not answered yet, with how"
            " many there may be.",
            "far below what there may be. A growing line means that something behind is slow.",
            (
                Query("sum(holdfast_requests_in_flight)", "requests"),
                Query("sum(holdfast_requests_in_flight_max)", "requests, at most"),
                Query("sum(holdfast_executor_queue)", "calls of the store"),
                Query("sum(holdfast_executor_queue_max)", "calls of the store, at most"),
            ),
            width=6,
        ),
    ),
)

_BUDGET: Final = Row(
    "Error budget",
    (
        Panel(
            "Left of the error budget",
            f"Of the {AVAILABILITY.budget:.1%} of requests that may fail in three days, the share "
            "that is left.",
            "above one half.",
            (Query(f"1 - {burn_rate(AVAILABILITY, '3d')}", "{{job}}"),),
            Unit.SHARE,
            Drawing.NUMBER,
            width=4,
            threshold=Threshold(0.25, falling=True),
            from_zero=False,
        ),
        Panel(
            "Left of the latency budget",
            f"Of the {LATENCY.budget:.0%} of requests that may take longer than "
            f"{SLOW_SECONDS * 1000:g} ms in three days, the share that is left.",
            "above one half.",
            (Query(f"1 - {burn_rate(LATENCY, '3d')}", "{{job}}"),),
            Unit.SHARE,
            Drawing.NUMBER,
            width=4,
            threshold=Threshold(0.25, falling=True),
            from_zero=False,
        ),
        Panel(
            "Failing and slow requests",
            "The shares of requests of the last five minutes that failed, and that were slow.",
            "0 and near 0.",
            (
                Query(recorded(AVAILABILITY, "5m"), "failed"),
                Query(recorded(LATENCY, "5m"), "slow"),
            ),
            Unit.SHARE,
            width=16,
        ),
        Panel(
            "Burn rate of the error budget",
            "How many times faster than allowed the error budget is used up, by window.",
            "below 1.",
            tuple(Query(burn_rate(AVAILABILITY, w), w) for w in ("5m", "1h", "6h", "3d")),
            Unit.COUNT,
            threshold=Threshold(1),
            width=12,
        ),
        Panel(
            "Burn rate of the latency budget",
            "How many times faster than allowed the latency budget is used up, by window.",
            "below 1.",
            tuple(Query(burn_rate(LATENCY, w), w) for w in ("5m", "1h", "6h", "3d")),
            Unit.COUNT,
            threshold=Threshold(1),
            width=12,
        ),
    ),
)

_PROCESSES: Final = Row(
    "Processes",
    (
        Panel(
            "Up",
            "Nodes that Prometheus reaches.",
            "all of them.",
            (Query('up{job="holdfast"}', "{{instance}}"),),
            Unit.YES_NO,
            Drawing.NUMBER,
            width=4,
            threshold=Threshold(1, falling=True),
        ),
        Panel(
            "Version",
            "The version that runs, by node.",
            "one, but during an upgrade.",
            (
                Query(
                    "max by (instance, version, python) (holdfast_build_info)",
                    "{{instance}} {{version}}, Python {{python}}",
                ),
            ),
            Unit.NONE,
            Drawing.NAMES,
            width=4,
        ),
        Panel(
            "Lag of the event loop",
            "99th percentile of how late the workers' event loops are.",
            "below 50 ms.",
            (
                Query(
                    quantile(0.99, "holdfast_event_loop_lag_seconds", by="instance"), "{{instance}}"
                ),
            ),
            Unit.SECONDS,
            threshold=Threshold(0.25),
        ),
        Panel(
            "Processor",
            "Cores that each worker uses.",
            "below 0.8: a worker uses one core at most.",
            (
                Query(
                    "sum by (instance, worker) "
                    "(rate(holdfast_process_cpu_seconds_total[$__rate_interval]))",
                    "{{instance}} {{worker}}",
                ),
            ),
            Unit.COUNT,
            threshold=Threshold(0.9),
        ),
        Panel(
            "Memory",
            "Resident memory of each worker.",
            "steady after the first minutes.",
            (
                Query(
                    "max by (instance, worker) (holdfast_process_resident_bytes)",
                    "{{instance}} {{worker}}",
                ),
            ),
            Unit.BYTES,
            width=6,
        ),
        Panel(
            "Restarts of workers",
            "Workers that ended by themselves and were replaced, in the last hour.",
            "0.",
            (
                Query(
                    "sum by (instance) (increase(holdfast_worker_restarts_total[1h]))",
                    "{{instance}}",
                ),
            ),
            threshold=Threshold(1),
            width=6,
        ),
        Panel(
            "Connections",
            "Open connections, and the most there may be.",
            "below the most.",
            (
                Query("sum(holdfast_connections)", "open"),
                Query("sum(holdfast_connections_max) > 0", "at most"),
            ),
            width=6,
        ),
        Panel(
            "Streams",
            "Open streams of changes, and the most there may be.",
            "below the most; pages poll instead when there is no room.",
            (
                Query("sum(holdfast_open_streams)", "open"),
                Query("sum(holdfast_open_streams_max)", "at most"),
            ),
            width=6,
        ),
    ),
)

_DEPENDENCIES: Final = Row(
    "Store and ledger",
    (
        Panel(
            "Time of scripts and commits",
            "99th percentile over all scripts of the store, and over all committed transactions.",
            "below 10 ms and 100 ms.",
            (
                Query(quantile(0.99, "holdfast_script_seconds"), "scripts"),
                Query(
                    quantile(0.99, "holdfast_ledger_seconds", matchers='{outcome="committed"}'),
                    "commits",
                ),
            ),
            Unit.SECONDS,
            width=6,
        ),
        Panel(
            "Calls that share a pipeline",
            "Script calls in the pipeline that a call left with.",
            "1 when little happens; more under load.",
            (Query(mean("holdfast_script_batch_size"), "calls"),),
            width=6,
        ),
        Panel(
            "Rebuilds",
            "Sales written into the store anew in the last hour, after a loss or by an operator.",
            "0 while sales run.",
            (
                Query(
                    "sum(max by (sale) (increase(holdfast_rebuilds_total[1h])))",
                    "rebuilds",
                ),
            ),
            threshold=Threshold(1),
            width=6,
        ),
        Panel(
            "Samples dropped",
            "Samples of metrics that could not be written for want of room.",
            "0.",
            (Query("sum(holdfast_metrics_dropped_samples_total)", "samples"),),
            threshold=Threshold(1),
            width=6,
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
