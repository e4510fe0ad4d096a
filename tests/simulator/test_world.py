"""Worlds from TOML: what is read, and what is said about what cannot be."""

import tomllib
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import pytest

from holdfast_simulator.world import Duration, InvalidWorld, World, parse_world, read_world

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "examples" / "plans" / "sports-hall.json"
SMALL = """
[arrivals]
shape = "flash"
visitors = 100

[sale]
areas = { floor = 20 }
"""


def _parse(text: str) -> World:
    return parse_world(tomllib.loads(text), World)


def test_everything_has_a_default_but_who_comes_and_what_is_sold() -> None:
    world = _parse(SMALL)
    assert world.sale.new_users_per_minute == 600
    assert world.sale.stock() == {"floor": 20}
    assert world.seed == 1


def test_groups_and_taste_are_weights() -> None:
    world = _parse(SMALL + "[buyers]\ngroup_sizes = { 1 = 2, 4 = 1 }\ntaste = { floor = 1 }")
    assert world.buyers.group_sizes == {1: 2, 4: 1}
    assert world.buyers.taste == {"floor": 1}


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "hall.json").write_bytes(PLAN.read_bytes())
    (tmp_path / "times.txt").write_text("1\n2\n")
    file = tmp_path / "world.toml"
    file.write_text(
        '[arrivals]\nshape = "recorded"\ntimes_file = "times.txt"\n'
        '[sale]\nplan = "hall.json"\nareas = { standing = 10 }\n'
    )
    world = read_world(file, World)
    assert world.arrivals.times_file == str(tmp_path / "times.txt")
    assert sum(world.sale.stock().values()) > 10


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("shape", "flesh"), "arrivals.shape: invalid enum value 'flesh'"),
        (("visitors", "many"), "arrivals.visitors: expected int, got str"),
        (("visitors", -1), "arrivals.visitors: expected int >= 0"),
        (("visitors", 0), "arrivals.visitors: at least one has to come"),
        (("decay", 3), "arrivals.decay: there is no such field; decay_seconds was meant?"),
        (("seconds", 0), "arrivals.seconds: expected float > 0.0"),
    ],
)
def test_field_is_named_in_words(changed: tuple[str, Any], message: str) -> None:
    table = tomllib.loads(SMALL)
    table["arrivals"][changed[0]] = changed[1]
    with pytest.raises(InvalidWorld) as refused:
        parse_world(table, World)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[arrivals]\nshape='flash'\nvisitors=1", "sale: is missing"),
        ("[sale]\nareas={a=1}\n[arrivals]\nvisitors=1", "arrivals.shape: is missing"),
        (SMALL.replace("areas = { floor = 20 }", ""), "sale.areas: a sale needs areas"),
        (SMALL + "seats = { floor = 3 }", "sale.areas.floor: is a category of seats as well"),
        (SMALL + "seats = { a = 1 }\nplan = 'x.json'", "sale.seats: a sale with a plan"),
        (SMALL + "[buyers]\ntaste = { balcony = 1 }", "buyers.taste.balcony: is no category"),
        (SMALL + "[buyers]\ngroup_sizes = { 1 = 0 }", "buyers.group_sizes: at least one size"),
        (SMALL + "[buyers]\nno_show = 1.5", "buyers.no_show: expected float <= 1.0"),
    ],
)
def test_what_does_not_fit_is_told(text: str, message: str) -> None:
    with pytest.raises(InvalidWorld) as refused:
        _parse(text)
    assert str(refused.value).startswith(message)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidWorld, match="cannot be read: No such file"):
        read_world(tmp_path / "none.toml", World)
    (tmp_path / "bad.toml").write_text("[arrivals")
    with pytest.raises(InvalidWorld, match="is no TOML"):
        read_world(tmp_path / "bad.toml", World)


@pytest.mark.parametrize("text", ["{}", "[1]", '{"zones": [{"rows": [{"seats": [3]}]}]}', "not"])
def test_plan_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "hall.json").write_text(text)
    file = tmp_path / "world.toml"
    file.write_text(SMALL.replace("areas = { floor = 20 }", 'plan = "hall.json"'))
    with pytest.raises(InvalidWorld, match=r"sale\.plan: .* is no seating plan"):
        read_world(file, World).sale.stock()


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_duration_has_its_mean(spread: float) -> None:
    random, duration = Random(3), Duration(30.0, spread)
    assert fmean(duration.draw(random) for _ in range(20_000)) == pytest.approx(30, rel=0.05)
