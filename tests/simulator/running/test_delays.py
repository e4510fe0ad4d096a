"""How many go on, and after how long, is found again in the curves that follow from it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from support.simulator.stopped_sale import finish

from holdfast_simulator.running.arrivals import DECAYS, RunningArrivals, measure_arrivals
from holdfast_simulator.running.conduct import sizes_of
from holdfast_simulator.running.delays import (
    MEANS,
    Usual,
    measure_delay,
    seconds_left,
    share_within,
)
from holdfast_simulator.running.history import Interval
from holdfast_simulator.running.sale import apportioned
from holdfast_simulator.world import Duration

STEPS = 60
"""of ten seconds"""
BEGIN = 8
"""people, in each of them"""


def _interval(step: int) -> Interval:
    begun = 10.0 * (STEPS - step)
    return Interval(begun, begun - 5, begun - 10, 0, 0, 0, 0, 0)


INTERVALS = [_interval(step) for step in range(STEPS)]


def _joined(counts: list[int]) -> list[Interval]:
    return [replace(one, joined=n) for one, n in zip(INTERVALS, counts, strict=True)]


def _went_on(share: float, mean: float, random: Random) -> list[int]:
    """Who goes on in each step, of those who begin in each."""
    went, delay = [0] * STEPS, Duration(mean)
    for step in range(STEPS):
        for _ in range(BEGIN):
            at = step + random.random() + delay.draw(random) / 10
            if random.random() < share and at < STEPS:
                went[int(at)] += 1
    return went


@pytest.mark.parametrize("mean", [30, 60, 180])
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_share_and_mean_are_found_again(share: float, mean: float) -> None:
    went = _went_on(share, mean, Random(5))
    found = finish(measure_delay(INTERVALS, [BEGIN] * STEPS, went, Usual(0.9, 60)))
    assert found.most_likely.share == pytest.approx(share, abs=0.08)
    assert found.most_likely.seconds == pytest.approx(mean, rel=0.4)
    drawn = [found.draw(Random(seed)) for seed in range(40)]
    shares = [one.share for one in drawn]
    assert min(shares) - 0.03 < share < max(shares)


def test_nothing_seen_leaves_what_is_usual() -> None:
    found = finish(measure_delay([], [], [], Usual(0.9, 40)))
    assert found.most_likely.share == pytest.approx(0.9)
    assert found.most_likely.seconds == pytest.approx(40, rel=0.4)
    assert len({found.draw(Random(seed)).seconds for seed in range(20)}) > 3


def test_share_within_is_that_of_the_durations_of_people() -> None:
    random, duration = Random(1), Duration(60.0)
    drawn = [duration.draw(random) for _ in range(4_000)]
    for seconds in (30, 60, 120):
        share = sum(one <= seconds for one in drawn) / len(drawn)
        assert share_within(seconds, 60.0) == pytest.approx(share, abs=0.03)
    assert share_within(0, 60.0) == 0


def test_seconds_left_are_those_of_who_is_not_done_yet() -> None:
    random, duration = Random(2), Duration(60.0)
    late = [one - 60 for one in (duration.draw(random) for _ in range(8_000)) if one > 60]
    drawn = [seconds_left(60, 60.0, random) for _ in late]
    assert min(drawn) >= 0
    assert sum(drawn) / len(drawn) == pytest.approx(sum(late) / len(late), rel=0.1)
    assert seconds_left(9_000, 4.0, random) >= 0


@pytest.mark.parametrize("decay", [120.0, 240.0, 480.0])
def test_arrivals_that_become_fewer_go_on_so(decay: float) -> None:
    """The true rate of now lies between the extremes of what is drawn, and so does the decay."""
    random, begin = Random(3), 100.0
    came = [
        sum(random.random() < begin * 2.718 ** (-(10 * step + 5) / decay) / 200 for _ in range(200))
        for step in range(STEPS)
    ]
    known = measure_arrivals(_joined(came))
    now = begin * 2.718 ** (-10 * STEPS / decay) / 10
    drawn = [known.draw(Random(seed)) for seed in range(60)]
    assert min(one.per_second for one in drawn) < now < max(one.per_second for one in drawn)
    assert {one.decay for one in drawn} <= set(DECAYS[3:-1])


def test_steady_arrivals_are_believed_to_stay() -> None:
    known = measure_arrivals(_joined([20] * STEPS))
    assert known.per_second == pytest.approx(2)
    steady = [known.draw(Random(seed)).decay > 3_000 for seed in range(50)]
    assert sum(steady) > 40
    assert measure_arrivals(INTERVALS).draw(Random(1)).per_second == 0


def test_times_of_arrivals_follow_their_rate_and_decay() -> None:
    random = Random(4)
    steady = RunningArrivals(5.0, float("inf")).times(0.5, 1_000, 10_000, random)
    assert len(steady) == pytest.approx(2_500, rel=0.1)
    fading = RunningArrivals(5.0, 200.0).times(1.0, 10_000, 10_000, random)
    assert len(fading) == pytest.approx(1_000, rel=0.15)
    assert sum(time < 200 for time in fading) / len(fading) == pytest.approx(0.63, abs=0.05)
    assert list(fading) == sorted(fading)
    assert len(RunningArrivals(5.0, 200.0).times(1.0, 10_000, 7, random)) == 7


def test_faster_arrivals_are_as_many_in_all() -> None:
    fast = RunningArrivals(5.0, 200.0).faster(4)
    assert fast.per_second * fast.decay == 1_000


@pytest.mark.parametrize("mean", [1.0, 1.7, 2.5, 4.0, 5.8])
def test_sizes_of_groups_have_the_mean_that_was_seen(mean: float) -> None:
    weights = sizes_of(mean, 6)
    found = sum(size * weight for size, weight in weights.items()) / sum(weights.values())
    assert found == pytest.approx(mean, abs=0.05)
    assert max(weights) == 6


def test_whole_numbers_in_proportion_have_the_whole_sum() -> None:
    assert apportioned(10, {"a": 1, "b": 1, "c": 1}) == {"a": 4, "b": 3, "c": 3}
    assert apportioned(7, {"a": 0, "b": 2}) == {"a": 0, "b": 7}
    assert apportioned(7, {"a": 0}) == {"a": 0}
    assert len(MEANS) == len(set(MEANS))
