"""What a process of this machine has cost so far, as the kernel counts; pid 0 is this one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KIB_A_MIB: Final = 1024
GONE: Final = (FileNotFoundError, ProcessLookupError)
"""what reading of a process raises that has ended"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds, and resident memory now and at most."""

    seconds: float
    mib: float
    peak_mib: float


def cost_of(pid: int) -> Cost:
    """What it has cost; all 0 where the system does not tell."""
    directory = Path(f"/proc/{pid or 'self'}")
    if not (directory / "status").exists():
        return Cost(0, 0, 0)
    lines = (directory / "status").read_text().splitlines()
    told = {name: value for name, _, value in (line.partition(":") for line in lines)}
    now, peak = (int(told[name].split()[0]) / KIB_A_MIB for name in ("VmRSS", "VmHWM"))
    own, _ = _ticks(directory)
    return Cost(own / os.sysconf("SC_CLK_TCK"), now, peak)


def tree_seconds(pid: int) -> float:
    """Processor seconds of a process and of all that came from it, ended ones too."""
    seconds, todo = 0.0, [pid]
    while todo:
        directory = Path(f"/proc/{todo.pop()}")
        try:
            seconds += sum(_ticks(directory)) / os.sysconf("SC_CLK_TCK")
        except GONE:
            continue  # it has just ended; its parent counts it
        todo += children(int(directory.name))
    return seconds


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not been waited for."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except GONE:
        return []
    return [int(word) for word in words]


def command_line(pid: int) -> list[bytes]:
    """The words of the command that a process runs; none when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except GONE:
        return []


def is_alive(pid: int) -> bool:
    """Whether the process still runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except GONE:
        return False


def _ticks(directory: Path) -> tuple[int, int]:
    """Of a process itself, and of those of its children that have ended."""
    # The name before the last parenthesis may hold anything; utime is the 14th field.
    fields = (directory / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
