"""The metrics of the service itself: requests, workers, connections, and what refuses them."""

from itertools import product
from typing import Final

from holdfast_metrics.definitions.definition import Definition, MetricKind, OverWorkers, each

REQUEST_SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

REQUESTS: Final = Definition(
    "holdfast_requests_total",
    MetricKind.COUNTER,
    "HTTP requests, by route pattern, method and status code.",
    "Load and errors of each endpoint; every route has 500 and 503 from the start.",
    ("route", "method", "code"),
    "requests",
)
REQUEST_SECONDS: Final = Definition(
    "holdfast_request_seconds",
    MetricKind.HISTOGRAM,
    "Time in the handler, by route pattern; status polls are counted only, not timed.",
    "Which endpoint is slow.",
    ("route",),
    "seconds",
    REQUEST_SECONDS_BUCKETS,
)
PROBLEMS: Final = Definition(
    "holdfast_problems_total",
    MetricKind.COUNTER,
    "Requests answered with a problem document, by its code.",
    "Why requests are refused: limits, a busy store, a ledger that is away.",
    ("code",),
    "requests",
)
IN_FLIGHT: Final = Definition(
    "holdfast_requests_in_flight",
    MetricKind.GAUGE,
    "Requests that begin something or concern a hold or a payment, read and not answered.",
    "What a worker has in work; where it grows, answers take longer.",
    (),
    "requests",
    over_workers=OverWorkers.SUM,
)
IN_FLIGHT_MAX: Final = Definition(
    "holdfast_requests_in_flight_max",
    MetricKind.GAUGE,
    "How many of them are accepted at most, by what they take at present.",
    "Where holdfast_requests_in_flight meets it, requests are refused.",
    (),
    "requests",
    over_workers=OverWorkers.SUM,
)
CONNECTIONS: Final = Definition(
    "holdfast_connections",
    MetricKind.GAUGE,
    "Open connections of clients.",
    "Each takes memory and a file descriptor.",
    (),
    "connections",
    over_workers=OverWorkers.SUM,
)
CONNECTIONS_MAX: Final = Definition(
    "holdfast_connections_max",
    MetricKind.GAUGE,
    "How many connections there may be; 0 without a bound.",
    "Beyond it new ones are refused.",
    (),
    "connections",
    over_workers=OverWorkers.SUM,
)
OPEN_STREAMS: Final = Definition(
    "holdfast_open_streams",
    MetricKind.GAUGE,
    "Open streams of seat changes, of all workers together.",
    "Each takes memory, and an event is written to all of them.",
    (),
    "streams",
    over_workers=OverWorkers.SUM,
)
OPEN_STREAMS_MAX: Final = Definition(
    "holdfast_open_streams_max",
    MetricKind.GAUGE,
    "How many streams of seat changes there may be, in all workers together.",
    "Beyond it streams are refused with 503 `too_many_streams`.",
    (),
    "streams",
    over_workers=OverWorkers.SUM,
)
REJECTED: Final = Definition(
    "holdfast_rejected_total",
    MetricKind.COUNTER,
    "Requests that no handler saw and connections cut off, by kind: malformed (not HTTP), encoded"
    " (a compressed body), not_reading (the client did not take an answer).",
    "Broken clients and attacks.",
    ("kind",),
    "requests",
    values=each("malformed", "encoded", "not_reading"),
)
REFUSED: Final = Definition(
    "holdfast_refused_total",
    MetricKind.COUNTER,
    "Requests answered 503 because the worker was overloaded, by reason: age (too old when they "
    "were read), work (too much in work), connections (no room for one more); and by priority: "
    "new, which is refused first, view, hold, payment.",
    "An overload, and whom it reaches.",
    ("reason", "priority"),
    "requests",
    values=tuple(
        product(("age", "work", "connections"), ("new", "view", "hold", "payment")),
    ),
)
LOOP_LAG: Final = Definition(
    "holdfast_event_loop_lag_seconds",
    MetricKind.HISTOGRAM,
    "By how much a timer of the worker's event loop came too late; measured twice a second.",
    "Everybody whom the worker serves waits so long.",
    (),
    "seconds",
    LAG_BUCKETS,
)
CPU_SECONDS: Final = Definition(
    "holdfast_process_cpu_seconds_total",
    MetricKind.COUNTER,
    "Processor time of a worker, by its index, which a replacement goes on with.",
    "A worker that takes a whole core serves nobody faster.",
    ("worker",),
    "seconds",
)
RESIDENT_BYTES: Final = Definition(
    "holdfast_process_resident_bytes",
    MetricKind.GAUGE,
    "Memory of a worker, by its index.",
    "A leak shows here before the kernel ends the worker.",
    ("worker",),
    "bytes",
)
WORKER_RESTARTS: Final = Definition(
    "holdfast_worker_restarts_total",
    MetricKind.COUNTER,
    "Workers that ended without being told to, and were replaced.",
    "A worker that crashes takes the requests that it had in work with it.",
    (),
    "workers",
    over_workers=OverWorkers.LARGEST,
)
BUILD_INFO: Final = Definition(
    "holdfast_build_info",
    MetricKind.GAUGE,
    "1, with the version of the service and of Python.",
    "Which release a curve belongs to.",
    ("version", "python"),
)
DROPPED_SAMPLES: Final = Definition(
    "holdfast_metrics_dropped_samples_total",
    MetricKind.COUNTER,
    "Samples that could not be written for want of room; their series show an older value.",
    "Whether the other metrics can be relied on.",
    (),
    "samples",
)

SERVICE_METRICS: Final = (
    REQUESTS,
    REQUEST_SECONDS,
    PROBLEMS,
    IN_FLIGHT,
    IN_FLIGHT_MAX,
    CONNECTIONS,
    CONNECTIONS_MAX,
    OPEN_STREAMS,
    OPEN_STREAMS_MAX,
    REJECTED,
    REFUSED,
    LOOP_LAG,
    CPU_SECONDS,
    RESIDENT_BYTES,
    WORKER_RESTARTS,
    BUILD_INFO,
    DROPPED_SAMPLES,
)
