"""Alerts about the store."""

from typing import Final

from holdfast_monitoring.expressions import of_real_sales, quantile
from holdfast_monitoring.rule import critical, warning

LAG_BYTES: Final = 10 * 1024 * 1024
_SCRIPTS: Final = quantile(0.99, "holdfast_script_seconds", by="instance", window="5m")

ALERTS: Final = (
    critical(
        "store_unavailable",
        "The store does not answer {{ $labels.instance }}.",
        "min by (instance) (holdfast_store_up) == 0",
        "30s",
    ),
    warning(
        "store_failover",
        "The store was away from {{ $labels.instance }} and has come back.",
        "(max by (instance) (changes(holdfast_store_up[15m])) >= 2)\n"
        "and on (instance) (min by (instance) (holdfast_store_up) == 1)",
    ),
    critical(
        "store_behind",
        "The store had lost state of {{ $labels.sale }}, which was rebuilt from the ledger.",
        of_real_sales(
            "(max by (sale) (increase(holdfast_rebuilds_total[15m])) > 0)\n"
            'and on (sale) (max by (sale) (holdfast_funnel_total{stage="joined"}) > 0)'
        ),
    ),
    warning(
        "replica_missing",
        "The store has {{ $value | humanize }} replicas, fewer than it had.",
        "max(holdfast_store_replicas) < max(max_over_time(holdfast_store_replicas[1d]))",
        "2m",
    ),
    warning(
        "replication_lag",
        "A replica of the store is {{ $value | humanize1024 }}B behind.",
        f"max(holdfast_store_replication_lag_bytes) > {LAG_BYTES}",
        "1m",
    ),
    critical(
        "store_memory",
        "The store uses {{ $value | humanizePercentage }} of the memory it may have.",
        "max(holdfast_store_memory_bytes) / (max(holdfast_store_memory_max_bytes) > 0) > 0.85",
        "2m",
    ),
    critical(
        "store_not_saved",
        "The store could not write its append-only file.",
        "min(holdfast_store_last_aof_write_ok) == 0",
        "1m",
    ),
    warning(
        "store_slow",
        "One script call in a hundred of {{ $labels.instance }} takes {{ $value | humanize }} s.",
        f"{_SCRIPTS} > 0.1",
        "5m",
    ),
)
