"""What of a run can be added up: over moments, over workers.

Every part is bounded by the number of stages, steps and codes and by time, never by the number of
visitors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from holdfast_loadtest.observations.histogram import Histogram

MAX_NAMES: Final = 200
"""of steps, and of codes in a step: a service that answers nonsense must not fill the memory"""
OTHER: Final = "other"


class Stage(StrEnum):
    """Something that happens to visitors, counted by the second in which it happened.

    Those of the funnel count each visitor once. The others come in pairs, begin and end, whose
    difference is how many there are at a moment.
    """

    ARRIVED = "arrived"
    JOINED = "joined"
    CALLED = "called"
    ADMITTED = "admitted"
    WAITED = "waited"
    """admitted after having waited, not by the answer to the join"""
    HELD = "held"
    PAYING = "paying"
    CONFIRMED = "confirmed"
    LEFT = "left"
    EMPTY_HANDED = "empty_handed"

    POLLED = "polled"
    QUEUED = "queued"
    DEQUEUED = "dequeued"
    """called, or gone before"""
    ENTERED = "entered"
    EXITED = "exited"
    """from the shop, into which an admission leads"""
    HOLDING = "holding"
    RELEASED = "released"
    """the hold has ended, by an order or without"""


APART: Final = frozenset({"forgery", "compare"})
"""steps that say nothing of how fast visitors are answered: unknown credentials are looked up
together, four times a second, and a comparison is no request
"""


class StepFigures(msgspec.Struct):
    """The requests of one step; latencies in seconds."""

    failures: int = 0
    seconds: Histogram = msgspec.field(default_factory=Histogram)


class Figures(msgspec.Struct):
    """Everything that is counted, of one batch or of a run."""

    stages: dict[str, dict[int, int]] = {}
    """by stage and by second since 1970"""
    first_arrival: float | None = None
    """when the first arrived, in seconds since 1970"""
    waits: Histogram = msgspec.field(default_factory=Histogram)
    admission_waits: Histogram = msgspec.field(default_factory=Histogram)
    estimate_errors: Histogram = msgspec.field(default_factory=Histogram)
    """seconds between the wait and the estimate first shown, whichever way"""
    waits_by_estimate: dict[int, Histogram] = {}
    """by the power of two of the estimate: waits of those who were told 2^n to 2^(n+1) seconds"""
    refusals: dict[str, dict[str, int]] = {}
    """by step and code"""
    steps: dict[str, StepFigures] = {}

    def count(self, stage: Stage, at: float) -> None:
        seconds = self.stages.setdefault(stage.value, {})
        seconds[int(at)] = seconds.get(int(at), 0) + 1
        if stage is Stage.ARRIVED:
            self.first_arrival = min(at, self.first_arrival or at)

    def answered(self, step: str, seconds: float, failed: bool) -> None:
        name = _bounded(self.steps, step)
        figures = self.steps.setdefault(name, StepFigures())
        figures.failures += failed
        figures.seconds.add(seconds)

    def refused(self, step: str, code: str) -> None:
        codes = self.refusals.setdefault(_bounded(self.refusals, step), {})
        name = _bounded(codes, code)
        codes[name] = codes.get(name, 0) + 1

    def waited(self, seconds: float, estimate: float | None, since_shown: float) -> None:
        """A wait, and how far the estimate was from what was left of it when it was shown."""
        self.waits.add(seconds)
        if estimate is None:
            return
        self.estimate_errors.add(abs(since_shown - estimate))
        power = math.floor(math.log2(estimate)) if estimate >= 1 else 0
        self.waits_by_estimate.setdefault(power, Histogram()).add(since_shown)

    def merge(self, other: Figures) -> None:
        """Adds what `other` has, but for the counts by second: those belong to a timeline."""
        if other.first_arrival is not None:
            self.first_arrival = min(other.first_arrival, self.first_arrival or math.inf)
        self.waits.merge(other.waits)
        self.admission_waits.merge(other.admission_waits)
        self.estimate_errors.merge(other.estimate_errors)
        for power, waits in other.waits_by_estimate.items():
            self.waits_by_estimate.setdefault(power, Histogram()).merge(waits)
        for step, codes in other.refusals.items():
            mine = self.refusals.setdefault(_bounded(self.refusals, step), {})
            for code, count in codes.items():
                name = _bounded(mine, code)
                mine[name] = mine.get(name, 0) + count
        for step, figures in other.steps.items():
            name = _bounded(self.steps, step)
            merged = self.steps.setdefault(name, StepFigures())
            merged.failures += figures.failures
            merged.seconds.merge(figures.seconds)

    def latencies(self) -> Histogram:
        """The latencies of all steps together, but `APART`."""
        together = Histogram()
        for name, figures in self.steps.items():
            if name not in APART:
                together.merge(figures.seconds)
        return together


def _bounded(known: Mapping[str, object], name: str) -> str:
    """The name, or that of all others when there are too many."""
    return name if name in known or len(known) < MAX_NAMES else OTHER
