"""Where the gauges of a worker come from: numbers that its application and socket have at hand."""

from aiohttp import web

from holdfast.config import Config
from holdfast.figures.worker_gauges import GaugeSources
from holdfast.http.app_keys import EXECUTOR, LEDGER
from holdfast.http.listening import count_connections
from holdfast_ledger.database.engines import CONNECTIONS_MAX
from holdfast_web.metrics import METRICS
from holdfast_web.shedding.shedder import Shedder


def gauge_sources(
    app: web.Application, config: Config, shedder: Shedder, runner: web.AppRunner
) -> GaugeSources:
    """The sources of the gauges of one worker."""
    metrics, executor, database = app[METRICS], app[EXECUTOR], app[LEDGER].database
    return {
        metrics.in_flight: lambda: shedder.work + shedder.payments,
        metrics.in_flight_max: lambda: shedder.limit.value,
        metrics.connections: lambda: count_connections(runner),
        metrics.connections_max: lambda: config.connections,
        metrics.open_streams_max: lambda: config.change_streams,
        metrics.executor_queue: lambda: executor.outstanding,
        metrics.executor_queue_max: lambda: executor.max_pending,
        metrics.pool_in_use: lambda: database.connections_in_use,
        metrics.pool_max: lambda: CONNECTIONS_MAX,
    }
