"""How long nobody could write, after each fault: worked out from when writes succeeded."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from support.distributed.crowd import WRITES


def longest_gap(successes: Sequence[float], begin: float, end: float) -> float:
    """The longest time within [begin, end] in which nothing succeeded, in seconds."""
    within = [moment for moment in successes if begin < moment < end]
    return max(after - before for before, after in pairwise([begin, *within, end]))


@dataclass(frozen=True)
class Cycle:
    """A fault and what it cost: the longest gap of each kind of write, in seconds."""

    fault: str
    gaps: Mapping[str, float]

    @property
    def line(self) -> str:
        return f"{self.fault:20}" + "".join(f"{self.gaps[kind]:9.1f}" for kind in WRITES)


def gap_table(cycles: Sequence[Cycle]) -> list[str]:
    """By fault: how often it struck, and median and longest gap of each kind of write."""
    by_fault: dict[str, list[Cycle]] = defaultdict(list)
    for cycle in cycles:
        by_fault[cycle.fault].append(cycle)
    lines = [f"{'fault':20} times" + "".join(f"{kind:>14}" for kind in WRITES)]
    for fault, struck in sorted(by_fault.items()):
        found = [[cycle.gaps[kind] for cycle in struck] for kind in WRITES]
        cells = "".join(f"{median(gaps):7.1f}{max(gaps):7.1f}" for gaps in found)
        lines.append(f"{fault:20} {len(struck):5}{cells}")
    return lines
