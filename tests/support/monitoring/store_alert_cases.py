"""For each alert of store and ledger: figures that are healthy, then bad, then healthy again."""

from typing import Final

from support.monitoring.alert_figures import (
    NODE,
    ONCE,
    SALE,
    case,
    growing,
    levels,
    node,
    sale,
    slow_histogram,
)

STORE_CASES: Final = (
    case(
        "store_unavailable",
        node("holdfast_store_up", levels((1, 10), (0, 5), (1, 10))),
        fires=(11, 15),
        labels=NODE,
        summary="The store does not answer node-1:9464.",
    ),
    case(
        "store_failover",
        node("holdfast_store_up", levels((1, 10), (0, 2), (1, 40))),
        fires=(12, 25),
        labels=NODE,
        summary="The store was away from node-1:9464 and has come back.",
    ),
    case(
        "store_behind",
        sale("holdfast_rebuilds_total", growing(*ONCE)),
        sale("holdfast_funnel_total", levels((1200, 51)), stage="joined"),
        fires=(11, 26),
        labels=SALE,
        summary="The store had lost state of finale, which was rebuilt from the ledger.",
    ),
    case(
        "replica_missing",
        node("holdfast_store_replicas", levels((2, 10), (1, 10), (2, 10))),
        fires=(12, 20),
        summary="The store has 1 replicas, fewer than it had.",
    ),
    case(
        "replication_lag",
        node(
            "holdfast_store_replication_lag_bytes",
            levels((4096, 10), (20 * 1024 * 1024, 10), (4096, 10)),
        ),
        fires=(11, 20),
        summary="A replica of the store is 20MiB behind.",
    ),
    case(
        "store_memory",
        node("holdfast_store_memory_bytes", levels((500, 10), (900, 10), (500, 10))),
        node("holdfast_store_memory_max_bytes", levels((1000, 30))),
        fires=(12, 20),
        summary="The store uses 90% of the memory it may have.",
    ),
    case(
        "store_not_saved",
        node("holdfast_store_last_aof_write_ok", levels((1, 10), (0, 5), (1, 10))),
        fires=(11, 15),
        summary="The store could not write its append-only file.",
    ),
    case(
        "store_slow",
        *slow_histogram(
            node,
            "holdfast_script_seconds",
            growing((1000, 10), (900, 15), (1000, 20)),
            growing((0, 10), (100, 15), (0, 20)),
            ("0.1", "0.5"),
            script="hold_seats",
        ),
        fires=(16, 30),
        labels=NODE,
    ),
    case(
        "ledger_unavailable",
        node("holdfast_ledger_up", levels((1, 10), (0, 5), (1, 10))),
        fires=(11, 15),
        labels=NODE,
        summary="The ledger does not answer node-1:9464: nothing can be sold.",
    ),
    case(
        "ledger_read_only",
        node("holdfast_ledger_up", levels((1, 25))),
        node("holdfast_ledger_writable", levels((1, 10), (0, 5), (1, 10))),
        fires=(11, 15),
        labels=NODE,
        summary="The ledger takes no writes of node-1:9464: nothing can be sold.",
    ),
    case(
        "ledger_slow",
        *slow_histogram(
            node,
            "holdfast_ledger_seconds",
            growing((1000, 10), (900, 15), (1000, 20)),
            growing((0, 10), (100, 15), (0, 20)),
            ("0.25", "1"),
            outcome="committed",
        ),
        fires=(16, 30),
        labels=NODE,
    ),
    case(
        "ledger_pool_exhausted",
        node("holdfast_ledger_pool_in_use", levels((3, 10), (15, 10), (3, 10))),
        node("holdfast_ledger_pool_max", levels((15, 30))),
        fires=(12, 20),
        labels=NODE,
    ),
)
