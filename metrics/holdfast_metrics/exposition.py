"""Writes the metrics as the text that Prometheus reads."""

from prometheus_client import generate_latest

from holdfast_metrics import multiprocess
from holdfast_metrics.metrics import Metrics


def exposition(metrics: Metrics) -> bytes:
    """The series in Prometheus's text format: of all workers when there are several, else of this
    process.

    Blocks for some milliseconds where it merges the files of several workers. It does not flush,
    since only the event loop's thread may do that.
    """
    registry = multiprocess.collected() if multiprocess.is_prepared() else metrics.registry
    return generate_latest(registry)
