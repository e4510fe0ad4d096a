"""Alerts about the nodes and their processes."""

from typing import Final

from holdfast_monitoring.expressions import quantile
from holdfast_monitoring.rule import Alert, Severity

_LAG: Final = quantile(0.99, "holdfast_event_loop_lag_seconds", by="instance", window="5m")

ALERTS: Final = (
    Alert(
        "service_down",
        'up{job="holdfast"} == 0 or absent(up{job="holdfast"})',
        "1m",
        Severity.CRITICAL,
        "Prometheus does not reach {{ $labels.instance }}.",
    ),
    Alert(
        "payments_refused",
        'sum by (job) (increase(holdfast_refused_total{priority="payment"}[5m])) > 0',
        "0s",
        Severity.CRITICAL,
        "Requests of the shop that come after a payment are refused.",
    ),
    Alert(
        "requests_refused",
        "sum by (job) (rate(holdfast_refused_total[2m])) > 1",
        "2m",
        Severity.WARNING,
        "{{ $value | humanize }} requests a second are refused in an overload.",
    ),
    Alert(
        "worker_restarting",
        # increase() extrapolates, so that one restart may look like a little more than one.
        "sum by (instance) (increase(holdfast_worker_restarts_total[15m])) > 1.5",
        "0s",
        Severity.WARNING,
        "Workers of {{ $labels.instance }} end again and again.",
    ),
    Alert(
        "event_loop_lag",
        f"{_LAG} > 0.25",
        "5m",
        Severity.WARNING,
        "Event loops of {{ $labels.instance }} are {{ $value | humanize }} s late.",
    ),
    Alert(
        "clock_skew",
        "max by (instance) (abs(holdfast_clock_skew_seconds)) > 1",
        "1m",
        Severity.WARNING,
        "Clocks of {{ $labels.instance }} and of the store differ by {{ $value | humanize }} s.",
    ),
    Alert(
        "streams_near_bound",
        "sum by (instance) (holdfast_open_streams)"
        " > 0.9 * sum by (instance) (holdfast_open_streams_max)",
        "5m",
        Severity.WARNING,
        "{{ $labels.instance }} has room for few more streams of changes.",
    ),
    Alert(
        "samples_dropped",
        "sum by (instance) (increase(holdfast_metrics_dropped_samples_total[10m])) > 0",
        "0s",
        Severity.WARNING,
        "Metrics of {{ $labels.instance }} do not find room and are out of date.",
    ),
)
