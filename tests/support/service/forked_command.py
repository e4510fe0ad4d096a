"""Runs `holdfast` commands in forks of an interpreter that has imported them already.

Importing is most of what a command or the start of a service costs (1.0 of 1.2 s of processor
time), and the tests start hundreds of them. The interpreter is a process of its own, one for each
process that runs tests: it has one thread, and nothing of the tests is in it. What it has imported
is what these commands and the workers of a service import, and it has read the scripts.

A fork is the command in all else: arguments, environment, output, exit status. What Python reads at
its own start, or what must be set before it, needs `python -m holdfast` (`is_forkable`).
"""

import atexit
import fcntl
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

MESSAGE_BYTES: Final = 128 * 1024
MOST_HANDLES: Final = 8
FIRST_HANDLE: Final = 3
"""of those that a service manager hands over, which come after the standard ones"""
READ_BY_PYTHON: Final = ("PYTHON", "LC_", "LANG")
"""how the names of variables begin that an interpreter reads at its start"""
IMPORTED: Final = (
    *("holdfast.cli.serve", "holdfast.cli.keys", "holdfast.cli.reconcile"),
    *("holdfast.cli.verify_draw", "holdfast.processes.serving"),
)
"""the commands that tests run often, and the worker of a service"""


class ForkedProcess:
    """A process that another one has forked for us; behaves as `subprocess.Popen` does."""

    def __init__(self, pid: int, arguments: tuple[str, ...]) -> None:
        self.pid, self.args = pid, arguments
        self.returncode: int | None = None
        self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """The exit status, None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status; subprocess.TimeoutExpired after so many seconds."""
        found = self._ended(timeout)
        if found is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return found

    def send_signal(self, number: int) -> None:
        """Does nothing once it has ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._handle, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            poller = select.poll()
            poller.register(self._handle, select.POLLIN)
            if poller.poll(None if timeout is None else timeout * 1000):
                self.returncode = int(_interpreter().ask({"ended": self.pid}))
                os.close(self._handle)
        return self.returncode


class Interpreter:
    """The process that forks, and the socket on which it is asked to."""

    def __init__(self) -> None:
        self._link, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with end:
            self._process = subprocess.Popen(
                # The last word is what forks are known by: it stays in their command line.
                [sys.executable, "-P", __file__, str(end.fileno()), "holdfast"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[end.fileno()],
            )
        atexit.register(self.close)

    def ask(self, request: Mapping[str, Any], *handles: int) -> Any:
        """Sends one request with open files, and waits for its answer."""
        text = json.dumps(request).encode()
        socket.send_fds(self._link, [text], handles)
        answer = self._link.recv(MESSAGE_BYTES)
        assert answer, "the interpreter that forks has ended"
        return json.loads(answer)

    def close(self) -> None:
        """It ends when nobody is left to ask."""
        self._link.close()
        self._process.wait()


@cache
def _interpreter() -> Interpreter:
    return Interpreter()


def is_forkable(environ: Mapping[str, str]) -> bool:
    """Whether a command with these variables may be forked: Python itself has read the same."""

    def read(variables: Mapping[str, str]) -> dict[str, str]:
        return {name: variables[name] for name in variables if name.startswith(READ_BY_PYTHON)}

    return read(environ) == read(os.environ)


def start(
    *arguments: str,
    environ: Mapping[str, str],
    stdout: IO[bytes],
    stderr: IO[bytes],
    handles: Sequence[int] = (),
) -> ForkedProcess:
    """Starts `holdfast` with these arguments in the present directory.

    Open files that are `handles` here become 3, 4, ... there, as of a service manager.
    """
    assert is_forkable(environ)
    request = {"arguments": arguments, "environ": dict(environ), "directory": os.getcwd()}
    pid = _interpreter().ask(request, stdout.fileno(), stderr.fileno(), *handles)
    return ForkedProcess(pid, ("holdfast", *arguments))


def run(
    *arguments: str, environ: Mapping[str, str], timeout: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """Runs `holdfast` with these arguments to its end."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = start(*arguments, environ=environ, stdout=stdout, stderr=stderr)
        try:
            status = process.wait(timeout)
        finally:
            process.kill()
        told = []
        for output in (stdout, stderr):
            output.seek(0)
            told.append(output.read().decode())
    return subprocess.CompletedProcess(process.args, status, *told)


# -- the process that forks ----------------------------------------------------------------------


def serve_forks(link: socket.socket) -> None:
    """Forks for every request until nobody asks any more; returns in each fork as well."""
    while True:
        text, handles, _, _ = socket.recv_fds(link, MESSAGE_BYTES, MOST_HANDLES)
        if not text:
            os._exit(0)
        request = json.loads(text)
        if "ended" in request:
            _, status = os.waitpid(request["ended"], 0)
            link.send(b"%d" % os.waitstatus_to_exitcode(status))
            continue
        pid = os.fork()
        if pid == 0:
            link.close()
            become(request, handles)
            return
        for handle in handles:
            os.close(handle)
        link.send(b"%d" % pid)


def become(request: Mapping[str, Any], handles: list[int]) -> None:
    """Makes the fork what the request says; the command has only to be called."""
    copies = [fcntl.fcntl(handle, fcntl.F_DUPFD, FIRST_HANDLE + len(handles)) for handle in handles]
    for number, copy in enumerate(copies, 1):
        os.dup2(copy, number)
    os.closerange(1 + len(copies), max(copies) + 1)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environ"])
    if "LISTEN_FDS" in os.environ:
        os.environ.setdefault("LISTEN_PID", str(os.getpid()))
    sys.argv = [str(Path(sys.executable).with_name("holdfast")), *request["arguments"]]


def _main() -> None:
    from importlib import import_module

    from holdfast.cli import main
    from holdfast.processes.garbage_collector import collection_paused
    from holdfast_lua.bundle.loader import production_bundle

    with collection_paused():
        for name in IMPORTED:
            import_module(name)
        assert production_bundle().commands
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as link:
        serve_forks(link)
    main()


if __name__ == "__main__":
    _main()
