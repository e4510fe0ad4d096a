"""One worker process: an event loop, the application, the inherited sockets.

It stops accepting at SIGTERM, lets requests in flight finish within `shutdown_seconds`, and ends at
once when its parent is gone (a worker that went on serving would use a store and a directory that
a new service has already taken over).
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from socket import socket

import uvloop
from aiohttp import web

from holdfast.app import create_admin_app, create_app
from holdfast.config import Config
from holdfast.launch import Sockets
from holdfast.listening import BoundedSite, finish_in_flight
from holdfast.workers import WorkerPipes
from holdfast_metrics.metrics import Metrics

LOG_FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"


def run_worker(config: Config, sockets: Sockets, pipes: WorkerPipes) -> None:
    """The whole life of a worker process."""
    set_up_logging(config)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, sockets, pipes))


def spare_the_collector() -> None:
    """What a worker is made of lives as long as the worker, so Python's collector of cycles need
    not look at it again; and a request makes a hundred objects and no cycle, so it may look at the
    young ones less often (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def set_up_logging(config: Config) -> None:
    """Log to stderr; who runs the service decides where that goes."""
    logging.basicConfig(
        level=config.log_level.upper(), format=LOG_FORMAT, stream=sys.stderr, force=True
    )


async def _serve(config: Config, sockets: Sockets, pipes: WorkerPipes) -> None:
    metrics = Metrics()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Only the parent holds the other end, and it never writes: readable means gone.
    loop.add_reader(pipes.lifeline, os._exit, 1)
    async with contextlib.AsyncExitStack() as stack:
        if sockets.admin is not None:
            admin = await _start(create_admin_app(config, metrics), config, sockets.admin)
            stack.push_async_callback(admin.cleanup)
        main = await _start(create_app(config, metrics), config, sockets.main)
        stack.push_async_callback(main.cleanup)
        spare_the_collector()
        os.write(pipes.ready, b".")
        await stop.wait()
        await main.shutdown()  # streams end by themselves only when their clients leave
        await finish_in_flight(main)


async def _start(app: web.Application, config: Config, sock: socket) -> web.AppRunner:
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        # A write whose client went away is still carried to its end.
        handler_cancellation=False,
        keepalive_timeout=config.keepalive_seconds,
        shutdown_timeout=config.shutdown_seconds,
    )
    await runner.setup()
    await BoundedSite(runner, sock, config.header_seconds).start()
    return runner
