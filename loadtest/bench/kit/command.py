"""The command line of a benchmark: what it measures, printed as it comes, then kept or compared."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.kit.changes import HEAD, changes, missing
from bench.kit.clocks import PARTS
from bench.kit.results import (
    KEPT,
    Compared,
    Fact,
    Result,
    SideFigures,
    Table,
    machine,
    now,
    plain,
    read_result,
    versions,
)
from bench.kit.turns import Comparison, take_turns

OK, SLOWER, NOTHING_TO_COMPARE = 0, 1, 2
OF_THE_HARNESS: Final = ("quick", "results", "compare")
EPILOG: Final = """\
A run with default options is kept in loadtest/bench/results, which docs/performance.md is generated
from (`make fmt`). Others are kept where --results says. Exit status: 0; with --compare 1 when a
ratio fell below its kept interval, 2 when there is nothing to compare with.
"""


@dataclass
class Recorder:
    """Runs comparisons, prints what they find and keeps it."""

    rounds: int
    warm_up: int = 1
    comparisons: list[Compared] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    async def compare(self, comparison: Comparison) -> Compared:
        """Takes turns, as many rounds as were asked for."""
        compared = await take_turns(comparison, self.rounds, self.warm_up, _progress)
        self.comparisons.append(compared)
        print("\n".join(lines(compared)), flush=True)
        return compared

    def fact(self, name: str, value: float, unit: str, aim: str = "") -> None:
        """A figure by itself."""
        self.facts.append(Fact(name, value, unit, aim))
        print(f"{name}: {value:,.4g} {unit}" + (f"  (aim {aim})" if aim else ""), flush=True)

    def table(self, name: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Figures that are no comparison; each row was printed by whoever made it."""
        self.tables.append(Table(name, list(head), [list(row) for row in rows]))


Measure = Callable[[Recorder, argparse.Namespace], Awaitable[None] | None]


@dataclass(frozen=True)
class Bench:
    """A benchmark: a name, a question, options with their defaults, and how it is measured."""

    name: str
    doc: str
    """its first line is the question, the rest is for --help"""
    measure: Measure
    rounds: int = 9
    add_options: Callable[[argparse.ArgumentParser], object] = lambda _: None
    quick: Mapping[str, Any] = field(default_factory=dict)
    """options of a run that only shows that all works"""
    warm_up: int = 1
    """rounds before those that count"""

    @property
    def question(self) -> str:
        return self.doc.partition("\n")[0]

    def parser(self) -> argparse.ArgumentParser:
        made = argparse.ArgumentParser(
            description=self.doc,
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.add_argument("--rounds", type=int, default=self.rounds, help="turns of each side")
        self.add_options(made)
        made.add_argument("--quick", action="store_true", help="small and few: does all work?")
        made.add_argument("--results", type=Path, help="write the JSON into this directory")
        made.add_argument("--compare", action="store_true", help="with the kept results")
        return made

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Answers the exit status."""
        parser = self.parser()
        if "--quick" in (sys.argv[1:] if arguments is None else arguments):
            parser.set_defaults(**{"rounds": 2, **self.quick})
        options = parser.parse_args(arguments)
        result = self.run(options)
        for directory in self._kept_in(options):
            print(f"kept in {result.write(directory)}", flush=True)
        return _compare(result) if options.compare else OK

    def run(self, options: argparse.Namespace) -> Result:
        """Measures everything, and describes how."""
        load, started = os.getloadavg()[0], time.perf_counter()
        recorder = Recorder(options.rounds, self.warm_up)
        measured = self.measure(recorder, options)
        if inspect.iscoroutine(measured):
            uvloop.run(measured)
        return Result(
            bench=self.name,
            question=self.question,
            measured_at=now(),
            seconds=round(time.perf_counter() - started, 1),
            parameters=_parameters(options),
            machine=machine((load, os.getloadavg()[0])),
            versions=versions(),
            comparisons=recorder.comparisons,
            facts=recorder.facts,
            tables=recorder.tables,
        )

    def _kept_in(self, options: argparse.Namespace) -> Iterator[Path]:
        if options.results is not None:
            yield options.results
        elif (
            not options.compare
            and not options.quick
            and _parameters(options) == _parameters(self.parser().parse_args([]))
        ):
            yield KEPT


def _parameters(options: argparse.Namespace) -> dict[str, Any]:
    given = {name: value for name, value in vars(options).items() if name not in OF_THE_HARNESS}
    return plain({name: value for name, value in given.items() if value not in (None, False, "")})


def _compare(later: Result) -> int:
    path = KEPT / f"{later.bench}.json"
    if not path.exists():
        print(f"{path.name} is not kept: nothing to compare with")
        return NOTHING_TO_COMPARE
    kept = read_result(path)
    found = changes(kept, later)
    print("\n".join([HEAD, *map(str, found)]))
    for name in missing(kept, later):
        print(f"{name}: not measured this time")
    if kept.parameters != later.parameters:
        print(f"with other options: kept {kept.parameters}, now {later.parameters}")
    if not found:
        return NOTHING_TO_COMPARE
    return SLOWER if any(change.direction < 0 for change in found) else OK


def lines(compared: Compared) -> Iterator[str]:
    """A comparison as text: a line for each side, then one for each aim."""
    yield f"{compared.name}, beside {compared.yardstick}"
    for side in compared.sides:
        yield _line(compared, side)
    for aim in compared.aims:
        word = "reached" if compared.reached(aim) else "MISSED"
        yield f"  aim: {aim.side} by {aim.by} at least {aim.at_least:.2f}: {word}"


def _line(compared: Compared, side: SideFigures) -> str:
    parts = [part for part in PARTS if part in side.cpu_us]
    micros = ", ".join(f"{part} {side.cpu_us[part].median:,.0f}" for part in parts)
    ratios = [f"{by} {side.ratio(by)}" for by in ("rate", "cpu") if side.ratio(by) is not None]
    refused = f"  {side.refused:,} refused" if side.refused else ""
    rate = f"{side.rate.median:10,.0f} {compared.unit}/s"
    return f"  {side.name:24} {rate}  us: {micros}   {'  '.join(ratios)}{refused}"


def _progress(text: str) -> None:
    """Shows progress on a terminal, in one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
