"""A command in a terminal of its own: what it shows, and what a person types."""

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

SECONDS: Final = 30.0
CTRL_C: Final = "\x03"
_STYLE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A running command whose standard streams are a terminal."""

    def __init__(self, command: Sequence[str | Path], environ: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        size = {"COLUMNS": "100", "LINES": "50", "TERM": "xterm"}
        self._process = subprocess.Popen(
            # What makes it the terminal that the command is controlled by, as Ctrl-C needs.
            ["setsid", "--ctty", *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**environ, **size},
        )
        os.close(theirs)
        self.shown = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(SECONDS)
        os.close(self._ours)

    def wait_for(self, text: str) -> None:
        """Waits until the command has shown `text` after what was waited for before."""
        deadline = time.monotonic() + SECONDS
        while (found := self.shown.find(text, self._seen)) < 0:
            assert time.monotonic() < deadline, self.shown
            assert self._read(), f"it has ended, without {text!r}: {self.shown}"
        self._seen = found + len(text)

    def type(self, text: str) -> None:
        """Types `text`."""
        os.write(self._ours, text.encode())

    def answer(self, question: str, text: str = "") -> None:
        """Waits for a question and answers it with a line."""
        self.wait_for(question)
        self.type(f"{text}\n")

    def end(self) -> int:
        """Waits for the end of the command; its exit status."""
        deadline = time.monotonic() + SECONDS
        while self._read():
            assert time.monotonic() < deadline, f"it goes on: {self.shown[-2000:]}"
        return self._process.wait(SECONDS)

    def _read(self) -> bool:
        """Reads what comes next; whether the command may show more."""
        if select.select([self._ours], [], [], SECONDS)[0]:
            try:
                read = os.read(self._ours, 65536)
            except OSError:  # how a terminal says that nobody is at its other end
                return False
            self.shown += _STYLE.sub("", read.decode(errors="replace")).replace("\r", "")
            return bool(read)
        return False
