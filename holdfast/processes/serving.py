"""One worker process: an event loop, the application, the inherited socket of its group.

At SIGINT, which announces the stop of the service, it is no longer ready, has each connection
closed with its next answer, and serves on. At SIGTERM it stops accepting and lets requests in
flight finish within `shutdown_seconds`. It ends at once when its parent is gone, since a new
service may have taken over store and directory.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys

import uvloop

from holdfast.config import Config
from holdfast.figures.worker_gauges import WorkerGauges
from holdfast.http.app import create_admin_app, create_app
from holdfast.http.app_keys import STOPPING
from holdfast.http.gauge_sources import gauge_sources
from holdfast.http.listening import (
    end_connections,
    finish_in_flight,
    make_shedder,
    start_listening,
)
from holdfast.log_formatters import make_formatter
from holdfast.processes.garbage_collector import tune_for_serving
from holdfast.processes.listening_sockets import Sockets
from holdfast.processes.worker_process import WorkerPipes
from holdfast.worker_groups import WorkerGroup
from holdfast_metrics.metrics import Metrics
from holdfast_web.faults import handle_loop_fault
from holdfast_web.server.rejections import Rejections

OUR_LOGGERS = (
    "holdfast",
    "holdfast_connector",
    "holdfast_console",
    "holdfast_inventory",
    "holdfast_ledger",
    "holdfast_lua",
    "holdfast_metrics",
    "holdfast_queue",
    "holdfast_simulator",
    "holdfast_tasks",
    "holdfast_web",
)
SWITCH_SECONDS = 0.0005
"""How long a thread that needs the interpreter waits for the event loop's. A SQLite ledger has one,
which needs it for every row and step of a transaction: by Python's 5 ms, a confirm in an overload
takes seconds.
"""


def run_worker(config: Config, group: WorkerGroup, sockets: Sockets, pipes: WorkerPipes) -> None:
    """Runs a worker process of a group until it is stopped."""
    set_up_logging(config)
    sys.setswitchinterval(SWITCH_SECONDS)
    own = sockets.keep_those_of(group)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, group, own, pipes))


def set_up_logging(config: Config) -> None:
    """Logs to stderr, which whoever runs the service may redirect. `log_level` is for our loggers:
    libraries log statements, rows and cookies below the level of warnings.
    """
    level = config.log_level.upper()
    quiet = max(logging.getLevelNamesMapping()[level], logging.WARNING)
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(make_formatter(config.log_format))
    logging.basicConfig(level=quiet, handlers=[lines], force=True)
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(level)


async def _serve(config: Config, group: WorkerGroup, sockets: Sockets, pipes: WorkerPipes) -> None:
    metrics = Metrics()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(handle_loop_fault)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # Only the parent holds the other end, and it never writes: readable means gone.
    loop.add_reader(pipes.parent_pipe, os._exit, 1)
    async with contextlib.AsyncExitStack() as stack:
        rejections = Rejections(metrics.rejected.add, metrics.refused.add)
        shedder = make_shedder(config, rejections)
        if sockets.admin is not None:
            open_to_all = create_admin_app(config, metrics)
            admin = await start_listening(open_to_all, config, sockets.admin, rejections, shedder)
            stack.push_async_callback(admin.cleanup)
        app = create_app(config, metrics, roles=group.roles, leads=group.leads)
        sock = sockets.groups[group.name]
        main = await start_listening(app, config, sock, rejections, shedder)
        stack.push_async_callback(main.cleanup)

        def announce_stop() -> None:
            app[STOPPING].set()
            end_connections(main)

        loop.add_signal_handler(signal.SIGINT, announce_stop)
        gauges = WorkerGauges(
            metrics, pipes.slot, pipes.restarts, gauge_sources(app, config, shedder, main)
        )
        gauges.start()
        stack.push_async_callback(gauges.stop)
        tune_for_serving()
        pipes.report_ready()
        await stop.wait()
        await main.shutdown()  # streams end by themselves only when their clients leave
        await finish_in_flight(main)
