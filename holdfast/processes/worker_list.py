"""The worker processes of this node as the system shows them: age, memory and CPU time.

Read from /proc: the children of the parent that run the same program, so not the store that it may
have started. Where there is no /proc the list has this process alone, without its figures.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/<pid>/stat behind the name of the program, which may contain anything.
_STATE, _PARENT, _USER_TICKS, _SYSTEM_TICKS, _STARTED_TICKS, _PAGES = 0, 1, 11, 12, 19, 21
_ZOMBIE: Final = "Z"


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """One worker process; None where the system does not tell."""

    pid: int
    answers: bool
    """whether it is the one that answers this request"""
    uptime_seconds: float | None = None
    resident_bytes: int | None = None
    cpu_seconds: float | None = None


def workers_of_node(proc: Path = PROC) -> list[WorkerProcess]:
    """This process and the others that its parent has forked, by process id."""
    own = os.getpid()
    program = _program(_read(proc / str(own) / "stat"))
    found = [_figures(path, os.getppid(), program, own) for path in proc.glob("[0-9]*/stat")]
    workers = sorted((one for one in found if one is not None), key=lambda one: one.pid)
    return workers or [WorkerProcess(own, True)]


def _read(path: Path) -> str:
    """The text of a file; empty when the process has ended."""
    try:
        return path.read_text()
    except OSError:
        return ""


def _program(stat: str) -> str:
    return stat.partition("(")[2].rpartition(")")[0]


def _figures(path: Path, parent: int, program: str, own: int) -> WorkerProcess | None:
    """The figures of a process; None when it has ended, is another parent's or no worker."""
    text = _read(path)
    fields = text.rpartition(")")[2].split()
    if not fields or int(fields[_PARENT]) != parent or fields[_STATE] == _ZOMBIE:
        return None
    if _program(text) != program:
        return None
    pid = int(path.parent.name)
    started = int(fields[_STARTED_TICKS]) / _TICKS_PER_SECOND
    ticks = int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
    return WorkerProcess(
        pid=pid,
        answers=pid == own,
        uptime_seconds=round(max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started), 1),
        resident_bytes=int(fields[_PAGES]) * _PAGE_BYTES,
        cpu_seconds=ticks / _TICKS_PER_SECOND,
    )
