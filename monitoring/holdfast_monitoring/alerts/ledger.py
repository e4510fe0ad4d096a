"""Alerts about the ledger."""

from typing import Final

from holdfast_monitoring.expressions import quantile
from holdfast_monitoring.rule import critical, warning

_COMMITS: Final = quantile(
    0.99, "holdfast_ledger_seconds", by="instance", window="5m", matchers='{outcome="committed"}'
)

ALERTS: Final = (
    critical(
        "ledger_unavailable",
        "The ledger does not answer {{ $labels.instance }}: nothing can be sold.",
        "min by (instance) (holdfast_ledger_up) == 0",
        "30s",
    ),
    critical(
        "ledger_read_only",
        "The ledger takes no writes of {{ $labels.instance }}: nothing can be sold.",
        "(min by (instance) (holdfast_ledger_writable) == 0)\n"
        "and on (instance) (min by (instance) (holdfast_ledger_up) == 1)",
        "30s",
    ),
    warning(
        "ledger_slow",
        "One commit in a hundred of {{ $labels.instance }} takes {{ $value | humanize }} s.",
        f"{_COMMITS} > 0.5",
        "5m",
    ),
    warning(
        "ledger_pool_exhausted",
        "All connections of {{ $labels.instance }} to the database have been in use for minutes.",
        "sum by (instance) (holdfast_ledger_pool_in_use)"
        " >= sum by (instance) (holdfast_ledger_pool_max)",
        "2m",
    ),
)
