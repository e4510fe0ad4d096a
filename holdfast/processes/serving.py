"""One worker process: an event loop, the application, the inherited sockets.

At SIGTERM it stops accepting and lets requests in flight finish within `shutdown_seconds`. It ends
at once when its parent is gone: a worker that went on serving would use a store and a directory
that a new service has taken over.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys

import uvloop

from holdfast.config import Config
from holdfast.http.app import create_admin_app, create_app
from holdfast.http.listening import finish_in_flight, start_listening
from holdfast.processes.garbage_collector import tune_for_serving
from holdfast.processes.worker_process import Sockets, WorkerPipes
from holdfast_metrics.metrics import Metrics
from holdfast_web.faults import handle_loop_fault
from holdfast_web.server.rejections import Rejections

OUR_LOGGERS = (
    "holdfast",
    "holdfast_connector",
    "holdfast_inventory",
    "holdfast_ledger",
    "holdfast_lua",
    "holdfast_metrics",
    "holdfast_queue",
    "holdfast_tasks",
    "holdfast_web",
)
LOG_FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"


def run_worker(config: Config, sockets: Sockets, pipes: WorkerPipes) -> None:
    """Runs a worker process until it is stopped."""
    set_up_logging(config)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, sockets, pipes))


def set_up_logging(config: Config) -> None:
    """Log to stderr, which whoever runs the service may redirect. `log_level` is for our loggers:
    libraries log statements, rows and cookies below the level of warnings.
    """
    level = config.log_level.upper()
    quiet = max(logging.getLevelNamesMapping()[level], logging.WARNING)
    logging.basicConfig(level=quiet, format=LOG_FORMAT, stream=sys.stderr, force=True)
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(level)


async def _serve(config: Config, sockets: Sockets, pipes: WorkerPipes) -> None:
    metrics = Metrics()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(handle_loop_fault)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Only the parent holds the other end, and it never writes: readable means gone.
    loop.add_reader(pipes.parent_pipe, os._exit, 1)
    async with contextlib.AsyncExitStack() as stack:
        rejections = Rejections(metrics.rejected.add)
        if sockets.admin is not None:
            app = create_admin_app(config, metrics)
            admin = await start_listening(app, config, sockets.admin, rejections)
            stack.push_async_callback(admin.cleanup)
        main = await start_listening(create_app(config, metrics), config, sockets.main, rejections)
        stack.push_async_callback(main.cleanup)
        tune_for_serving()
        pipes.report_ready()
        await stop.wait()
        await main.shutdown()  # streams end by themselves only when their clients leave
        await finish_in_flight(main)
