"""The metrics of the store and the ledger."""

from typing import Final

from holdfast_metrics.definitions.definition import OF_SERVICE

# Script calls take tens of microseconds in the store; with the round trip and a full batch they
# reach milliseconds. The upper end shows a store that is in trouble.
SCRIPT_SECONDS_BUCKETS: Final = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)
BATCH_SIZE_BUCKETS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
# A commit is a write to the disk or two; one that reaches the upper end was cut off there.
LEDGER_SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class StorageMetrics:
    """The store and the ledger."""

    script_seconds = OF_SERVICE.histogram(
        "holdfast_script_seconds",
        "Time of a store script as its caller sees it: queueing, round trip and run.",
        "Whether the store is the bottleneck.",
        "seconds",
        SCRIPT_SECONDS_BUCKETS,
        script=(),
    )
    script_batch_size = OF_SERVICE.histogram(
        "holdfast_script_batch_size",
        "Script calls in the pipeline that a call left with.",
        "How well round trips are shared.",
        "calls",
        BATCH_SIZE_BUCKETS,
    )
    executor_queue = OF_SERVICE.added_gauge(
        "holdfast_executor_queue",
        "Calls of the store that were submitted and not answered.",
        "Where it grows, the store does not keep up.",
        "calls",
    )
    executor_queue_max = OF_SERVICE.added_gauge(
        "holdfast_executor_queue_max",
        "How many of them there may be, in all workers together.",
        "Beyond a worker's share requests are refused with 503 `store_busy`.",
        "calls",
    )
    store_up = OF_SERVICE.gauge(
        "holdfast_store_up",
        "1 while the store answers the node's leader, 0 while it does not.",
        "Without the store nobody joins, holds or pays.",
    )
    store_memory = OF_SERVICE.gauge(
        "holdfast_store_memory_bytes",
        "Memory that the store uses.",
        "At its bound the store takes no writes.",
        "bytes",
    )
    store_memory_max = OF_SERVICE.gauge(
        "holdfast_store_memory_max_bytes",
        "The store's bound on memory; where it has none, that of its machine.",
        "How near holdfast_store_memory_bytes is to it.",
        "bytes",
    )
    store_keys = OF_SERVICE.gauge(
        "holdfast_store_keys",
        "Keys in the store.",
        "Sales that were not removed, and other users of the store.",
        "keys",
    )
    store_replicas = OF_SERVICE.gauge(
        "holdfast_store_replicas",
        "Replicas that are connected to the store.",
        "With none, a failure of the store loses what it had acknowledged.",
        "replicas",
    )
    store_replication_lag = OF_SERVICE.gauge(
        "holdfast_store_replication_lag_bytes",
        "By how much the replica that is furthest behind is behind the store; 0 without one.",
        "What a failover would lose.",
        "bytes",
    )
    store_last_aof_write = OF_SERVICE.gauge(
        "holdfast_store_last_aof_write_ok",
        "1 when the store's last write to its append-only file succeeded, 0 when it failed.",
        "A store that cannot write loses everything with its process.",
    )
    ledger_seconds = OF_SERVICE.histogram(
        "holdfast_ledger_seconds",
        "Time of a ledger transaction that changes orders, by outcome: committed, or rolled back "
        "by a conflict (a seat is taken), retry (deadlock), gone (no answer, or too late), bug.",
        "Whether the ledger is the bottleneck.",
        "seconds",
        LEDGER_SECONDS_BUCKETS,
        outcome=("committed", "conflict", "retry", "gone", "bug"),
    )
    ledger_batch_size = OF_SERVICE.histogram(
        "holdfast_ledger_batch_size",
        "Orders that such a transaction was about; 1 too when one that failed is redone one by "
        "one.",
        "How well commits are shared.",
        "orders",
        BATCH_SIZE_BUCKETS[:-1],
    )
    ledger_up = OF_SERVICE.gauge(
        "holdfast_ledger_up",
        "1 while the ledger answers the node's leader, 0 while it does not.",
        "Without the ledger nothing is sold.",
    )
    ledger_writable = OF_SERVICE.gauge(
        "holdfast_ledger_writable",
        "1 while the ledger would accept a write, 0 while it would not.",
        "A ledger that is read-only, or whose disk is full, confirms nothing.",
    )
    pool_in_use = OF_SERVICE.added_gauge(
        "holdfast_ledger_pool_in_use",
        "Connections to the ledger that are in use, of all workers.",
        "Where it meets its maximum, requests wait for a connection.",
        "connections",
    )
    pool_max = OF_SERVICE.added_gauge(
        "holdfast_ledger_pool_max",
        "How many connections to the ledger the workers may have together.",
        "How near holdfast_ledger_pool_in_use is to it, and what the database must allow.",
        "connections",
    )
