"""Results as the document shows them; every benchmark, small, from its command to its section."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench.__main__ import FILES, NAMES
from bench.kit.clocks import Sample
from bench.kit.documents import aims, curves, section
from bench.kit.results import Aim, Fact, Result, Table, machine, read_result
from bench.kit.turns import Comparison, Side, compared


def result(*, sizes: tuple[float | None, float | None] = (None, None)) -> Result:
    """Ours takes twice what the bare one takes."""
    sides = [
        Side("1 waiting", lambda: of(1), sizes[0]),
        Side("10 waiting", lambda: of(2), sizes[1]),
    ]
    comparison = Comparison("a | join", sides[0].name, sides, aims=[Aim(sides[1].name, 0.6)])
    samples = {side.name: [of(cost)] * 3 for side, cost in zip(sides, (1, 2), strict=True)}
    return Result(
        bench="sham",
        question="?",
        measured_at="2026-01-02T03:04:05Z",
        seconds=61.7,
        parameters={"rounds": 3, "seats": [1, 2], "roles": True},
        machine=machine((0.5, 1.25)),
        versions={"python": "3.11", "redis": "8.1"},
        comparisons=[compared(comparison, samples)],
        facts=[Fact("memory", 1234.5, "KiB", "at most 2000")],
        tables=[Table("forms", ["Form", "Bytes"], [["json", "12"]])],
    )


def of(cost: float) -> Sample:
    return Sample(10, 1.0, {"client": 0.001, "service": cost / 1000})


def test_section_says_when_where_and_how_it_was_measured() -> None:
    shown = section(result())
    assert shown.startswith("Measured 2026-01-02 in 62 s on ")
    assert "load 0.5 at the start and 1.2 at the end" in shown
    assert "`sham.py --rounds 3 --seats 1 2 --roles`" in shown


def test_section_has_a_row_for_each_side_fact_and_row() -> None:
    lines = section(result()).splitlines()
    assert "| a \\| join | 1 waiting | 10 requests | client 100, service 100 | 1 | 1 |  |" in lines
    ours = "client 100, service 200 | 0.50 (0.50-0.50) | 1.00 (1.00-1.00) | 0.60: missed |"
    assert f"|  | 10 waiting | 10 requests | {ours}" in lines
    assert "| memory | 1,234 KiB | at most 2000 |" in lines
    assert "| json | 12 |" in lines


def test_aims_are_shown_with_their_ratio() -> None:
    origin, _, _, _, row = aims([result()]).splitlines()
    assert origin.endswith("; Python 3.11, redis 8.1.")
    assert row.endswith("by processor time | 0.50 (0.50-0.50) | 0.60 | missed |")


def test_sizes_make_a_curve_of_what_an_operation_costs() -> None:
    assert curves(result()) is None
    drawn = curves(result(sizes=(1, 10)))
    assert drawn is not None
    root = ET.fromstring(drawn)  # noqa: S314 - our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "a | join" in "".join(root.itertext())
    assert "bench-sham.svg" in section(result(sizes=(1, 10)))


@pytest.mark.torture
@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_runs_from_its_command_to_its_section(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(FILES[name]), "--quick", "--results", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert section(read_result(tmp_path / f"{name}.json"))
