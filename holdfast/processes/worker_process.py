"""Forks a worker process that ends with its parent and never returns into the parent's code."""

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

from holdfast.processes import standard_streams as console
from holdfast.processes.host_signals import STOP_SIGNALS, become_worker

PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True)
class WorkerPipes:
    """A worker's two pipes to its parent, and its slot among the workers."""

    # Readable (end of file) as soon as the parent is gone.
    parent_pipe: int
    ready: int
    # The lowest number from 0 that no running worker has.
    slot: int
    # How many workers had ended without being told to when this one was forked.
    restarts: int = 0

    def report_ready(self) -> None:
        """Tells the parent that this worker accepts connections."""
        os.write(self.ready, bytes([self.slot]))


def fork_worker(
    target: Callable[[WorkerPipes], None], pipes: WorkerPipes, parents_only: tuple[int, ...]
) -> int:
    """Forks a process that runs `target`, and returns its id; it closes the handles `parents_only`.

    Raises OSError when the system gives no process. A stop signal is delivered once the child has
    its own handlers.
    """
    console.flush()
    parent = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            _run_child(target, pipes, parents_only, parent)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def _run_child(
    target: Callable[[WorkerPipes], None],
    pipes: WorkerPipes,
    parents_only: tuple[int, ...],
    parent: int,
) -> NoReturn:
    code = 1
    try:
        become_worker()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        for handle in parents_only:
            os.close(handle)
        die_with_parent(parent)
        target(pipes)
        code = 0
    except BaseException:
        with suppress(Exception):
            traceback.print_exc()
    finally:
        with suppress(BaseException):
            console.flush()
        os._exit(code)


def die_with_parent(parent: int) -> None:
    """Asks the kernel to kill this process when its parent ends, on Linux; elsewhere the
    pipe ends it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died between the fork and the call.
    if os.getppid() != parent:
        os._exit(1)
