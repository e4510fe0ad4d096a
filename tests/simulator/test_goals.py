"""Goals in words, and the settings that are recommended for them."""

from __future__ import annotations

from math import inf
from statistics import median
from typing import Any

import msgspec
import pytest

from holdfast_simulator.goals import InvalidGoal, parse_goal
from holdfast_simulator.recommendation import (
    Certainty,
    Recommendation,
    recommend,
    scaled,
    with_settings,
)
from holdfast_simulator.result import Peaks, Result, SeatCounts, SeriesPoint, Waits
from holdfast_simulator.summary import simulate
from holdfast_simulator.world import World, parse_world

RESULT = Result(
    kind="simulation",
    scenario="",
    sale="",
    waits=Waits(count=10, p50=60, p90=300, p99=600, max=700),
    peaks=Peaks(active=300),
    sold_out_after_s=1_200,
    seats=SeatCounts(total=100, booked=100),
    series=[SeriesPoint(at_s=60, booked=90), SeriesPoint(at_s=120, booked=95)],
)
PATIENT = {"leaves": 0.0, "no_show": 0.0, "lapses": 0.0, "releases": 0.0, "group_sizes": {1: 1}}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("sold out in 20 min", True),
        ("sold out within 1199 s", False),
        ("Sold out in 0.5 h", True),
        ("95% sold in 2 min", True),
        ("95% sold in 119 s", False),
        ("96% sold in 1 h", False),
        ("at most 300 in the shop, sold out in 1 h", True),
        ("at most 1,000 people in the shop and sold out in 1 h", True),
        ("at most 299 in the shop; sold out in 1 h", False),
        ("90% wait at most 5 min", True),
        ("50% wait at most 59 s", False),
        ("99% wait at most 10 min, everybody waits at most 12 min", True),
        ("everybody waits at most 11 min", False),
    ],
)
def test_goal_is_held_against_a_result(text: str, holds: bool) -> None:
    assert parse_goal(text).holds(RESULT) is holds


@pytest.mark.parametrize(
    "text", ["", "soon", "sold out in a while", "at most 0 in the shop", "at most 5 in the shop"]
)
def test_goal_that_is_none_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidGoal):
        parse_goal(text)


def test_what_never_sold_out_is_late() -> None:
    goal = parse_goal("sold out in 100 h")
    assert goal.conditions[0].measure(Result(kind="run", scenario="", sale="")) == inf


@pytest.mark.parametrize(
    ("held", "seeds", "low", "high"),
    [(19, 20, 0.764, 0.991), (20, 20, 0.839, 1.0), (0, 3, 0, 0.561)],
)
def test_interval_is_that_of_wilson(held: int, seeds: int, low: float, high: float) -> None:
    assert Certainty(held, seeds).interval == pytest.approx((low, high), abs=0.001)


def _world(**sale: Any) -> World:
    table = {
        "arrivals": {"shape": "flash", "visitors": 600, "seconds": 60},
        "sale": {"areas": {"floor": 160}, "hold_seconds": 120, **sale},
        "buyers": {**PATIENT, "look_seconds": {"mean": 20}, "pay_seconds": {"mean": 20}},
    }
    return parse_world(table, World)


def _recommend(world: World, goal: str, seeds: int = 4) -> Recommendation:
    return recommend(world, parse_goal(goal), seeds, lambda _: None)


def test_least_rate_that_meets_the_goal_is_found() -> None:
    """The cap does not bind unless it was asked for."""
    goal = "90% sold in 4 min"
    found = _recommend(_world(), goal)
    rate = found.world.sale.new_users_per_minute
    assert found.bound == ""
    assert found.certainty.held >= 0.9 * found.certainty.seeds
    slower = with_settings(found.world, rate=round(0.6 * rate))
    assert not parse_goal(goal).holds(simulate(slower))
    assert found.world.sale.total_active_users >= max(one.peaks.active for one in found.results)


@pytest.mark.torture
def test_cap_that_was_asked_for_is_kept() -> None:
    capped = _recommend(_world(), "sold out in 10 min, at most 60 in the shop")
    assert capped.world.sale.total_active_users == 60
    assert max(one.peaks.active for one in capped.results) <= 60


@pytest.mark.parametrize(
    ("changes", "goal", "why"),
    [
        ({}, "90% sold in 4 min, at most 12 in the shop", "The cap stands in the way"),
        ({}, "sold out in 20 s", "People stand in the way"),
        ({"areas": {"floor": 9_000}}, "sold out in 1 h", "Demand stands in the way"),
    ],
)
def test_goal_that_no_settings_meet_says_what_stands_in_the_way(
    changes: dict[str, Any], goal: str, why: str
) -> None:
    found = _recommend(_world(**changes), goal)
    assert found.bound.startswith(why)
    assert found.certainty.held == 0


def test_holds_that_run_out_stand_in_the_way() -> None:
    table = {
        "arrivals": {"shape": "flash", "visitors": 600, "seconds": 60},
        "sale": {"areas": {"floor": 80}, "hold_seconds": 1_800},
        "buyers": {**PATIENT, "lapses": 0.5},
    }
    found = _recommend(parse_world(table, World), "sold out in 15 min")
    assert found.bound.startswith("Holds that run out stand in the way")


def test_smaller_world_sells_as_fast() -> None:
    """The median of nine seeds, since the last of 160 units goes sooner or later by a fifth."""
    world = with_settings(_world(), rate=120, cap=200)
    seeded = [msgspec.structs.replace(world, seed=seed) for seed in range(1, 10)]

    def median_of(worlds: list[World]) -> float:
        return median(simulate(one).sold_out_after_s or inf for one in worlds)

    half = median_of([scaled(one, 0.5) for one in seeded])
    assert half == pytest.approx(median_of(seeded), rel=0.1)
