"""What a simulation notes as it goes: waits, counts, peaks, and how it stood each second."""

from __future__ import annotations

import math
from array import array
from typing import Final

from holdfast_simulator.costs import Costs, cores_for
from holdfast_simulator.result import SERIES_POINTS_MAX, SeriesPoint

KINDS: Final = ("poll", "view", "join", "claim", "hold by pass", "paying", "confirm")
"""of requests, by the names of the costs"""
WINDOW_SECONDS: Final = 1.0
"""over which requests are counted for a peak"""


class Recording:
    """Counts by name, waits in seconds, and a point each second."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.waits = array("d")
        self.admission_waits = array("d")
        self.points: list[SeriesPoint] = []
        self.requests: dict[str, float] = dict.fromkeys(KINDS, 0.0)
        self.most: dict[str, float] = dict.fromkeys((*KINDS, "entering"), 0.0)
        self.most_waiting = self.most_active = 0
        self.busiest: dict[str, float] = dict.fromkeys(KINDS, 0.0)
        """the requests of the second in which the service had most to do"""
        self._before: dict[str, float] = dict(self.requests)
        self._weight = 0.0
        self._entered = 0

    def count(self, name: str, times: int = 1) -> None:
        """Counts something by name."""
        self.counts[name] = self.counts.get(name, 0) + times

    def inside(self, active: int) -> None:
        """Notes how many sessions there are now."""
        self.most_active = max(self.most_active, active)

    def second(self, point: SeriesPoint, costs: Costs) -> None:
        """A second is over: how it stands, and what was asked in it."""
        self.points.append(point)
        self.most_waiting = max(self.most_waiting, point.waiting)
        rates = {kind: n - self._before[kind] for kind, n in self.requests.items()}
        self._before = dict(self.requests)
        for kind, rate in rates.items():
            self.most[kind] = max(self.most[kind], rate)
        self.most["entering"] = max(self.most["entering"], point.admitted - self._entered)
        self._entered = point.admitted
        weight = cores_for(rates, costs).workers
        if weight > self._weight:
            self._weight, self.busiest = weight, rates

    def series(self) -> list[SeriesPoint]:
        """A point for every second, or fewer of a long sale; the last one always."""
        step = max(1, math.ceil(len(self.points) / SERIES_POINTS_MAX))
        kept = self.points[::step]
        return kept if not kept or kept[-1] is self.points[-1] else [*kept, self.points[-1]]
