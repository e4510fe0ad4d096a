"""Alerts about the nodes and their processes."""

from typing import Final

from holdfast_monitoring.expressions import quantile
from holdfast_monitoring.rule import critical, warning

_LAG: Final = quantile(0.99, "holdfast_event_loop_lag_seconds", by="instance", window="5m")

ALERTS: Final = (
    critical(
        "service_down",
        "Prometheus does not reach {{ $labels.instance }}.",
        'up{job="holdfast"} == 0 or absent(up{job="holdfast"})',
        "1m",
    ),
    critical(
        "payments_refused",
        "Requests of the shop that come after a payment are refused.",
        'sum by (job) (increase(holdfast_refused_total{priority="payment"}[5m])) > 0',
    ),
    warning(
        "requests_refused",
        "{{ $value | humanize }} requests a second are refused in an overload.",
        "sum by (job) (rate(holdfast_refused_total[2m])) > 1",
        "2m",
    ),
    warning(
        "worker_restarting",
        "Workers of {{ $labels.instance }} end again and again.",
        # increase() extrapolates, so that one restart may look like a little more than one.
        "sum by (instance) (increase(holdfast_worker_restarts_total[15m])) > 1.5",
    ),
    warning(
        "event_loop_lag",
        "Event loops of {{ $labels.instance }} are {{ $value | humanize }} s late.",
        f"{_LAG} > 0.25",
        "5m",
    ),
    warning(
        "clock_skew",
        "Clocks of {{ $labels.instance }} and of the store differ by {{ $value | humanize }} s.",
        "max by (instance) (abs(holdfast_clock_skew_seconds)) > 1",
        "1m",
    ),
    warning(
        "streams_near_bound",
        "{{ $labels.instance }} has room for few more streams of changes.",
        "sum by (instance) (holdfast_open_streams)"
        " > 0.9 * sum by (instance) (holdfast_open_streams_max)",
        "5m",
    ),
    warning(
        "samples_dropped",
        "Metrics of {{ $labels.instance }} do not find room and are out of date.",
        "sum by (instance) (increase(holdfast_metrics_dropped_samples_total[10m])) > 0",
    ),
)
