"""A few threads for calls to the service, so that no response of the shop waits for them.

Both the threads and the jobs that wait are bounded. A job that does not fit is refused at once: a
service that hangs must not hang the shop. The threads are daemons: a shop that stops does not wait
for them, and a release that is lost that way is made up for when the session expires.

A process that forks (gunicorn with preload) gets new threads.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future
from queue import Full, Queue
from threading import Lock, Thread
from typing import Final, TypeVar

THREADS: Final = 8
WAITING_MAX: Final = 1_000

T = TypeVar("T")


class Busy(Exception):
    """Too many jobs wait."""


class WorkerThreads:
    """Runs blocking functions in a bounded number of threads."""

    def __init__(self, threads: int = THREADS, waiting_max: int = WAITING_MAX) -> None:
        self._threads_max = threads
        self._waiting_max = waiting_max
        self._begin()

    def send(self, work: Callable[[], T]) -> "Future[T]":
        """Queues `work` for the next free thread; raises Busy."""
        if self._pid != os.getpid():
            self._begin()
        done: Future[T] = Future()
        try:
            self._errands.put_nowait(lambda: _run(work, done))
        except Full:
            raise Busy from None
        self._start_thread()
        return done

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`, awaited; raises Busy."""
        return await asyncio.wrap_future(self.send(work))

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = Lock()
        self._threads = 0
        self._errands: Queue[Callable[[], None]] = Queue(self._waiting_max)

    def _start_thread(self) -> None:
        with self._lock:
            if self._threads >= self._threads_max:
                return
            self._threads += 1
        Thread(target=_run_jobs, args=(self._errands,), name="holdfast-worker", daemon=True).start()


def _run_jobs(jobs: "Queue[Callable[[], None]]") -> None:
    while True:
        jobs.get()()


def _run(work: Callable[[], T], done: "Future[T]") -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(work())
    except BaseException as error:  # the thread goes on; the future has the error
        done.set_exception(error)
