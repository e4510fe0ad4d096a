"""A worker process as the parent makes it: forked, bound to the parent's life, never returning."""

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from socket import socket
from typing import Final, NoReturn

from holdfast.processes import standard_streams as console
from holdfast.processes.host_signals import STOP_SIGNALS, become_worker

PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True)
class Sockets:
    """The listening sockets, bound by the parent and inherited by every worker."""

    main: socket
    admin: socket | None = None


@dataclass(frozen=True)
class WorkerPipes:
    """A worker's two lines to its parent, and its place among the workers."""

    # Readable (at its end) as soon as the parent is gone.
    lifeline: int
    ready: int
    # The lowest number from 0 on that no other worker of now has.
    slot: int

    def tell_ready(self) -> None:
        """This worker accepts connections."""
        os.write(self.ready, bytes([self.slot]))


def fork_worker(
    target: Callable[[WorkerPipes], None], pipes: WorkerPipes, parents_only: tuple[int, ...]
) -> int:
    """The process id of a new process that runs `target`, without the handles of the parent only.

    Raises OSError when the system gives no process. A stop that comes before the child has handlers
    of its own waits for them.
    """
    console.flush()
    parent = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            _be_worker(target, pipes, parents_only, parent)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def _be_worker(
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
    """Ask the kernel to end this process with its parent (Linux; elsewhere the pipe tells)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died between the fork and the call.
    if os.getppid() != parent:
        os._exit(1)
