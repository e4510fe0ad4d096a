"""A few threads that run errands to the service, so that nobody's response waits for them.

Bounded twice: so many threads, so many errands waiting. What does not fit is refused at once, for a
service that hangs must not hang the shop. The threads are daemons: a shop that stops does not wait
for them, and an errand lost that way (a place given back) mends itself when the session runs out.

A process that forks (gunicorn with preload) finds fresh threads on its own side.
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
    """More errands wait than may."""


class Courier:
    """Runs blocking work elsewhere."""

    def __init__(self, threads: int = THREADS, waiting_max: int = WAITING_MAX) -> None:
        self._threads_max = threads
        self._waiting_max = waiting_max
        self._begin()

    def send(self, work: Callable[[], T]) -> "Future[T]":
        """Begins `work` as soon as a thread is free; raises Busy."""
        if self._pid != os.getpid():
            self._begin()
        done: Future[T] = Future()
        try:
            self._errands.put_nowait(lambda: _run(work, done))
        except Full:
            raise Busy from None
        self._hire()
        return done

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`, awaited; raises Busy."""
        return await asyncio.wrap_future(self.send(work))

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = Lock()
        self._threads = 0
        self._errands: Queue[Callable[[], None]] = Queue(self._waiting_max)

    def _hire(self) -> None:
        with self._lock:
            if self._threads >= self._threads_max:
                return
            self._threads += 1
        Thread(target=_serve, args=(self._errands,), name="holdfast-courier", daemon=True).start()


def _serve(errands: "Queue[Callable[[], None]]") -> None:
    while True:
        errands.get()()


def _run(work: Callable[[], T], done: "Future[T]") -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(work())
    except BaseException as error:  # the thread goes on; whoever waits learns it
        done.set_exception(error)
