"""The metrics of the store and of the ledger."""

from typing import Final

from holdfast_metrics.definitions.definition import Definition, MetricKind, OverWorkers, each

# Script calls take tens of microseconds in the store; with the round trip and a full batch they
# reach milliseconds. The upper end shows a store that is in trouble.
SCRIPT_SECONDS_BUCKETS: Final = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)
BATCH_SIZE_BUCKETS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
# A commit is a write to the disk or two; one that reaches the upper end was cut off there.
LEDGER_SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)

SCRIPT_SECONDS: Final = Definition(
    "holdfast_script_seconds",
    MetricKind.HISTOGRAM,
    "Time of a store script as its caller sees it: queueing, round trip and run.",
    "Whether the store is the bottleneck.",
    ("script",),
    "seconds",
    SCRIPT_SECONDS_BUCKETS,
)
SCRIPT_BATCH_SIZE: Final = Definition(
    "holdfast_script_batch_size",
    MetricKind.HISTOGRAM,
    "Script calls in the pipeline that a call left with.",
    "How well round trips are shared.",
    (),
    "calls",
    BATCH_SIZE_BUCKETS,
)
EXECUTOR_QUEUE: Final = Definition(
    "holdfast_executor_queue",
    MetricKind.GAUGE,
    "Calls of the store that were submitted and not answered.",
    "Where it grows, the store does not keep up.",
    (),
    "calls",
    over_workers=OverWorkers.SUM,
)
EXECUTOR_QUEUE_MAX: Final = Definition(
    "holdfast_executor_queue_max",
    MetricKind.GAUGE,
    "How many of them there may be, in all workers together.",
    "Beyond a worker's share requests are refused with 503 `store_busy`.",
    (),
    "calls",
    over_workers=OverWorkers.SUM,
)
STORE_UP: Final = Definition(
    "holdfast_store_up",
    MetricKind.GAUGE,
    "1 while the store answers the node's leader, 0 while it does not.",
    "Without the store nobody joins, holds or pays.",
)
STORE_MEMORY: Final = Definition(
    "holdfast_store_memory_bytes",
    MetricKind.GAUGE,
    "Memory that the store uses.",
    "At its bound the store takes no writes.",
    (),
    "bytes",
)
STORE_MEMORY_MAX: Final = Definition(
    "holdfast_store_memory_max_bytes",
    MetricKind.GAUGE,
    "The store's bound on memory; where it has none, that of its machine.",
    "How near holdfast_store_memory_bytes is to it.",
    (),
    "bytes",
)
STORE_KEYS: Final = Definition(
    "holdfast_store_keys",
    MetricKind.GAUGE,
    "Keys in the store.",
    "Sales that were not removed, and other users of the store.",
    (),
    "keys",
)
STORE_REPLICAS: Final = Definition(
    "holdfast_store_replicas",
    MetricKind.GAUGE,
    "Replicas that are connected to the store.",
    "With none, a failure of the store loses what it had acknowledged.",
    (),
    "replicas",
)
STORE_REPLICATION_LAG: Final = Definition(
    "holdfast_store_replication_lag_bytes",
    MetricKind.GAUGE,
    "By how much the replica that is furthest behind is behind the store; 0 without one.",
    "What a failover would lose.",
    (),
    "bytes",
)
STORE_LAST_AOF_WRITE: Final = Definition(
    "holdfast_store_last_aof_write_ok",
    MetricKind.GAUGE,
    "1 when the store's last write to its append-only file succeeded, 0 when it failed.",
    "A store that cannot write loses everything with its process.",
)
LEDGER_SECONDS: Final = Definition(
    "holdfast_ledger_seconds",
    MetricKind.HISTOGRAM,
    "Time of a ledger transaction that changes orders, by outcome: committed, or rolled back by a"
    " conflict (a seat is taken), retry (deadlock), gone (no answer, or too late), bug.",
    "Whether the ledger is the bottleneck.",
    ("outcome",),
    "seconds",
    LEDGER_SECONDS_BUCKETS,
    each("committed", "conflict", "retry", "gone", "bug"),
)
LEDGER_BATCH_SIZE: Final = Definition(
    "holdfast_ledger_batch_size",
    MetricKind.HISTOGRAM,
    "Orders that such a transaction was about; 1 too when one that failed is redone one by one.",
    "How well commits are shared.",
    (),
    "orders",
    BATCH_SIZE_BUCKETS[:-1],  # no batch has more
)
LEDGER_UP: Final = Definition(
    "holdfast_ledger_up",
    MetricKind.GAUGE,
    "1 while the ledger answers the node's leader, 0 while it does not.",
    "Without the ledger nothing is sold.",
)
LEDGER_WRITABLE: Final = Definition(
    "holdfast_ledger_writable",
    MetricKind.GAUGE,
    "1 while the ledger would accept a write, 0 while it would not.",
    "A ledger that is read-only, or whose disk is full, confirms nothing.",
)
POOL_IN_USE: Final = Definition(
    "holdfast_ledger_pool_in_use",
    MetricKind.GAUGE,
    "Connections to the ledger that are in use, of all workers.",
    "Where it meets its maximum, requests wait for a connection.",
    (),
    "connections",
    over_workers=OverWorkers.SUM,
)
POOL_MAX: Final = Definition(
    "holdfast_ledger_pool_max",
    MetricKind.GAUGE,
    "How many connections to the ledger the workers may have together.",
    "How near holdfast_ledger_pool_in_use is to it, and what the database must allow.",
    (),
    "connections",
    over_workers=OverWorkers.SUM,
)

STORAGE_METRICS: Final = (
    SCRIPT_SECONDS,
    SCRIPT_BATCH_SIZE,
    EXECUTOR_QUEUE,
    EXECUTOR_QUEUE_MAX,
    STORE_UP,
    STORE_MEMORY,
    STORE_MEMORY_MAX,
    STORE_KEYS,
    STORE_REPLICAS,
    STORE_REPLICATION_LAG,
    STORE_LAST_AOF_WRITE,
    LEDGER_SECONDS,
    LEDGER_BATCH_SIZE,
    LEDGER_UP,
    LEDGER_WRITABLE,
    POOL_IN_USE,
    POOL_MAX,
)
