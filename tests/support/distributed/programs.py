"""Programs on hosts: started, killed, started again over the same files; none outlives the test."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from support.network.hosts import Host
from support.services import program

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.05


@dataclass
class Program:
    """A command on a host, with its output in `home`; it dies when this process dies."""

    name: str
    host: Host
    home: Path
    command: Sequence[str]
    environ: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> Path:
        return self.home / "output"

    def start(self) -> None:
        """To be called on the main thread: with the thread that starts it, the program dies."""
        self.home.mkdir(exist_ok=True)
        prefix = [*self.host.prefix, program("setpriv", "util-linux"), "--pdeathsig", "KILL"]
        if self.user is not None:
            prefix += ["--reuid", self.user, "--regid", self.user, "--init-groups"]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
        with self.output.open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, *self.command],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**clean, **self.environ},
            )

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9; returns when it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_SECONDS)

    def tail(self, lines: int) -> str:
        """Its last output."""
        shown = self.output.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(f"    {line}" for line in shown)


def listens(host: Host, port: int) -> bool:
    """Whether something takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host.address, port)) == 0


def wait_for(condition: Callable[[], object], what: str, seconds: float = START_SECONDS) -> None:
    """Polls other processes, of which nothing could be awaited."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(POLL_SECONDS)


def say(text: str) -> None:
    """To the real stderr, so that hours of a long run can be followed."""
    print(text, file=sys.__stderr__, flush=True)
