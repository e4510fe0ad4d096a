"""Sides in turns: their order, what is dropped, and how ratios are taken."""

from collections.abc import Callable

import pytest

from bench.kit.clocks import Meter, Sample
from bench.kit.results import Aim
from bench.kit.turns import Comparison, Side, take_turns


def sample(done: int, seconds: float, service: float, store: float, refused: int = 0) -> Sample:
    return Sample(done, seconds, {"service": service, "store": store}, refused)


def of(*samples: Sample) -> Callable[[], Sample]:
    return iter(samples).__next__


async def test_sides_alternate_and_warm_up_is_dropped() -> None:
    """Catches a fixed order, in which one side always comes after the other."""
    order: list[str] = []

    def side(name: str) -> Side:
        def turn() -> Sample:
            order.append(name)
            return sample(len(order), 1, 1, 1)

        return Side(name, turn)

    comparison = Comparison("order", "a", [side("a"), side("b")])
    made = await take_turns(comparison, rounds=3, warm_up=1)
    assert order == ["b", "a", "a", "b", "b", "a", "a", "b"]
    assert made.side("a").done == 3 + 6 + 7
    assert made.side("b").done == 4 + 5 + 8


async def test_ratios_are_of_the_same_round_and_more_is_better() -> None:
    """Catches a ratio of medians: each round here has the ratio 2, whatever the machine does."""
    bare = of(*(sample(100, s, s, 0) for s in (1.0, 4.0, 2.0)))
    ours = of(*(sample(50, s, s, 0) for s in (1.0, 4.0, 2.0)))
    sides = [Side("bare", bare), Side("ours", ours)]
    made = await take_turns(Comparison("half", "bare", sides), rounds=3, warm_up=0)
    by_rate, by_cpu = made.side("ours").by_rate, made.side("ours").by_cpu
    assert by_rate is not None
    assert by_cpu is not None
    assert (by_rate.low, by_rate.median, by_rate.high) == (0.5, 0.5, 0.5)
    assert by_cpu.median == 0.5
    assert made.side("bare").by_rate is None


async def test_only_what_succeeded_counts_and_only_counted_parts_have_a_ratio() -> None:
    """Catches refusals that count as work, and a client's time in the service's ratio."""
    yard = Side("yard", lambda: sample(100, 1, 1e-3, 9e-3))
    ours = Side("ours", lambda: sample(20, 1, 1e-3, 1e-3, refused=80))
    made = await take_turns(Comparison("few", "yard", [yard, ours]), rounds=2)
    figures = made.side("ours")
    assert (figures.done, figures.refused) == (40, 160)
    assert figures.rate.median == 20
    assert figures.cpu_us["service"].median == 50
    assert figures.by_cpu is not None
    assert figures.by_cpu.median == 0.2
    both = Comparison("few", "yard", [yard, ours], counted=("service", "store"))
    of_both = (await take_turns(both, rounds=2)).side("ours").by_cpu
    assert of_both is not None
    assert of_both.median == 1.0


async def test_aims_are_reached_or_missed_by_the_median() -> None:
    aims = [Aim("ours", 0.2), Aim("ours", 0.21), Aim("ours", 0.2, by="rate")]
    sides = [
        Side("yard", lambda: sample(100, 1, 1, 1)),
        Side("ours", lambda: sample(20, 1, 1, 1)),
    ]
    made = await take_turns(Comparison("aims", "yard", sides, aims=aims), rounds=1)
    assert [made.reached(aim) for aim in made.aims] == [True, False, True]


async def test_side_that_cost_nothing_has_no_ratio_of_cost() -> None:
    """A clock of hundredths of a second may not have moved."""
    sides = [Side("yard", lambda: sample(9, 1, 0, 0)), Side("ours", lambda: sample(9, 1, 1, 0))]
    made = await take_turns(Comparison("idle", "yard", sides), rounds=1)
    assert made.side("ours").by_cpu is None
    assert not made.reached(Aim("ours", 0.1))


def test_comparison_names_its_yardstick_and_no_side_twice() -> None:
    side = Side("a", lambda: sample(1, 1, 1, 1))
    for sides, yardstick in (([side], "b"), ([side, side], "a")):
        with pytest.raises(ValueError, match="the yardstick"):
            Comparison("wrong", yardstick, sides)
    for name in ("a", "c"):
        with pytest.raises(ValueError, match="an aim for"):
            Comparison("wrong", "a", [side], aims=[Aim(name, 1)])


def test_meter_takes_differences_and_a_turn_without_success_ends_the_run() -> None:
    readings = iter([5.0, 7.5])
    with Meter({"service": readings.__next__}) as meter:
        pass
    assert meter.sample(5).used == {"service": 2.5}
    assert meter.sample(5).micros("service") == 500_000
    with pytest.raises(SystemExit, match="12 were refused"):
        meter.sample(0, 12)
