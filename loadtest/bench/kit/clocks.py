"""Processor time of the parts of a measurement: client, service, store, ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast_loadtest.processes import tree_seconds

PARTS: Final = ("client", "service", "store", "ledger")
Clock = Callable[[], float]
"""processor seconds so far"""


def this_process() -> float:
    """Processor seconds of all threads of this process."""
    return time.process_time()


def process_clock(pid: int) -> Clock:
    """Reads all threads of a process, to the nanosecond: Linux numbers its clocks by process."""
    clock = (~pid << 3) | 2
    return lambda: time.clock_gettime(clock)


def tree_clock(pid: int) -> Clock:
    """Reads a process and all that came from it, to a hundredth of a second."""
    return lambda: tree_seconds(pid)


async def store_clock(executor: Any) -> Clock:
    """Reads the store's process, which has to be one of this machine."""
    server = (await executor.command("INFO", "server")).decode()
    pid = next(line for line in server.splitlines() if line.startswith("process_id:"))
    return process_clock(int(pid.partition(":")[2]))


@dataclass(frozen=True, slots=True)
class Sample:
    """What one side did in one turn."""

    done: int
    """operations that succeeded; the others took time and count for nothing"""
    seconds: float
    used: Mapping[str, float]
    """processor seconds by part"""
    refused: int = 0

    @property
    def rate(self) -> float:
        return self.done / self.seconds

    def micros(self, part: str) -> float:
        """Processor time of a part for each operation that succeeded."""
        return self.used[part] / self.done * 1e6


@dataclass
class Meter:
    """Reads clocks before and after: `with meter: ...`, then `meter.sample(done)`."""

    clocks: Mapping[str, Clock]
    _before: dict[str, float] = field(default_factory=dict)
    _used: dict[str, float] = field(default_factory=dict)
    _started: float = 0.0
    _seconds: float = 0.0

    def __enter__(self) -> Meter:
        self._before = {part: clock() for part, clock in self.clocks.items()}
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._seconds = time.perf_counter() - self._started
        self._used = {part: clock() - self._before[part] for part, clock in self.clocks.items()}

    def sample(self, done: int, refused: int = 0) -> Sample:
        if done <= 0:
            raise SystemExit(f"nothing succeeded, {refused:,} were refused")
        return Sample(done, self._seconds, self._used, refused)
