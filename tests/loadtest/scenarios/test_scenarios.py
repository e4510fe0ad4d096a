"""Scenarios are read strictly, and each of those that come along really enters the line."""

from pathlib import Path

import pytest

from holdfast_loadtest.scenarios.people import People
from holdfast_loadtest.scenarios.scenario import (
    WAITED_SHARE,
    Scenario,
    read_scenario,
    scenario_names,
)
from holdfast_simulator.world import InvalidWorld

ISSUED = {
    *("smoke", "flash", "lobby-draw", "sellout-race", "reload-storm", "streams", "bots", "soak"),
    "ten-times",
}
LEAST = """
duration_seconds = 5
users = { buyer = 1 }
arrivals = { shape = "steady", visitors = 3, seconds = 2 }
sale = { areas = { floor = 10 } }
"""


def write(directory: Path, text: str) -> str:
    path = directory / "own.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_scenarios_that_come_along_are_told_by_name() -> None:
    assert set(scenario_names()) == ISSUED
    assert all(read_scenario(name).about for name in scenario_names())


@pytest.mark.parametrize("name", sorted(ISSUED))
def test_most_people_of_a_scenario_find_more_ahead_of_them_than_are_let_in(name: str) -> None:
    """By arithmetic, whatever the service does: passes <= burst + rate x time."""
    scenario = read_scenario(name)
    sale, people = scenario.sale, People(scenario)
    waiting = 0
    for place, (_, arrives) in enumerate(people.share(0, 1)):
        allowed = sale.burst + sale.new_users_per_minute / 60 * max(0.0, arrives)
        waiting += place >= allowed
    assert waiting / len(people) >= (scenario.limits.waited_share or 0.0)


def test_without_a_threshold_half_of_the_admitted_must_have_waited(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path, LEAST))
    assert scenario.limits.waited_share == WAITED_SHARE
    off = read_scenario(write(tmp_path, LEAST + "thresholds = { waited_share = 0 }\n"))
    assert off.limits.waited_share == 0


@pytest.mark.parametrize(
    ("text", "field", "told"),
    [
        (LEAST.replace("buyer = 1", "byer = 1"), "users", "byer"),
        (LEAST.replace("buyer = 1", "buyer = 0"), "users", "at least one kind"),
        (LEAST + "treshold = 3\n", "treshold", "no such field"),
        (LEAST + "thresholds = { failed_shar = 0.1 }\n", "thresholds.failed_shar", "no such"),
        (LEAST.replace("duration_seconds = 5", ""), "duration_seconds", "is missing"),
        (LEAST.replace("= 5", "= -5"), "duration_seconds", ">"),
        (LEAST.replace("floor = 10", "floor = 0"), "sale.areas", ">= 1"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(
    text: str, field: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidWorld) as wrong:
        read_scenario(write(tmp_path, text))
    assert field in str(wrong.value)
    assert told in str(wrong.value)


def test_unknown_scenario_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(InvalidWorld, match="bots, flash"):
        read_scenario("smok")


def test_a_scenario_is_a_world_of_the_simulator() -> None:
    scenario = read_scenario("flash")
    assert isinstance(scenario, Scenario)
    assert scenario.sale.stock() == {"Stalls": 600, "Balcony": 400, "floor": 400}
