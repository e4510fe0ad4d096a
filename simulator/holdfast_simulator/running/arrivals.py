"""How many come to a running sale from now on."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, expm1, inf, log, log1p
from random import Random
from typing import Final

from holdfast_simulator.running.history import Interval

DECAYS: Final = (*(30.0 * 1.1**step for step in range(52)), inf)
"""seconds in which arrivals may become fewer by e"""
STEADY_WEIGHT: Final = 10.0
"""that they stay as they are is believed so many times as much before"""
OBSERVED_SECONDS: Final = 900.0
"""arrivals are taken from so long before now"""


@dataclass(frozen=True, slots=True)
class RunningArrivals:
    """`per_second` arrivals now, divided by e after each `decay` seconds."""

    per_second: float
    decay: float

    def faster(self, pace: int) -> RunningArrivals:
        """These arrivals in a time that runs `pace` times as fast."""
        return RunningArrivals(self.per_second * pace, self.decay / pace)

    def times(self, share: float, seconds: float, most: int, random: Random) -> array[float]:
        """When this share of them comes within so many seconds, in order; the first `most`.

        A Poisson process: gaps of a constant rate, on a time axis that is stretched by the decay.
        """
        rate, times = self.per_second * share, array("d")
        if rate <= 0:
            return times
        drawn, limit = 0.0, rate * self._stretched(seconds)
        while len(times) < most:
            drawn += random.expovariate(1.0)
            if drawn >= limit:
                break
            times.append(self._folded(drawn / rate))
        return times

    def _stretched(self, seconds: float) -> float:
        return seconds if self.decay == inf else -self.decay * expm1(-seconds / self.decay)

    def _folded(self, stretched: float) -> float:
        return stretched if self.decay == inf else -self.decay * log1p(-stretched / self.decay)


@dataclass(frozen=True, slots=True)
class KnownArrivals:
    """The weight of each decay, how many came, and what time that would be at the rate of now."""

    weights: Sequence[float]
    came: int
    seconds: Sequence[float]

    @property
    def per_second(self) -> float:
        """About, if they stay as they are."""
        return self.came / self.seconds[-1] if self.came else 0.0

    def draw(self, random: Random) -> RunningArrivals:
        """Draws one of the courses that they may take."""
        if not self.came:
            return RunningArrivals(0.0, inf)
        (at,) = random.choices(range(len(DECAYS)), self.weights)
        # So many of a Poisson process within that time: a gamma distribution of its rate.
        return RunningArrivals(random.gammavariate(self.came, 1 / self.seconds[at]), DECAYS[at])


def measure_arrivals(intervals: Sequence[Interval]) -> KnownArrivals:
    """What is known by those who joined in each interval of late."""
    observed = [one for one in intervals if one.begun <= OBSERVED_SECONDS]
    likely, seconds = [], []
    for decay in DECAYS:
        spans = [_seconds_at_the_rate_of_now(one, decay) for one in observed]
        whole = sum(spans)
        fit = log(STEADY_WEIGHT) if decay == inf else 0.0
        for span, one in zip(spans, observed, strict=True):
            fit += one.joined * (log(span) - log(whole))
        likely.append(fit)
        seconds.append(whole)
    most = max(likely)
    weights = [exp(one - most) for one in likely]
    return KnownArrivals(weights, sum(one.joined for one in observed), seconds)


def _seconds_at_the_rate_of_now(interval: Interval, decay: float) -> float:
    """How long as many take to come, at the rate of now, as came in an interval."""
    length = interval.begun - interval.ended
    if decay == inf:
        return length
    return decay * exp(interval.ended / decay) * expm1(length / decay)
