"""The one list of metrics: name, kind, labels, buckets, meaning.

docs/metrics.md is generated from this list and a test keeps both equal; `Metrics` makes every
instrument from it, and an instrument that is not listed cannot be made. Labels are bounded on
purpose: sales, routes (the pattern, never the path), scripts and outcomes; never a visitor, a buyer
or a seat.

Several workers write to files of their own and a scrape adds them up. A gauge of a sale is the
same value in every worker, so the most recent one of a living worker is shown (`livemostrecent`). A
gauge of what each worker has for itself is `summed` over the living ones (`livesum`).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class MetricKind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Definition:
    """One metric. The `name` of a counter includes the `_total` that Prometheus shows."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    summed: bool = False


# Script calls take tens of microseconds in the store; with the round trip and a full batch they
# reach milliseconds. The upper end shows a store that is in trouble.
SCRIPT_SECONDS_BUCKETS: Final = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)
BATCH_SIZE_BUCKETS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
# A commit is a write to the disk or two; one that reaches the upper end was cut off there.
LEDGER_SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
REQUEST_SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)

JOINS: Final = Definition(
    "holdfast_joins_total",
    MetricKind.COUNTER,
    "Joins, by kind: line (a number), lobby (an index), admitted (at once), again (a live ticket), "
    "limited (refused: too many from one address).",
    ("sale", "kind"),
)
PASSES: Final = Definition(
    "holdfast_passes_total",
    MetricKind.COUNTER,
    "Claims, by outcome: issued, again (the same pass), waiting (not called, no token), expired.",
    ("sale", "outcome"),
)
WAITING: Final = Definition(
    "holdfast_waiting",
    MetricKind.GAUGE,
    "Visitors in the line who have not been called.",
    ("sale",),
)
PRESENT: Final = Definition(
    "holdfast_present",
    MetricKind.GAUGE,
    "Of those waiting, visitors who asked for their place in the last whole window of 90 s.",
    ("sale",),
)
ACTIVE: Final = Definition(
    "holdfast_active", MetricKind.GAUGE, "Admitted visitors whose session is running.", ("sale",)
)
CLOCK_SKEW: Final = Definition(
    "holdfast_clock_skew_seconds",
    MetricKind.GAUGE,
    "By how much the sale's clock, which is the store's, is ahead of this host's; below 0: behind.",
    ("sale",),
)
SET_RATE: Final = Definition(
    "holdfast_admission_rate_set_per_minute",
    MetricKind.GAUGE,
    "The rate the operator has set, in passes per minute.",
    ("sale",),
)
REALISED_RATE: Final = Definition(
    "holdfast_admission_rate_realised_per_minute",
    MetricKind.GAUGE,
    "The rate measured over the last minute, in passes per minute.",
    ("sale",),
)
UNITS: Final = Definition(
    "holdfast_units",
    MetricKind.GAUGE,
    "Seats and area units, by state: free, held, booked, blocked, withheld (free, but set aside).",
    ("sale", "state"),
)
HOLDS: Final = Definition(
    "holdfast_holds_total",
    MetricKind.COUNTER,
    "Hold operations, by outcome: created, again, released, extended, or the refusal's code.",
    ("sale", "outcome"),
)
EXPIRED_HOLDS: Final = Definition(
    "holdfast_holds_expired",
    MetricKind.GAUGE,
    "Holds that ran out, by whichever call found them, as the store counts them.",
    ("sale",),
)
UNUSED_SESSIONS: Final = Definition(
    "holdfast_sessions_unused",
    MetricKind.GAUGE,
    "Sessions that gave up their slot to the line, having held nothing in `first_hold_seconds`.",
    ("sale",),
)
ORDERS: Final = Definition(
    "holdfast_orders_total",
    MetricKind.COUNTER,
    "Order operations, by outcome: confirmed, again, refunded, or the refusal's code.",
    ("sale", "outcome"),
)
SCRIPT_SECONDS: Final = Definition(
    "holdfast_script_seconds",
    MetricKind.HISTOGRAM,
    "Time of a store script as its caller sees it: queueing, round trip and run.",
    ("script",),
    SCRIPT_SECONDS_BUCKETS,
)
SCRIPT_BATCH_SIZE: Final = Definition(
    "holdfast_script_batch_size",
    MetricKind.HISTOGRAM,
    "Script calls in the pipeline that a call left with.",
    (),
    BATCH_SIZE_BUCKETS,
)
LEDGER_SECONDS: Final = Definition(
    "holdfast_ledger_seconds",
    MetricKind.HISTOGRAM,
    "Time of a ledger transaction that changes orders, by outcome: committed, or rolled back by a"
    " conflict (a seat is taken), retry (deadlock), gone (no answer, or too late), bug.",
    ("outcome",),
    LEDGER_SECONDS_BUCKETS,
)
LEDGER_BATCH_SIZE: Final = Definition(
    "holdfast_ledger_batch_size",
    MetricKind.HISTOGRAM,
    "Orders that such a transaction was about; 1 too when one that failed is redone one by one.",
    (),
    BATCH_SIZE_BUCKETS[:-1],  # no batch has more
)
OPEN_STREAMS: Final = Definition(
    "holdfast_open_streams",
    MetricKind.GAUGE,
    "Open streams of seat changes, of all workers together.",
    summed=True,
)
REJECTED: Final = Definition(
    "holdfast_rejected_total",
    MetricKind.COUNTER,
    "Requests that no handler saw and connections cut off, by kind: malformed (not HTTP), encoded"
    " (a compressed body), not_reading (the client did not take an answer).",
    ("kind",),
)
DROPPED_SAMPLES: Final = Definition(
    "holdfast_metrics_dropped_samples_total",
    MetricKind.COUNTER,
    "Samples that could not be written for want of room; their series show an older value.",
)
REQUESTS: Final = Definition(
    "holdfast_requests_total",
    MetricKind.COUNTER,
    "HTTP requests, by route pattern, method and status code.",
    ("route", "method", "code"),
)
REQUEST_SECONDS: Final = Definition(
    "holdfast_request_seconds",
    MetricKind.HISTOGRAM,
    "Time in the handler, by route pattern; status polls are counted only, not timed.",
    ("route",),
    REQUEST_SECONDS_BUCKETS,
)

MANIFEST: Final = (
    JOINS,
    PASSES,
    WAITING,
    PRESENT,
    ACTIVE,
    CLOCK_SKEW,
    SET_RATE,
    REALISED_RATE,
    UNITS,
    HOLDS,
    EXPIRED_HOLDS,
    UNUSED_SESSIONS,
    ORDERS,
    SCRIPT_SECONDS,
    SCRIPT_BATCH_SIZE,
    LEDGER_SECONDS,
    LEDGER_BATCH_SIZE,
    OPEN_STREAMS,
    REJECTED,
    DROPPED_SAMPLES,
    REQUESTS,
    REQUEST_SECONDS,
)
