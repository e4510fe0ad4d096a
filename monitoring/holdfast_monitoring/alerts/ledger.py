"""Alerts about the ledger."""

from typing import Final

from holdfast_monitoring.expressions import quantile
from holdfast_monitoring.rule import Alert, Severity

_COMMITS: Final = quantile(
    0.99, "holdfast_ledger_seconds", by="instance", window="5m", matchers='{outcome="committed"}'
)

ALERTS: Final = (
    Alert(
        "ledger_unavailable",
        "min by (instance) (holdfast_ledger_up) == 0",
        "30s",
        Severity.CRITICAL,
        "The ledger does not answer {{ $labels.instance }}: nothing can be sold.",
    ),
    Alert(
        "ledger_read_only",
        "(min by (instance) (holdfast_ledger_writable) == 0)\n"
        "and on (instance) (min by (instance) (holdfast_ledger_up) == 1)",
        "30s",
        Severity.CRITICAL,
        "The ledger takes no writes of {{ $labels.instance }}: nothing can be sold.",
    ),
    Alert(
        "ledger_slow",
        f"{_COMMITS} > 0.5",
        "5m",
        Severity.WARNING,
        "One commit in a hundred of {{ $labels.instance }} takes {{ $value | humanize }} s.",
    ),
    Alert(
        "ledger_pool_exhausted",
        "sum by (instance) (holdfast_ledger_pool_in_use)"
        " >= sum by (instance) (holdfast_ledger_pool_max)",
        "2m",
        Severity.WARNING,
        "All connections of {{ $labels.instance }} to the database have been in use for minutes.",
    ),
)
