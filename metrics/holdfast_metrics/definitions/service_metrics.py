"""The metrics of the service itself: requests, workers, connections, and what refuses them."""

from typing import Final

from holdfast_metrics.definitions.definition import OF_SERVICE

REQUEST_SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class ServiceMetrics:
    """The service itself: requests, workers, connections, and what refuses them."""

    requests = OF_SERVICE.counter(
        "holdfast_requests_total",
        "HTTP requests, by route pattern, method and status code.",
        "Load and errors of each endpoint; every route has 500 and 503 from the start.",
        "requests",
        route=(),
        method=(),
        code=(),
    )
    request_seconds = OF_SERVICE.histogram(
        "holdfast_request_seconds",
        "Time in the handler, by route pattern; status polls are counted only, not timed.",
        "Which endpoint is slow.",
        "seconds",
        REQUEST_SECONDS_BUCKETS,
        route=(),
    )
    problems = OF_SERVICE.counter(
        "holdfast_problems_total",
        "Requests answered with a problem document, by its code.",
        "Why requests are refused: limits, a busy store, a ledger that is away.",
        "requests",
        code=(),
    )
    in_flight = OF_SERVICE.added_gauge(
        "holdfast_requests_in_flight",
        "Requests that begin something or concern a hold or a payment, read and not answered.",
        "What a worker has in work; where it grows, answers take longer.",
        "requests",
    )
    in_flight_max = OF_SERVICE.added_gauge(
        "holdfast_requests_in_flight_max",
        "How many of them are accepted at most, by what they take at present.",
        "Where holdfast_requests_in_flight meets it, requests are refused.",
        "requests",
    )
    connections = OF_SERVICE.added_gauge(
        "holdfast_connections",
        "Open connections of clients.",
        "Each takes memory and a file descriptor.",
        "connections",
    )
    connections_max = OF_SERVICE.added_gauge(
        "holdfast_connections_max",
        "How many connections there may be; 0 without a bound.",
        "Beyond it new ones are refused.",
        "connections",
    )
    open_streams = OF_SERVICE.added_gauge(
        "holdfast_open_streams",
        "Open streams of seat changes, of all workers together.",
        "Each takes memory, and an event is written to all of them.",
        "streams",
    )
    open_streams_max = OF_SERVICE.added_gauge(
        "holdfast_open_streams_max",
        "How many streams of seat changes there may be, in all workers together.",
        "Beyond it streams are refused with 503 `too_many_streams`.",
        "streams",
    )
    rejected = OF_SERVICE.counter(
        "holdfast_rejected_total",
        "Requests that no handler saw and connections cut off, by kind: malformed (not HTTP), "
        "encoded (a compressed body), not_reading (the client did not take an answer).",
        "Broken clients and attacks.",
        "requests",
        kind=("malformed", "encoded", "not_reading"),
    )
    refused = OF_SERVICE.counter(
        "holdfast_refused_total",
        "Requests answered 503 because the worker was overloaded, by reason: age (too old when "
        "they were read), work (too much in work), connections (no room for one more); and by "
        "priority: new, which is refused first, view, hold, payment.",
        "An overload, and whom it reaches.",
        "requests",
        reason=("age", "work", "connections"),
        priority=("new", "view", "hold", "payment"),
    )
    loop_lag = OF_SERVICE.histogram(
        "holdfast_event_loop_lag_seconds",
        "By how much a timer of the worker's event loop came too late; measured twice a second.",
        "Everybody whom the worker serves waits so long.",
        "seconds",
        LAG_BUCKETS,
    )
    cpu_seconds = OF_SERVICE.counter(
        "holdfast_process_cpu_seconds_total",
        "Processor time of a worker, by its index, which a replacement goes on with.",
        "A worker that takes a whole core serves nobody faster.",
        "seconds",
        worker=(),
    )
    resident_bytes = OF_SERVICE.gauge(
        "holdfast_process_resident_bytes",
        "Memory of a worker, by its index.",
        "A leak shows here before the kernel ends the worker.",
        "bytes",
        worker=(),
    )
    worker_restarts = OF_SERVICE.kept_counter(
        "holdfast_worker_restarts_total",
        "Workers that ended without being told to, and were replaced.",
        "A worker that crashes takes the requests that it had in work with it.",
        "workers",
    )
    build_info = OF_SERVICE.gauge(
        "holdfast_build_info",
        "1, with the version of the service and of Python.",
        "Which release a curve belongs to.",
        version=(),
        python=(),
    )
    dropped_samples = OF_SERVICE.counter(
        "holdfast_metrics_dropped_samples_total",
        "Samples that could not be written for want of room; their series show an older value.",
        "Whether the other metrics can be relied on.",
        "samples",
    )
