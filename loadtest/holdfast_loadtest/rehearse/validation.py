"""Compares the simulator with real runs of the worlds of `worlds/`, one after the other.

Each world is a scenario. Locust sends its people to a service on this machine, whose sale has the
settings of the world; the simulator gets the same file. The JSON of both is kept in the tree, and
docs/simulator.md shows it (`rows`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from holdfast_loadtest.rehearse.comparison import (
    ComparedFigure,
    compare,
    figure_text,
    percent,
    tolerated,
)
from holdfast_loadtest.rehearse.load_run import LoadRun
from holdfast_loadtest.rehearse.prediction import SEEDS, predict
from holdfast_loadtest.report.result import RunResult
from holdfast_loadtest.scenarios.scenario import Scenario
from holdfast_simulator.world import read_world

SHOWN: Final = (
    "sold out after",
    "wait, half of all",
    "wait, nine in ten",
    "waiting at most",
    "inside at most",
    "polls a second at most",
    "admitted",
    "orders",
)
"""of a comparison, in docs/simulator.md"""


DISTURBED_MS: Final = 500.0
"""Where one request in ten of some step took longer, a run measures the machine, not the rules."""


class ValidatedWorld(msgspec.Struct, frozen=True, kw_only=True):
    """A world with what was predicted and what was measured."""

    name: str
    about: str
    visitors: int
    measured_at: str
    verdict: str
    """of the run"""
    disturbed: str = ""
    """why the run says little about the rules: the machine was too busy; empty: it was not"""
    figures: list[ComparedFigure]


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """`validation.json`."""

    seeds: int = SEEDS
    machine: dict[str, str] = {}
    worlds: list[ValidatedWorld] = []

    def with_world(self, world: ValidatedWorld) -> Validation:
        """A world measured again takes the place of its earlier measurement, unless that was made
        in quiet and this was not.
        """
        others = [one for one in self.worlds if one.name != world.name]
        before = [one for one in self.worlds if one.name == world.name]
        if world.disturbed and before and not before[0].disturbed:
            return self
        ordered = sorted([*others, world], key=lambda one: one.name)
        return msgspec.structs.replace(self, worlds=ordered)


def world_files() -> dict[str, Path]:
    """The worlds by name."""
    folder = Path(str(files("holdfast_loadtest.rehearse") / "worlds"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def validate_world(name: str, path: Path, load: LoadRun) -> ValidatedWorld:
    """Sends the people of the world, and predicts them."""
    scenario = read_world(path, Scenario)
    prediction = predict(scenario, scenario=name, sale="")
    run = load.run(lambda _: None, lambda: None)
    return ValidatedWorld(
        name=name,
        about=scenario.about,
        visitors=run.funnel.arrived,
        measured_at=run.started_at or "",
        verdict=run.verdict.summary,
        disturbed=_disturbed(run),
        figures=compare(prediction, run),
    )


def rows(validation: Validation) -> Iterator[tuple[str, ...]]:
    """The rows of the table of docs/simulator.md: a heading for each world, and its figures."""
    for world in validation.worlds:
        told = f"**{world.name}**: {world.about}; {world.visitors:,} people"
        if world.disturbed:
            told += f". **Says little**, the machine was busy: {world.disturbed}"
        yield told, "", "", "", ""
        for one in world.figures:
            if one.name in SHOWN:
                yield _row(one)


def _disturbed(run: RunResult) -> str:
    overloaded = run.refusals.get("overloaded", 0)
    slowest = max((step.p90_ms or 0.0 for step in run.steps.values()), default=0.0)
    if not overloaded and slowest <= DISTURBED_MS:
        return ""
    return (
        f"{overloaded} requests were refused in an overload, and of the slowest step one in ten "
        f"took more than {slowest:,.0f} ms"
    )


def missed(worlds: Sequence[ValidatedWorld]) -> list[str]:
    """What is off by more than is tolerated, in the runs that say something."""
    return [
        f"{world.name}: {one.name}: {figure_text(one.predicted, one.unit)} predicted, "
        f"{figure_text(one.measured, one.unit)} measured"
        for world in worlds
        if not world.disturbed
        for one in world.figures
        if one.held is False
    ]


def _row(one: ComparedFigure) -> tuple[str, ...]:
    figures = (figure_text(one.predicted, one.unit), figure_text(one.measured, one.unit))
    return one.name, *figures, percent(one), tolerated(one, missed="**missed**")
