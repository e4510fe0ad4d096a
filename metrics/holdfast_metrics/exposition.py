"""What a scrape reads, and the loop that keeps it up to date."""

import asyncio
from typing import Final

from prometheus_client import generate_latest

from holdfast_metrics import multiprocess
from holdfast_metrics.metrics import Metrics

FLUSH_SECONDS: Final = 0.5


def exposition(metrics: Metrics) -> bytes:
    """The series in Prometheus's text format: of all workers when there are several, else of this
    process.

    Blocks for some milliseconds where it merges the files of several workers. It does not flush,
    since only the event loop's thread may do that.
    """
    registry = multiprocess.collected() if multiprocess.is_prepared() else metrics.registry
    return generate_latest(registry)


async def flush_forever(metrics: Metrics) -> None:
    """Flushes `metrics` every `FLUSH_SECONDS` until it is cancelled."""
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        metrics.flush()
