"""Runs Locust against a test sale, in processes of its own, and reads what it reports."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from holdfast_loadtest.audit.verdict import KEY_VARIABLE
from holdfast_loadtest.locust.options import locust_command
from holdfast_loadtest.report.judge import RESULT_FILE
from holdfast_loadtest.report.result import RunResult

LOG: Final = "locust.log"
LOG_LINES: Final = 20
POLL_SECONDS: Final = 1.0


class NoRun(Exception):
    """The load could not be run, or there is no report of it."""


@dataclass(frozen=True, slots=True)
class LoadRun:
    """What is sent where. The key goes by the environment, which only this user can read."""

    url: str
    shop_url: str
    sale: str
    """empty: Locust makes one as the scenario says"""
    scenario: Path
    report: Path
    key: str
    processes: int = 1

    def run(self, started: Callable[[int], None], tick: Callable[[], None]) -> RunResult:
        """Runs until the last of the people has gone home and there is a verdict.

        `started` is told the process group, `tick` is called every second.
        """
        self.report.mkdir(parents=True, exist_ok=True)
        with (self.report / LOG).open("wb") as log:
            process = subprocess.Popen(
                self._command(),
                env={**os.environ, KEY_VARIABLE: self.key},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            started(process.pid)
            while True:
                try:
                    process.wait(POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    tick()
        return self._read(process.returncode)

    def _command(self) -> Sequence[str]:
        return [
            *locust_command(self.url, str(self.scenario), self.processes),
            *("--headless", "--only-summary", "--report", str(self.report)),
            *(("--sale", self.sale) if self.sale else ()),
            *(("--shop-url", self.shop_url) if self.shop_url != self.url else ()),
        ]

    def _read(self, status: int) -> RunResult:
        try:
            return msgspec.json.decode((self.report / RESULT_FILE).read_bytes(), type=RunResult)
        except (OSError, msgspec.MsgspecError) as error:
            lines = (self.report / LOG).read_text(errors="replace").splitlines()[-LOG_LINES:]
            told = "\n".join(lines)
            raise NoRun(
                f"Locust ended with {status} and left no report ({error}):\n{told}"
            ) from error
