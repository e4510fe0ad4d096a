"""A real `holdfast serve` as a subprocess: its own directory, its own port, nothing shared."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from support.ledger.migrated import write_migrated
from support.service.forked_command import ForkedProcess, is_forkable, start

from holdfast.data_files import LEDGER_FILE

START_SECONDS = 60.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02
READY = "Stop it with Ctrl-C."
# On a busy machine a burst of requests waits longer than people would, or comes to one worker of
# two, and what a test is about must not depend on that. Tests of overload set what they need.
PATIENT = {"HOLDFAST_SHED_AFTER_MS": "0"}
# A service with this wrapper inherits from the test what a fork does not, its limits for one.
UNFORKED = ("env",)
LISTENING = "0A"
"""the state in /proc/net/tcp"""


@dataclass
class Service:
    """A running service and how to reach it."""

    process: subprocess.Popen[bytes] | ForkedProcess
    data_dir: Path
    output: Path
    environ: dict[str, str] = field(default_factory=dict)
    """its settings, for commands that are to act on the same service"""

    @property
    def text(self) -> str:
        """Everything it printed so far."""
        return self.output.read_text()

    @property
    def url(self) -> str:
        found = re.search(r"ready at (\S+)", self.text)
        assert found, self.text
        return found[1]

    @property
    def listeners(self) -> dict[str, str]:
        """Where each role is served: host and port, or a unix socket."""
        rows = re.findall(r"^  listening +(\S+), \d+ workers?: (.+)$", self.text, re.MULTILINE)
        return {role: address for address, roles in rows for role in roles.split(", ")}

    def workers_of(self, role: str) -> list[int]:
        """Process ids of the workers that serve a role at a port, by the socket they have."""
        port = int(self.listeners[role].rpartition(":")[2])
        return [pid for pid in self.workers() if port in listening_ports(pid)]

    @property
    def operator_key(self) -> str:
        return (self.data_dir / "operator.key").read_text().strip()

    def workers(self) -> list[int]:
        """Process ids of the workers: children that run no other program."""
        return [pid for pid in children(self.process.pid) if not is_store(pid)]

    def store_pid(self) -> int:
        """The store's process id; one that has just been killed is on its way back."""
        running = wait_until(lambda: [pid for pid in children(self.process.pid) if is_store(pid)])
        return running[0]

    def stop(self) -> int:
        """SIGTERM and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """kill -9 of the parent: workers and store must follow by themselves."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)


StartService = Callable[..., Service]
Found = TypeVar("Found")


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()]


def listening_ports(pid: int) -> set[int]:
    """The TCP ports that a process has listening sockets of, whether it accepts there or not."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ports = {
        f"socket:[{row[9]}]": int(row[1].rpartition(":")[2], 16)
        for row in rows
        if row[3] == LISTENING
    }
    return {ports[link] for link in open_files(pid) if link in ports}


def open_files(pid: int) -> list[str]:
    """What the handles of a process lead to, without those that it closes meanwhile."""
    opened = []
    with suppress(FileNotFoundError, ProcessLookupError):  # the process has ended
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                opened.append(str(handle.readlink()))
    return opened


def is_store(pid: int) -> bool:
    """Whether the store runs there; a process that ends while it is looked at is none."""
    try:
        return b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_alive(pid: int) -> bool:
    """Whether any thread of the process still runs; one that nobody has waited for does not.

    In /proc it is a zombie as soon as its first thread has ended; the others may still have its
    files, and with them its locks.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        poller = select.poll()
        poller.register(handle, select.POLLIN)  # readable when the last thread has ended
        return not poller.poll(0)
    finally:
        os.close(handle)


def wait_until(condition: Callable[[], Found], seconds: float = 20.0) -> Found:
    """Poll another process, of which nothing could be awaited, until there is something true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(POLL_SECONDS)
    return found


def launch(
    data_dir: Path,
    *arguments: str,
    wrapper: Sequence[str] = (),
    handles: Sequence[str] = (),
    **environ: str,
) -> Service:
    """Start `holdfast serve` on a free port, without waiting for it.

    `wrapper` is a command that becomes the service after it has prepared the place. Without one, a
    directory that does not exist yet is made, with a ledger that needs no migration, unless that is
    elsewhere. In an empty one all is fresh.

    Without a wrapper it is a fork (`forked_command`) wherever that makes no difference; it has the
    open files with the numbers `handles` as 3, 4, ...
    """
    if not (wrapper or "HOLDFAST_LEDGER_URL" in environ or data_dir.exists()):
        data_dir.mkdir(mode=0o700)
        write_migrated(data_dir / LEDGER_FILE)
    output = data_dir.with_name(f"{data_dir.name}-{time.monotonic_ns()}.log")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
    env = {**clean, **PATIENT, **environ}
    command = ["serve", "--port", "0", "--data-dir", str(data_dir), *arguments]
    process: subprocess.Popen[bytes] | ForkedProcess
    with output.open("wb") as log:
        if not wrapper and is_forkable(env):
            given = [int(number) for number in handles]
            process = start(*command, environ=env, stdout=log, stderr=log, handles=given)
        else:
            assert not handles
            process = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "holdfast", *command],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
            )
    return Service(process, data_dir, output, environ)


def await_ready(service: Service) -> None:
    """Wait until every worker accepts connections."""
    deadline = time.monotonic() + START_SECONDS
    while READY not in service.text:
        assert service.process.poll() is None, service.text
        assert time.monotonic() < deadline, service.text
        time.sleep(POLL_SECONDS)


@contextmanager
def serving(data_dir: Path, *arguments: str, **environ: str) -> Iterator[Service]:
    """A service that is ready; it must stop well afterwards, unless the test has ended it."""
    service = launch(data_dir, *arguments, **environ)
    try:
        await_ready(service)
        yield service
        assert service.process.poll() is not None or service.stop() == 0, service.text
    finally:
        if service.process.poll() is None:
            service.kill()
