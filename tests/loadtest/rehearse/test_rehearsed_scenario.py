"""The scenario of a rehearsal: whose people come to which sale, and the file that Locust reads."""

from pathlib import Path
from typing import Any

import pytest

from holdfast_loadtest.rehearse.rehearsed_scenario import (
    read_people,
    rehearsed_scenario,
    sale_table,
    scenario_title,
    write_scenario,
)
from holdfast_loadtest.scenarios.scenario import read_scenario, scenario_names
from holdfast_simulator.world import InvalidWorld

SALE: dict[str, Any] = {
    "sale": "gala",
    "name": "Gala",
    "state": "open",
    "new_users_per_minute": 240,
    "queueing_method": "fifo",
    "message": None,
    "identity": "off",
    "prices": {"GA": 100},
    "areas": [{"id": "floor", "name": "Floor", "capacity": 60, "category": "GA", "channel": None}],
}
SEATS = [{"category": "I"}, {"category": "I"}, {"category": 'II "a"'}]
PLAN: dict[str, Any] = {"zones": [{"rows": [{"seats": SEATS[:1]}, {"seats": SEATS[1:]}]}]}
WORLD = """
[arrivals]
shape = "steady"
visitors = 10
seconds = 5

[sale]
areas = { elsewhere = 5 }

[buyers]
taste = { elsewhere = 1.0 }
"""


def test_sale_brings_its_stock_and_settings_and_nothing_else() -> None:
    assert sale_table(SALE, PLAN) == {
        "new_users_per_minute": 240,
        "queueing_method": "fifo",
        "areas": {"floor": 60},
        "seats": {"I": 2, 'II "a"': 1},
    }
    assert sale_table(SALE, None)["seats"] == {}


@pytest.mark.parametrize("name", scenario_names())
def test_people_of_every_scenario_are_the_same_in_the_file_that_locust_reads(
    name: str, tmp_path: Path
) -> None:
    made = rehearsed_scenario(read_people(name, None), SALE, PLAN, visitors=None, seconds=None)
    own = read_scenario(name)
    assert (made.arrivals, made.users, made.seed) == (own.arrivals, own.users, own.seed)
    assert made.sale.stock() == {"floor": 60, "I": 2, 'II "a"': 1}
    path = tmp_path / "scenario.toml"
    write_scenario(made, path)
    assert read_scenario(str(path)) == made


def test_people_of_a_world_are_buyers_and_want_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "tomorrow.toml"
    path.write_text(WORLD)
    made = rehearsed_scenario(read_people(None, path), SALE, None, visitors=7, seconds=30)
    assert (made.users, made.arrivals.visitors, made.duration_seconds) == ({"buyer": 1}, 7, 30)
    assert made.buyers.taste == {}
    assert scenario_title(None, path) == "tomorrow"
    with pytest.raises(InvalidWorld, match="--seconds"):
        rehearsed_scenario(read_people(None, path), SALE, None, visitors=None, seconds=None)
