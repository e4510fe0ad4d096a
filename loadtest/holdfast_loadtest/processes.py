"""What a process of this machine has cost so far, as the kernel counts; pid 0 is this one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KIB_A_MIB: Final = 1024


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
            children = next((directory / "task").iterdir()) / "children"
            todo += map(int, children.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended; its parent counts it
    return seconds


def _ticks(directory: Path) -> tuple[int, int]:
    """Of a process itself, and of those of its children that have ended."""
    # The name before the last parenthesis may hold anything; utime is the 14th field.
    fields = (directory / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
