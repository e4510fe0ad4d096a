"""`holdfast simulate`: simulates a sale that is to come, and recommends its settings."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from holdfast.cli.simulation.output import print_recommendation, print_result, spread_of, svg
from holdfast_simulator.goals import InvalidGoal, parse_goal
from holdfast_simulator.recommendation import (
    Recommendation,
    recommend,
    seeds_of,
    with_settings,
)
from holdfast_simulator.simulation import LONGEST_SECONDS
from holdfast_simulator.summary import SimulationResult
from holdfast_simulator.summary import simulate as simulate_world
from holdfast_simulator.world import InvalidWorld, World, read_world

SEEDS_MAX: Final = 1_000
NOT_MET: Final = 1
"""the status where no settings meet the goal"""
ERRORS: Final = Console(stderr=True)


@click.command()
@click.argument("world", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--visitors", type=click.IntRange(1), help="How many come, instead of the file's.")
@click.option("--rate", type=click.IntRange(1, 6_000_000), help="new_users_per_minute instead.")
@click.option("--burst", type=click.IntRange(1, 1_000_000), help="burst instead.")
@click.option("--cap", type=click.IntRange(1, 10_000_000), help="total_active_users instead.")
@click.option(
    "--method",
    type=click.Choice(["fifo", "random", "passthrough"]),
    help="queueing_method instead.",
)
@click.option(
    "--times",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Arrivals recorded by `holdfast sale arrivals`, instead of the shape.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, SEEDS_MAX),
    help="How often to simulate, with other dice.  [default: 1; 20 with --goal]",
)
@click.option("--goal", help="Recommend settings: 'sold out in 20 min, at most 300 in the shop'.")
@click.option(
    "--svg",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the sale over time into this file.",
)
@click.option(
    "--json",
    "as_json",
    type=click.File("w", lazy=True),
    metavar="FILE",
    help="Write the results there as JSON; - for the standard output.",
)
def simulate(
    world: Path,
    seeds: int | None,
    goal: str | None,
    picture: Path | None,
    as_json: Any,
    **changes: Any,
) -> None:
    """Hold the sale of WORLD, a TOML file, in a program: who waits how long, what is sold when.

    The rules are the service's own. A world says who comes (how many, when), what is sold by which
    settings, and what buyers do; examples/worlds/concert.toml explains every field. The same world
    and seed give the same result. docs/simulator.md says what is modelled, and how close it comes.

    With --goal the least rate that meets it is searched, with a burst and a cap that go with it,
    and tried with many seeds. A goal has parts: 'sold out in 20 min', '95% sold in 10 min', 'at
    most 300 in the shop', '90% wait at most 10 min', 'everybody waits at most 30 min'. Ends with
    status 1 when no settings meet it, and says what stands in the way.

    \b
    Examples:
      holdfast simulate examples/worlds/concert.toml
      holdfast simulate examples/worlds/concert.toml --rate 1200 --cap 500 --seeds 20
      holdfast simulate examples/worlds/concert.toml --goal "98% sold in 20 min" --svg sale.svg
      holdfast simulate examples/worlds/concert.toml --json - | jq .waits
    """
    try:
        meant = parse_goal(goal) if goal is not None else None
        wanted = _changed(_read(world, changes.pop("times")), **changes)
        wanted.sale.stock()  # reads the plan
    except (InvalidWorld, InvalidGoal) as error:
        raise click.UsageError(str(error)) from None
    quiet = as_json is not None and as_json.name == "-"
    with _Runs(world.stem) as runs:
        if meant is None:
            found = None
            results = runs.all(seeds_of(wanted, seeds or 1))
        else:
            found = recommend(wanted, meant, seeds or 20, runs.tell, runs.all)
            results = list(found.results)
    if not quiet:
        _print(results, found)
    if as_json is not None:
        as_json.write(_json(results, found) + "\n")
    if picture is not None:
        picture.write_text(svg(world.stem, results[0]), "utf-8")
        ERRORS.print(f"The picture is in {picture}", highlight=False)
    if found is not None and found.bound:
        raise SystemExit(NOT_MET)


def _read(file: Path, times: Path | None) -> World:
    world = read_world(file, World)
    if times is None:
        return world
    arrivals = msgspec.structs.replace(
        world.arrivals, shape="recorded", times_file=str(times), visitors=0
    )
    return msgspec.structs.replace(world, arrivals=arrivals)


def _changed(
    world: World,
    *,
    visitors: int | None,
    rate: int | None,
    burst: int | None,
    cap: int | None,
    method: str | None,
) -> World:
    """The world with what the command line says otherwise, checked as the file was."""
    world = with_settings(world, rate=rate, burst=burst, cap=cap)
    if method is not None:
        sale = msgspec.structs.replace(world.sale, queueing_method=method)
        world = msgspec.structs.replace(world, sale=sale)
    if visitors is not None:
        table = msgspec.to_builtins(world.arrivals) | {"visitors": visitors}
        try:
            arrivals = msgspec.convert(table, type(world.arrivals))
        except msgspec.ValidationError as error:
            raise InvalidWorld("--visitors", str(error)) from error
        world = msgspec.structs.replace(world, arrivals=arrivals)
    return world


def _print(results: list[SimulationResult], found: Recommendation | None) -> None:
    console = Console()
    if found is not None:
        print_recommendation(console, found)
    if found is None or not found.bound:
        print_result(console, results)


def _json(results: list[SimulationResult], found: Recommendation | None) -> str:
    """The first result, with the spread over the seeds and what is recommended."""
    document: dict[str, Any] = msgspec.to_builtins(results[0])
    document["seeds"] = spread_of(results)
    if found is not None:
        sale, (low, high) = found.world.sale, found.certainty.interval
        document["recommended"] = (
            None
            if found.bound
            else {
                "new_users_per_minute": sale.new_users_per_minute,
                "burst": sale.burst,
                "total_active_users": sale.total_active_users,
                "held": found.certainty.held,
                "seeds": found.certainty.seeds,
                "interval": [round(low, 3), round(high, 3)],
            }
        )
        document["bound"] = found.bound or None
    return msgspec.json.format(msgspec.json.encode(document)).decode()


class _Runs:
    """Simulates worlds side by side, a process for each core, and shows how far it is."""

    def __init__(self, scenario: str) -> None:
        self._scenario = scenario
        self._pool: ProcessPoolExecutor | None = None
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
        self._progress = Progress(*columns, MofNCompleteColumn(), console=ERRORS, transient=True)
        self._task = self._progress.add_task("simulating", total=None)

    def __enter__(self) -> _Runs:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def tell(self, what: str) -> None:
        """What is being tried."""
        self._progress.update(self._task, description=what)

    def all(
        self, worlds: Iterable[World], until_s: float = LONGEST_SECONDS
    ) -> list[SimulationResult]:
        """The results in the order of the worlds."""
        wanted = list(worlds)
        self._progress.update(self._task, total=len(wanted), completed=0)
        if len(wanted) == 1:
            return [self._one(wanted[0], until_s)]
        if self._pool is None:
            self._pool = ProcessPoolExecutor(os.cpu_count())
        results = []
        run = partial(simulate_world, scenario=self._scenario, until_s=until_s)
        for result in self._pool.map(run, wanted):
            results.append(result)
            self._progress.advance(self._task)
        return results

    def _one(self, world: World, until_s: float) -> SimulationResult:
        """Simulates in this process; the progress is the share of visitors that are done."""

        def told(share: float) -> None:
            self._progress.update(self._task, total=100, completed=round(100 * share))

        return simulate_world(world, scenario=self._scenario, progress=told, until_s=until_s)
