"""A real `holdfast serve` as a subprocess: its own directory, its own port, nothing shared."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

START_SECONDS = 30.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02
READY = "Stop it with Ctrl-C."


@dataclass
class Service:
    """A running service and how to reach it."""

    process: subprocess.Popen[bytes]
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


def is_store(pid: int) -> bool:
    """Whether the store runs there; a process that ends while it is looked at is none."""
    try:
        return b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_alive(pid: int) -> bool:
    """Whether the process still runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], Found], seconds: float = 10.0) -> Found:
    """Poll another process, of which nothing could be awaited, until there is something true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(POLL_SECONDS)
    return found


def launch(data_dir: Path, *arguments: str, wrapper: Sequence[str] = (), **environ: str) -> Service:
    """Start `holdfast serve` on a free port, without waiting for it.

    `wrapper` is a command that becomes the service after it has prepared the place.
    """
    output = data_dir.with_name(f"{data_dir.name}-{time.monotonic_ns()}.log")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
    with output.open("wb") as log:
        process = subprocess.Popen(
            [
                *wrapper,
                *(sys.executable, "-m", "holdfast", "serve"),
                *("--port", "0", "--data-dir", str(data_dir), *arguments),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**clean, **environ},
        )
    return Service(process, data_dir, output, environ)


def await_ready(service: Service) -> None:
    """Wait until every worker accepts connections."""
    deadline = time.monotonic() + START_SECONDS
    while READY not in service.text:
        assert service.process.poll() is None, service.text
        assert time.monotonic() < deadline, service.text
        time.sleep(POLL_SECONDS)
