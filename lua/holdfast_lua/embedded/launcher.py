"""Starts the embedded store so that it cannot outlive the process that wanted it.

Run as a script, in a fresh interpreter without site packages, between the service and the server:

    launcher.py bind|watch <parent pid> <pipe fd> <server> <arguments...>

`bind` (Linux): asks the kernel to kill this process when its parent dies, then BECOMES the server;
this survives the exec. The kernel watches the parent THREAD, so the service uses this only from
its main thread. `watch` (elsewhere, or from other threads): stays as the server's parent and ends
it when the pipe closes whose other end only the service holds, or when it is adopted by
another process. SIGKILL is the signal: a server busy in a long script ignores SIGTERM, and its
append-only file is written before each reply. Only while a sync of the file is under way, which
takes as long as the disk likes, replies come first, for up to two seconds: what a kill takes then
is found out as every loss is (docs/correctness.md).

Importing this module does nothing; store.py uses it for the command line.
"""

from __future__ import annotations

import ctypes
import functools
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

CAN_BIND = sys.platform.startswith("linux")
POLL_SECONDS = 0.25
_PR_SET_PDEATHSIG = 1


def command(server: Sequence[str], pipe: int, *, bind: bool) -> list[str]:
    """The command line that runs `server` through this file."""
    mode = "bind" if bind else "watch"
    interpreter = [sys.executable, "-I", "-S", __file__]
    return [*interpreter, mode, str(os.getpid()), str(pipe), *server]


def die_with_parent(parent: int) -> None:
    """Asks the kernel for SIGKILL when the parent dies; leaves if it has died already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        os._exit(1)


def watch(parent: int, pipe: int, server: Sequence[str]) -> int:
    """Runs the server as a child and kills it when the parent is gone."""
    bind = functools.partial(die_with_parent, os.getpid()) if CAN_BIND else None
    process = subprocess.Popen(server, close_fds=False, preexec_fn=bind)  # noqa: PLW1509 - one thread

    def forward(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    signal.signal(signal.SIGTERM, forward)
    while process.poll() is None:
        readable, _, _ = select.select([pipe], [], [], POLL_SECONDS)
        if readable or os.getppid() != parent:
            process.kill()
            return process.wait()
    return process.returncode


def main(arguments: Sequence[str]) -> int:
    """The launcher process."""
    mode, parent, pipe, server = arguments[0], int(arguments[1]), int(arguments[2]), arguments[3:]
    os.umask(0o077)
    if mode == "watch":
        os.set_inheritable(pipe, False)
        return watch(parent, pipe, server)
    die_with_parent(parent)
    os.close(pipe)
    os.execv(server[0], list(server))  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
