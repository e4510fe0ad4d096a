"""A prediction has the people of the run, and is the median over seeds, figure by figure."""

from functools import partial
from typing import Any

import msgspec
import pytest

from holdfast_loadtest.crowd.profiles import Ending
from holdfast_loadtest.rehearse.comparison import compare
from holdfast_loadtest.rehearse.known_crowd import KnownCrowd
from holdfast_loadtest.rehearse.prediction import predict, typical
from holdfast_loadtest.scenarios.people import People
from holdfast_loadtest.scenarios.scenario import Scenario
from holdfast_simulator.result import Funnel, Result, SeriesPoint, Waits
from holdfast_simulator.summary import simulate
from holdfast_simulator.world import parse_world


def result(sold_out: float | None, p90: float, admitted: int) -> Result:
    return Result(
        kind="simulation",
        scenario="one",
        sale="",
        sold_out_after_s=sold_out,
        waits=Waits(p50=1.0, p90=p90),
        funnel=Funnel(admitted=admitted),
        series=[SeriesPoint(at_s=p90)],
    )


def test_each_figure_is_the_median_of_all() -> None:
    found = typical([result(10.0, 5.0, 4), result(30.0, 9.0, 1), result(20.0, 6.0, 3)])
    assert (found.sold_out_after_s, found.waits.p90, found.funnel.admitted) == (20.0, 6.0, 3)
    assert found.series == [SeriesPoint(at_s=6.0)]
    assert found.scenario == "one"


def test_figure_that_most_do_not_have_is_none() -> None:
    sold, not_sold = result(10.0, 5.0, 1), result(None, 5.0, 1)
    assert typical([not_sold, not_sold, sold]).sold_out_after_s is None
    assert typical([not_sold, sold, sold]).sold_out_after_s == 10.0
    assert typical([not_sold, sold]).sold_out_after_s is None


def scenario(**tables: Any) -> Scenario:
    table: dict[str, Any] = {
        "users": {"buyer": 1},
        "duration_seconds": 60,
        "arrivals": {"shape": "flash", "visitors": 200, "seconds": 5},
        "sale": {"areas": {"floor": 100, "balcony": 90}, "new_users_per_minute": 300},
        "seed": 5,
    }
    return parse_world({**table, **tables}, Scenario)


def crowd_of(world: Scenario) -> tuple[People, KnownCrowd]:
    """The people of a scenario, and these in a simulation with another seed."""
    people = People(world)
    profiles = [people.profile(person) for person in range(len(people))]
    other = msgspec.structs.replace(world, seed=world.seed + 1)
    stock = world.sale.stock()
    return people, KnownCrowd(other, stock, arrivals=people.arrivals, profiles=profiles)


def test_people_of_a_prediction_are_those_of_the_run() -> None:
    halves = ("no_show", "looks_only", "takes_other", "lapses", "releases", "ends_pass", "leaves")
    people, crowd = crowd_of(scenario(buyers=dict.fromkeys(halves, 0.5)))
    for person in range(len(people)):
        profile, number = people.profile(person), person + 1
        assert crowd.comes_not(number) is not profile.shows_up
        assert crowd.looks_only(number) is profile.only_browses
        assert crowd.choice(number) == (profile.wish.category, profile.wish.quantity)
        assert crowd.takes_other(number) is profile.wish.takes_other
        assert crowd.lapses(number) is (profile.ending is Ending.LAPSES)
        assert crowd.releases(number) is (profile.ending is Ending.RELEASES)
        assert crowd.ends_pass(number) is profile.tidy
        assert crowd.look_ms(number) == int(1000 * profile.look_s)
        assert crowd.pay_ms(number) == int(1000 * profile.pay_s)
        limit = profile.quits_line_after_s
        assert crowd.has_left(number, 400_000) is (limit is not None and limit < 400)
        arrived_s = (crowd.arrived_ms(number) - crowd.opens_ms) / 1000
        assert arrived_s == pytest.approx(people.arrivals[person], abs=0.001)


def test_drawn_place_is_that_of_the_one_who_drew_it() -> None:
    lobby = {"shape": "lobby", "visitors": 200, "seconds": 5, "early_share": 0.9}
    sale = {"areas": {"floor": 100}, "queueing_method": "random"}
    people, crowd = crowd_of(scenario(arrivals=lobby, sale=sale, buyers={"no_show": 0.5}))
    before = [crowd.comes_not(number) for number in range(1, 101)]
    crowd.open_lobby(100)
    drawn = [crowd.comes_not(number) for number in range(1, 101)]
    assert drawn != before
    assert drawn == [not people.profile(crowd.index(number)).shows_up for number in range(1, 101)]


def test_prediction_is_the_median_of_seeds_with_the_same_people() -> None:
    world = scenario()
    people, _ = crowd_of(world)
    profiles = [people.profile(person) for person in range(len(people))]
    crowd = partial(KnownCrowd, arrivals=people.arrivals, profiles=profiles)
    runs = [simulate(msgspec.structs.replace(world, seed=seed), people=crowd) for seed in (5, 6, 7)]
    waits = sorted(run.waits.p90 or 0 for run in runs)
    assert len(set(waits)) == 3
    prediction = predict(world, scenario="x", sale="gala", seeds=3)
    found = prediction.typical
    assert sorted(one.waits.p90 or 0 for one in prediction.seeds) == waits
    assert found.waits.p90 == waits[1]
    assert (found.scenario, found.sale) == ("x", "gala")


def test_chance_makes_less_of_a_larger_crowd() -> None:
    def chance(visitors: int) -> float:
        arrivals = {"shape": "flash", "visitors": visitors, "seconds": visitors / 10}
        sale = {"areas": {"floor": 10 * visitors}, "new_users_per_minute": 300, "burst": 1}
        prediction = predict(scenario(arrivals=arrivals, sale=sale), scenario="x", sale="gala")
        compared = compare(prediction, prediction.typical)
        return next(one.chance for one in compared if one.name == "wait, nine in ten")

    few, many = chance(30), chance(600)
    assert few > 0.05
    assert many < few / 3
