"""The parent of the worker processes: it forks them, replaces the dead, stops them in time.

The parent binds the sockets and every worker accepts from the same ones, so a killed worker takes
only its own connections with it (with SO_REUSEPORT the kernel would also reset those waiting in
the dead worker's own queue: 157 of 400 measured, against none). One worker takes the same path as
many, so that what a laptop runs is what production runs.

Invariants:
- no worker outlives the parent: the kernel kills it (PR_SET_PDEATHSIG), and where there is no such
  call the end of a pipe that only the parent holds tells it;
- the parent never runs an event loop or a thread, so a fork copies nothing that is in motion;
- replacing is bounded: workers that die young are replaced ever more slowly, up to a pause of
  `MAX_PAUSE_SECONDS`, and workers that die before they ever served end the start.
"""

import contextlib
import ctypes
import itertools
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass

YOUNG_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 5.0
HEARTBEAT_SECONDS = 1.0
KILL_MARGIN_SECONDS = 5.0
PR_SET_PDEATHSIG = 1
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class WorkersFailed(Exception):
    """A worker died before the service ever answered; its own message is on stderr."""


@dataclass(frozen=True)
class WorkerPipes:
    """A worker's two lines to its parent."""

    # Readable (at its end) as soon as the parent is gone.
    lifeline: int
    # One byte written here says: this worker accepts connections.
    ready: int
    # The lowest number from 0 on that no other worker of now has.
    slot: int


@dataclass
class _Worker:
    pid: int
    slot: int
    started: float


class Supervisor:
    """Keeps `count` processes running `target` until a stop signal arrives."""

    def __init__(
        self,
        count: int,
        target: Callable[[WorkerPipes], None],
        *,
        stop_seconds: float,
        announce: Callable[[], None],
        watch: Callable[[], None],
        buried: Callable[[int], None],
    ) -> None:
        self._count = count
        self._target = target
        self._stop_seconds = stop_seconds
        self._announce = announce
        self._watch = watch
        self._buried = buried
        self._workers: dict[int, _Worker] = {}
        self._stopping = False
        self._served = False
        self._ready_count = 0
        self._pause = 0.0
        self._fork_after = 0.0
        self._lifeline_read, self._lifeline_write = os.pipe()
        self._ready_read, self._ready_write = os.pipe()
        os.set_blocking(self._ready_read, False)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; returns when every worker has ended."""
        with self._signals() as wakeup, selectors.DefaultSelector() as selector:
            selector.register(wakeup, selectors.EVENT_READ)
            selector.register(self._ready_read, selectors.EVENT_READ)
            try:
                while not self._stopping:
                    self._fill()
                    selector.select(self._wait_seconds())
                    self._drain(wakeup)
                    self._reap()
                    self._note_ready()
                    self._watch()
            finally:
                self._stop_all()

    def _fill(self) -> None:
        while len(self._workers) < self._count and time.monotonic() >= self._fork_after:
            self._fork()

    def _wait_seconds(self) -> float:
        if len(self._workers) == self._count:
            return HEARTBEAT_SECONDS
        return min(HEARTBEAT_SECONDS, max(0.01, self._fork_after - time.monotonic()))

    def _fork(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        parent, slot = os.getpid(), self._free_slot()
        pid = os.fork()
        if pid == 0:
            self._be_worker(parent, slot)
        self._workers[pid] = _Worker(pid, slot, time.monotonic())

    def _free_slot(self) -> int:
        taken = {worker.slot for worker in self._workers.values()}
        return next(slot for slot in itertools.count() if slot not in taken)

    def _be_worker(self, parent: int, slot: int) -> None:
        """Everything a child does; it never returns into the parent's code."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*STOP_SIGNALS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.close(self._lifeline_write)
            os.close(self._ready_read)
            die_with_parent(parent)
            self._target(WorkerPipes(self._lifeline_read, self._ready_write, slot))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        for worker in list(self._workers.values()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._bury(worker, status)

    def _bury(self, worker: _Worker, status: int) -> None:
        del self._workers[worker.pid]
        self._buried(worker.slot)
        if self._stopping:
            return
        if not self._served:
            raise WorkersFailed("a worker ended before the service was up")
        code = os.waitstatus_to_exitcode(status)
        print(f"worker {worker.pid} ended ({code}); replacing it", file=sys.stderr)
        lived = time.monotonic() - worker.started
        if lived >= YOUNG_SECONDS:
            self._pause = 0.0
        else:
            self._pause = min(MAX_PAUSE_SECONDS, self._pause * 2 or FIRST_PAUSE_SECONDS)
        self._fork_after = time.monotonic() + self._pause

    def _note_ready(self) -> None:
        self._ready_count += len(self._drain(self._ready_read))
        if not self._served and self._ready_count >= self._count:
            self._served = True
            self._announce()

    def _stop_all(self) -> None:
        """SIGTERM, then wait for requests in flight, then SIGKILL whoever is stuck."""
        self._stopping = True
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + self._stop_seconds + KILL_MARGIN_SECONDS
        while self._workers and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.02)
        self._signal_all(signal.SIGKILL)
        for worker in list(self._workers.values()):
            os.waitpid(worker.pid, 0)
        self._workers.clear()

    def _signal_all(self, number: signal.Signals) -> None:
        for worker in self._workers.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, number)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        """Deliver stop signals and children's ends as bytes on a pipe, so that select wakes."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        before = {
            number: signal.signal(number, self._on_signal)
            for number in (*STOP_SIGNALS, signal.SIGCHLD)
        }
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        try:
            yield read
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(read)
            os.close(write)

    def _on_signal(self, number: int, _frame: object) -> None:
        if number in STOP_SIGNALS:
            self._stopping = True

    @staticmethod
    def _drain(handle: int) -> bytes:
        try:
            return os.read(handle, 4096)
        except BlockingIOError:
            return b""


def die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process with its parent (Linux; elsewhere the pipe tells)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died between the fork and the call.
    if os.getppid() != parent:
        os._exit(1)
