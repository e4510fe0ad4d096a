"""When requests are due: Poisson arrivals at rates that may change, the same for the same seed."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Phase:
    """A rate by the second, for some seconds."""

    rate: float
    seconds: float


def poisson(phases: list[Phase], seed: int) -> array[float]:
    """Due times from the start, in order, each independent of the others."""
    random = Random(seed)  # noqa: S311 - the same every time
    due, begin = array("d"), 0.0
    for phase in phases:
        end = begin + phase.seconds
        at = begin + random.expovariate(phase.rate)
        while at < end:
            due.append(at)
            at += random.expovariate(phase.rate)
        begin = end
    return due


def even(rate: float, seconds: float) -> array[float]:
    """Due times at equal distances."""
    return array("d", (number / rate for number in range(int(rate * seconds))))
