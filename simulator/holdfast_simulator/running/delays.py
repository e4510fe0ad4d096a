"""How many of those who do one thing do another one after it, and how long they take.

Both are known from two curves of the history only: how many began each at which time. How long
people take is lognormal (`Duration`), so for each of a row of means the second curve follows from
the first but for its height, and the likelihood of what was counted says how far each mean is to be
believed. The height is the share, known from those who have had the time that they need: a beta
distribution, as for a coin.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import erfc, exp, log, sqrt
from random import Random
from statistics import NormalDist
from typing import Final

from holdfast_simulator.running.history import Interval

MEANS: Final = tuple(4.0 * 1.4**step for step in range(18))
"""seconds: from 4 to about 1,200"""
SPREAD: Final = 0.5
"""of how long people take, see `Duration`"""
OBSERVED_SECONDS: Final = 1_200.0
"""what people do is taken from so long before now"""
PRIOR_WEIGHT: Final = 4.0
"""a usual share counts as much as so many people who were seen"""
PRIOR_SPREAD: Final = 1.0
"""a usual mean may be wrong by this factor of e"""
LEAST: Final = 1e-3
"""people, in an interval in which nobody was expected"""
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Usual:
    """A share and a mean as they are for most sales."""

    share: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Delay:
    """The weight of each possible mean, and how many, by that mean, have had time to go on."""

    usual: Usual
    weights: Sequence[float]
    had_time: Sequence[float]
    went_on: int

    @property
    def most_likely(self) -> Usual:
        """The mean that is to be believed most, and the share that goes with it."""
        at = max(range(len(MEANS)), key=self.weights.__getitem__)
        went, stayed = self._seen(at)
        return Usual(went / (went + stayed), MEANS[at])

    def draw(self, random: Random) -> Usual:
        """Draws one of the shares and means that may be the true ones."""
        (at,) = random.choices(range(len(MEANS)), self.weights)
        return Usual(random.betavariate(*self._seen(at)), MEANS[at])

    def _seen(self, at: int) -> tuple[float, float]:
        usual, stayed = self.usual.share, max(0.0, self.had_time[at] - self.went_on)
        return self.went_on + PRIOR_WEIGHT * usual, stayed + PRIOR_WEIGHT * (1 - usual)


def measure_delay(
    intervals: Sequence[Interval], began: Sequence[int], went_on: Sequence[int], usual: Usual
) -> Generator[None, None, Delay]:
    """What is known of those who began in each interval; what is usual is believed before.

    Yields between bits of work.
    """
    observed = [one for one in intervals if one.begun <= OBSERVED_SECONDS]
    counted = went_on[len(went_on) - len(observed) :]
    likely, had_time = [], []
    for mean in MEANS:
        expected = _expected(intervals, began, observed, mean)
        whole = sum(expected)
        fit = -sum(counted) * log(whole + LEAST * (len(expected) + 1))
        for people, count in zip(expected, counted, strict=True):
            fit += count * log(people + LEAST)
        likely.append(fit - (log(mean / usual.seconds) / PRIOR_SPREAD) ** 2 / 2)
        had_time.append(whole)
        yield
    most = max(likely)
    return Delay(usual, [exp(one - most) for one in likely], had_time, sum(counted))


def share_within(seconds: float, mean: float) -> float:
    """The share of those who take `mean` on average that is done after so many seconds."""
    if seconds <= 0:
        return 0.0
    return erfc(-(log(seconds / mean) + SPREAD**2 / 2) / (SPREAD * sqrt(2))) / 2


def seconds_left(since: float, mean: float, random: Random) -> float:
    """How many seconds more somebody takes who began so long ago and is not done."""
    done = share_within(since, mean)
    drawn = done + (1 - done) * random.random()
    if not 0 < drawn < 1 - 1e-9:
        return since * random.random()
    return max(0.0, mean * exp(SPREAD * _NORMAL.inv_cdf(drawn) - SPREAD**2 / 2) - since)


def _expected(
    intervals: Sequence[Interval], began: Sequence[int], observed: Sequence[Interval], mean: float
) -> list[float]:
    """How many would have gone on in each of the observed intervals, if all do."""
    if not observed:
        return []
    people = [(one.middle, count) for one, count in zip(intervals, began, strict=True) if count]
    ends = [observed[0].begun, *(one.ended for one in observed)]
    by_then = [sum(n * share_within(ago - end, mean) for ago, n in people) for end in ends]
    return [after - before for before, after in pairwise(by_then)]
