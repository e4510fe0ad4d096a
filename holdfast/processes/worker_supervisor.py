"""The parent of the worker processes: forks them, replaces those that end, and stops them.

The parent binds the sockets and every worker accepts from the same ones, so a killed worker takes
only its own connections with it (with SO_REUSEPORT the kernel would also reset those waiting in
the dead worker's own queue: 157 of 400 measured, against none). One worker takes the same path as
many, so that what a laptop runs is what production runs.

Invariants:
- no worker outlives the parent: the kernel kills it (PR_SET_PDEATHSIG), and where there is no such
  call the end of a pipe that only the parent holds tells it;
- the parent runs no event loop and no thread, so a fork copies no half-done work;
- replacing is bounded: for workers that end within `YOUNG_SECONDS`, or cannot be forked, the pause
  before the next fork doubles up to `MAX_PAUSE_SECONDS`; a worker that ends before the service was
  ever ready ends the start;
- changed settings come with new workers, one after the other: one more is started, and once it
  serves, an old one is stopped. If it ends before it serves, the old workers and settings stay.
"""

import contextlib
import itertools
import os
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from holdfast.processes.host_signals import HostSignals, StartStopped
from holdfast.processes.standard_streams import write_line
from holdfast.processes.store_supervisor import StoreSupervisor
from holdfast.processes.worker_process import WorkerPipes, fork_worker

YOUNG_SECONDS: Final = 5.0
FIRST_PAUSE_SECONDS: Final = 0.1
MAX_PAUSE_SECONDS: Final = 5.0
HEARTBEAT_SECONDS: Final = 1.0
KILL_MARGIN_SECONDS: Final = 5.0


class WorkersFailed(Exception):
    """A worker ended before the service was ready; its own message is on stderr."""


@dataclass(frozen=True)
class WorkerPlan:
    """How many workers run, what each of them runs, and how long it may take to stop."""

    count: int
    target: Callable[[WorkerPipes], None]
    stop_seconds: float


@dataclass(frozen=True)
class Hooks:
    """What the supervisor calls when something happens."""

    announce: Callable[[], None]
    """all workers serve for the first time"""
    worker_ended: Callable[[int], None]
    """the worker of this slot has ended"""
    reread: Callable[[], WorkerPlan | None]
    """the plan by the settings of now, None when they cannot be used"""


@dataclass
class _Worker:
    pid: int
    slot: int
    plan: WorkerPlan
    started: float
    serves: bool = False
    # Monotonic time at which it is killed unless it has finished; None while it is to run on.
    finish_by: float | None = None


class WorkerSupervisor:
    """Runs workers by a plan until the host asks to stop."""

    def __init__(
        self, plan: WorkerPlan, signals: HostSignals, hooks: Hooks, store: StoreSupervisor | None
    ) -> None:
        self._plan = plan
        self._signals = signals
        self._hooks = hooks
        self._store = store
        self._workers: dict[int, _Worker] = {}
        self._served = False
        self._pause = 0.0
        self._fork_after = 0.0
        self._parent_pipe_read, self._parent_pipe_write = os.pipe()
        self._ready_read, self._ready_write = os.pipe()
        os.set_blocking(self._ready_read, False)

    def run(self) -> None:
        """Serve until asked to stop; returns when every worker has ended."""
        with selectors.DefaultSelector() as selector, contextlib.suppress(StartStopped):
            selector.register(self._signals.wakeup, selectors.EVENT_READ)
            selector.register(self._ready_read, selectors.EVENT_READ)
            try:
                self._signals.note_started()
                while True:
                    self._run_due()
                    if self._store is not None:
                        self._store.restart_if_dead(self._run_due)
                    self._reap_orphans()
                    selector.select(self._wait_seconds())
            finally:
                self._stop_all()

    def _run_due(self) -> None:
        """Do everything that is due, without waiting; raises StartStopped when asked to stop."""
        self._signals.drain()
        if self._signals.stopping:
            raise StartStopped
        self._reap()
        self._note_ready()
        self._reload()
        self._retire()
        self._fill()

    def _wait_seconds(self) -> float:
        if not self._missing():
            return HEARTBEAT_SECONDS
        return min(HEARTBEAT_SECONDS, max(0.01, self._fork_after - time.monotonic()))

    def _staying(self) -> list[_Worker]:
        return [worker for worker in self._workers.values() if worker.finish_by is None]

    def _missing(self) -> int:
        """How many workers are to be forked: one more than planned while others are replaced."""
        staying = self._staying()
        outdated = any(worker.plan is not self._plan for worker in staying)
        spare = outdated and len(staying) == len(self._workers)
        return self._plan.count + spare - len(staying)

    def _fill(self) -> None:
        while self._missing() > 0 and time.monotonic() >= self._fork_after:
            self._fork()

    def _fork(self) -> None:
        taken = {worker.slot for worker in self._workers.values()}
        slot = next(slot for slot in itertools.count() if slot not in taken)
        pipes = WorkerPipes(self._parent_pipe_read, self._ready_write, slot)
        try:
            pid = fork_worker(self._plan.target, pipes, (self._parent_pipe_write, self._ready_read))
        except OSError as error:
            write_line(f"no worker can be forked now ({error.strerror}); it will be tried again")
            self._postpone()
        else:
            self._workers[pid] = _Worker(pid, slot, self._plan, time.monotonic())

    def _postpone(self) -> None:
        self._pause = min(MAX_PAUSE_SECONDS, self._pause * 2 or FIRST_PAUSE_SECONDS)
        self._fork_after = time.monotonic() + self._pause

    def _reap(self) -> None:
        for worker in list(self._workers.values()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                del self._workers[pid]
                self._hooks.worker_ended(worker.slot)
                self._replace(worker, status)

    def _replace(self, worker: _Worker, status: int) -> None:
        """React to the end of a worker: fail the start, keep the settings, or plan another fork."""
        if worker.finish_by is not None or self._signals.stopping:
            return
        if not self._served:
            raise WorkersFailed("a worker ended before the service was up")
        code = os.waitstatus_to_exitcode(status)
        outdated = [one for one in self._staying() if one.plan is not self._plan]
        if outdated and worker.plan is self._plan and not worker.serves:
            write_line(f"worker {worker.pid} ended ({code}) before it served: the settings stay")
            self._plan = outdated[0].plan
            return
        write_line(f"worker {worker.pid} ended ({code}); replacing it")
        if time.monotonic() - worker.started >= YOUNG_SECONDS:
            self._pause = 0.0
        else:
            self._postpone()

    def _reap_orphans(self) -> None:
        """Wait for ended processes that the parent inherited as process 1 of a container."""
        own = self._workers.keys() | ({self._store.pid} if self._store is not None else set())
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, options)) and ended.si_pid not in own:
                os.waitpid(ended.si_pid, 0)

    def _note_ready(self) -> None:
        slots = _read(self._ready_read)
        for worker in self._workers.values():
            worker.serves = worker.serves or worker.slot in slots
        if not self._served and self._serving() >= self._plan.count:
            self._served = True
            self._hooks.announce()

    def _serving(self) -> int:
        return sum(worker.serves for worker in self._staying())

    def _reload(self) -> None:
        if self._served and self._signals.reload_asked:
            self._signals.reload_asked = False
            self._plan = self._hooks.reread() or self._plan

    def _retire(self) -> None:
        """Stop one surplus worker, and kill one that does not finish in time."""
        now = time.monotonic()
        finishing = [one for one in self._workers.values() if one.finish_by is not None]
        for worker in finishing:
            if worker.finish_by is not None and now > worker.finish_by:
                _send(worker, signal.SIGKILL)
        if not finishing and self._serving() > self._plan.count:
            oldest = min(self._staying(), key=lambda one: (one.plan is self._plan, one.started))
            oldest.finish_by = now + oldest.plan.stop_seconds + KILL_MARGIN_SECONDS
            _send(oldest, signal.SIGTERM)

    def _stop_all(self) -> None:
        """SIGTERM, then wait for requests in flight, then SIGKILL whoever is stuck."""
        now = time.monotonic()
        for worker in self._workers.values():
            worker.finish_by = now + worker.plan.stop_seconds + KILL_MARGIN_SECONDS
            _send(worker, signal.SIGTERM)
        while self._workers and not self._signals.forced:
            if time.monotonic() > max(one.finish_by or now for one in self._workers.values()):
                break
            self._reap()
            time.sleep(0.02)
        for worker in self._workers.values():
            _send(worker, signal.SIGKILL)
            os.waitpid(worker.pid, 0)
        self._workers.clear()


def _send(worker: _Worker, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker.pid, number)


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, 4096)
    except BlockingIOError:
        return b""
