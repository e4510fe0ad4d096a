"""`GET /metrics`, and the task that flushes plain counts while the service runs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from holdfast_metrics import multiprocess
from holdfast_metrics.metrics import Metrics

FLUSH_SECONDS: Final = 0.5

METRICS: Final = web.AppKey("metrics", Metrics)


def exposition(metrics: Metrics) -> bytes:
    """The text that Prometheus reads: of all workers when there are several, else of this process.

    Flushing is left to the caller, since only the event-loop thread may do it.
    """
    registry = multiprocess.collected() if multiprocess.is_prepared() else metrics.registry
    return generate_latest(registry)


async def handle_metrics(request: web.Request) -> web.Response:
    """Merging the workers' files is blocking work of some milliseconds, so a thread does it."""
    metrics = request.app[METRICS]
    metrics.flush()
    body = await asyncio.to_thread(exposition, metrics)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def flushing(app: web.Application) -> AsyncIterator[None]:
    """A `cleanup_ctx` that flushes every `FLUSH_SECONDS` and once more at the end."""
    task = asyncio.create_task(_flush_forever(app[METRICS]))
    yield
    task.cancel()
    app[METRICS].flush()


async def _flush_forever(metrics: Metrics) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        metrics.flush()
