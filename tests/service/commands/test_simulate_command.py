"""`holdfast simulate`: what it prints, writes and ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from holdfast.cli import main

ROOT = Path(__file__).resolve().parents[3]
CONCERT = ROOT / "examples" / "worlds" / "concert.toml"
SMALL = """
[arrivals]
shape = "flash"
visitors = 200
[sale]
areas = { floor = 30 }
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    return file


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["simulate", *map(str, arguments)])


def test_figures_are_printed(world: Path) -> None:
    done = _run(world, "--rate", "300", "--cap", "50")
    assert done.exit_code == 0, done.output
    assert "small: 300 a minute, burst 20, cap 50" in done.output
    for name in ("sold out after", "nine in ten up to", "went empty-handed", "polls a second"):
        assert name in done.output


def test_json_and_picture_are_written(world: Path, tmp_path: Path) -> None:
    told, picture = tmp_path / "told.json", tmp_path / "sale.svg"
    done = _run(world, "--json", told, "--svg", picture, "--seeds", "2", "--visitors", "100")
    assert done.exit_code == 0, done.output
    result = json.loads(told.read_text())
    assert result["kind"] == "simulation"
    assert result["scenario"] == "small"
    assert result["funnel"]["arrived"] == 100
    assert [one["seed"] for one in result["seeds"]] == [1, 2]
    assert "least of 2 seeds" in done.output
    assert picture.read_text().startswith("<svg ")


def test_json_on_the_standard_output_is_alone_there(world: Path) -> None:
    done = _run(world, "--json", "-")
    assert json.loads(done.stdout)["seats"]["total"] == 30


def test_recorded_times_take_the_place_of_the_shape(world: Path, tmp_path: Path) -> None:
    times = tmp_path / "times.txt"
    times.write_text("-3\n0.5\n2\n")
    done = _run(world, "--times", times, "--json", "-")
    assert json.loads(done.stdout)["funnel"]["arrived"] == 3


def test_goal_that_cannot_be_met_ends_with_1(world: Path) -> None:
    done = _run(world, "--goal", "sold out in 1 s")
    assert done.exit_code == 1
    assert "No settings meet this goal." in done.output
    assert "People stand in the way" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--goal", "soon"], "'soon' is not understood"),
        (["--rate", "0"], "--rate"),
        (["--method", "reject"], "--method"),
    ],
)
def test_wrong_usage_ends_with_2(world: Path, arguments: list[str], said: str) -> None:
    done = _run(world, *arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_world_that_cannot_be_read_names_the_field(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(SMALL + "burts = 3\n")
    done = _run(file)
    assert done.exit_code == 2
    assert "sale.burts: there is no such field; burst was meant?" in done.output


def test_example_is_a_world() -> None:
    done = _run(CONCERT, "--visitors", "300", "--json", "-")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["seats"]["total"] == 8_000
