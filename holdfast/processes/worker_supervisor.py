"""The parent of the worker processes: forks them, replaces those that end, and stops them.

Workers are in groups, each with a listening socket, which the parent binds and all workers of the
group accept from: so a killed worker takes only its own connections with it (with SO_REUSEPORT the
kernel would also reset those waiting in the dead worker's queue: 157 of 400 measured, against
none). One worker takes the same path as many.

Invariants:
- no worker outlives the parent: the kernel kills it (PR_SET_PDEATHSIG), and where there is no such
  call the end of a pipe that only the parent holds tells it;
- the parent runs no event loop and no thread, so a fork copies no half-done work;
- groups are replaced apart: none waits for another's workers to end, or for another's pause;
- replacing is bounded: for workers that end within `YOUNG_SECONDS`, or cannot be forked, the pause
  before the next fork doubles up to `MAX_PAUSE_SECONDS`; a worker that ends before the service was
  ever ready ends the start;
- changed settings come with new workers: in each group one more is started, and once it serves, an
  old one is stopped. If it ends before it serves, the old workers and settings stay, in every
  group;
- a slot is one worker's, among those of all groups.
"""

import contextlib
import itertools
import os
import selectors
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from holdfast.processes.host_signals import HostSignals, StartStopped
from holdfast.processes.standard_streams import write_line
from holdfast.processes.store_supervisor import StoreSupervisor
from holdfast.processes.worker_process import WorkerPipes, fork_worker

YOUNG_SECONDS: Final = 5.0
FIRST_PAUSE_SECONDS: Final = 0.1
MAX_PAUSE_SECONDS: Final = 5.0
HEARTBEAT_SECONDS: Final = 1.0
KILL_MARGIN_SECONDS: Final = 10.0


class WorkersFailed(Exception):
    """A worker ended before the service was ready; its own message is on stderr."""


@dataclass(frozen=True)
class WorkerPlan:
    """How many workers each group has, what a worker runs, and how long it may take to stop."""

    counts: Mapping[str, int]
    """by the name of the group; the names stay the same while the service runs"""
    target: Callable[[str, WorkerPipes], None]
    """runs a worker of the group with this name"""
    stop_seconds: float
    # How long all of them still accept connections once the service is to stop.
    stop_delay_seconds: float


@dataclass(frozen=True)
class Hooks:
    """What the supervisor calls when something happens."""

    announce: Callable[[], None]
    """all workers serve for the first time"""
    worker_ended: Callable[[int], None]
    """the worker of this slot has ended"""
    reread: Callable[[], WorkerPlan | None]
    """the plan by the settings of now, None when they cannot be used"""
    end_intake: Callable[[], None]
    """no new connection is to reach the workers, which are about to stop"""


@dataclass
class _Worker:
    pid: int
    slot: int
    plan: WorkerPlan
    started: float
    serves: bool = False
    # Monotonic time at which it is killed unless it has finished; None while it is to run on.
    finish_by: float | None = None


class _Group:
    """The workers of one group, and the pause before its next fork."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.workers: dict[int, _Worker] = {}
        self.fork_after = 0.0
        self._pause = 0.0

    def staying(self) -> list[_Worker]:
        return [worker for worker in self.workers.values() if worker.finish_by is None]

    def serving(self) -> int:
        return sum(worker.serves for worker in self.staying())

    def missing(self, plan: WorkerPlan) -> int:
        """How many workers are to be forked: one more than planned while others are replaced."""
        staying = self.staying()
        outdated = any(worker.plan is not plan for worker in staying)
        spare = outdated and len(staying) == len(self.workers)
        return plan.counts[self.name] + spare - len(staying)

    def postpone(self) -> None:
        self._pause = min(MAX_PAUSE_SECONDS, self._pause * 2 or FIRST_PAUSE_SECONDS)
        self.fork_after = time.monotonic() + self._pause

    def reset_pause(self) -> None:
        self._pause = 0.0


class WorkerSupervisor:
    """Runs workers by a plan until the host asks to stop."""

    def __init__(
        self, plan: WorkerPlan, signals: HostSignals, hooks: Hooks, store: StoreSupervisor | None
    ) -> None:
        self._plan = plan
        self._signals = signals
        self._hooks = hooks
        self._store = store
        self._groups = tuple(_Group(name) for name in plan.counts)
        self._served = False
        self._restarts = 0
        self._parent_pipe_read, self._parent_pipe_write = os.pipe()
        self._ready_read, self._ready_write = os.pipe()
        os.set_blocking(self._ready_read, False)

    def run(self) -> None:
        """Serves until asked to stop; returns when every worker has ended."""
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
        """Does everything that is due, without waiting; raises StartStopped when asked to stop."""
        self._signals.drain()
        if self._signals.stopping:
            raise StartStopped
        self._reap()
        self._note_ready()
        self._reload()
        self._retire()
        self._fill()

    def _wait_seconds(self) -> float:
        due = [group.fork_after for group in self._groups if group.missing(self._plan) > 0]
        if not due:
            return HEARTBEAT_SECONDS
        return min(HEARTBEAT_SECONDS, max(0.01, min(due) - time.monotonic()))

    def _workers(self) -> list[_Worker]:
        return [worker for group in self._groups for worker in group.workers.values()]

    def _fill(self) -> None:
        for group in self._groups:
            while group.missing(self._plan) > 0 and time.monotonic() >= group.fork_after:
                self._fork(group)

    def _fork(self, group: _Group) -> None:
        plan, taken = self._plan, {worker.slot for worker in self._workers()}
        slot = next(slot for slot in itertools.count() if slot not in taken)
        pipes = WorkerPipes(self._parent_pipe_read, self._ready_write, slot, self._restarts)
        target = partial(plan.target, group.name)
        try:
            pid = fork_worker(target, pipes, (self._parent_pipe_write, self._ready_read))
        except OSError as error:
            write_line(f"no worker can be forked now ({error.strerror}); it will be tried again")
            group.postpone()
        else:
            group.workers[pid] = _Worker(pid, slot, plan, time.monotonic())

    def _reap(self) -> None:
        for group in self._groups:
            for worker in list(group.workers.values()):
                pid, status = os.waitpid(worker.pid, os.WNOHANG)
                if pid:
                    del group.workers[pid]
                    self._hooks.worker_ended(worker.slot)
                    self._replace(group, worker, status)

    def _replace(self, group: _Group, worker: _Worker, status: int) -> None:
        """Handles the end of a worker: fails the start, keeps the settings or plans a fork."""
        if worker.finish_by is not None or self._signals.stopping:
            return
        code = os.waitstatus_to_exitcode(status)
        if not self._served:
            raise WorkersFailed(f"a worker ended ({code}) before the service was up")
        staying = [one for each in self._groups for one in each.staying()]
        outdated = [one for one in staying if one.plan is not self._plan]
        if outdated and worker.plan is self._plan and not worker.serves:
            write_line(f"worker {worker.pid} ended ({code}) before it served: the settings stay")
            self._plan = outdated[0].plan
            return
        write_line(f"worker {worker.pid} ended ({code}); replacing it")
        self._restarts += 1
        if time.monotonic() - worker.started >= YOUNG_SECONDS:
            group.reset_pause()
        else:
            group.postpone()

    def _reap_orphans(self) -> None:
        """Waits for ended processes that the parent inherited as process 1 of a container."""
        own = {worker.pid for worker in self._workers()}
        if self._store is not None and self._store.pid is not None:
            own.add(self._store.pid)
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, options)) and ended.si_pid not in own:
                os.waitpid(ended.si_pid, 0)

    def _note_ready(self) -> None:
        slots = _read(self._ready_read)
        for worker in self._workers():
            worker.serves = worker.serves or worker.slot in slots
        if not self._served and all(
            group.serving() >= self._plan.counts[group.name] for group in self._groups
        ):
            self._served = True
            self._hooks.announce()

    def _reload(self) -> None:
        if self._served and self._signals.reload_asked:
            self._signals.reload_asked = False
            self._plan = self._hooks.reread() or self._plan

    def _retire(self) -> None:
        """Stops one surplus worker of each group, and kills those that do not finish in time."""
        now = time.monotonic()
        for group in self._groups:
            finishing = [one for one in group.workers.values() if one.finish_by is not None]
            for worker in finishing:
                if worker.finish_by is not None and now > worker.finish_by:
                    _send(worker, signal.SIGKILL)
            if not finishing and group.serving() > self._plan.counts[group.name]:
                oldest = min(group.staying(), key=lambda one: (one.plan is self._plan, one.started))
                self._finish(oldest)

    def _finish(self, worker: _Worker) -> None:
        """SIGTERM; the worker may finish the requests in flight."""
        worker.finish_by = time.monotonic() + worker.plan.stop_seconds + KILL_MARGIN_SECONDS
        _send(worker, signal.SIGTERM)

    def _stop_all(self) -> None:
        """SIGTERM, then wait for requests in flight, then SIGKILL whoever is stuck."""
        if self._served:
            self._announce_stop()
        self._hooks.end_intake()
        for worker in self._workers():
            self._finish(worker)
        while (left := self._workers()) and not self._signals.forced:
            if time.monotonic() > max(one.finish_by or 0.0 for one in left):
                break
            self._reap()
            time.sleep(0.02)
        for worker in self._workers():
            _send(worker, signal.SIGKILL)
            os.waitpid(worker.pid, 0)
        for group in self._groups:
            group.workers.clear()

    def _announce_stop(self) -> None:
        """SIGINT tells the workers, and they balancers, before connections are refused."""
        for worker in self._workers():
            _send(worker, signal.SIGINT)
        until = time.monotonic() + self._plan.stop_delay_seconds
        while self._workers() and not self._signals.forced and time.monotonic() < until:
            self._reap()
            time.sleep(0.02)


def _send(worker: _Worker, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker.pid, number)


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, 4096)
    except BlockingIOError:
        return b""
