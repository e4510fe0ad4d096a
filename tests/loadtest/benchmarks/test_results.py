"""What is kept of a run, what a later run is compared with, and what a command answers."""

import argparse
from pathlib import Path

import msgspec
import pytest

from bench.__main__ import NAMES
from bench.__main__ import main as run_all
from bench.kit import command
from bench.kit.changes import changes, missing
from bench.kit.clocks import Sample
from bench.kit.command import NOTHING_TO_COMPARE, OK, SLOWER, Bench, Recorder
from bench.kit.results import Aim, Result, kept_results, read_result
from bench.kit.turns import Comparison, Side


def bench(cost: float = 2.0, name: str = "half", bare: str = "bare") -> Bench:
    """Ours takes `cost` times what the bare one takes, with a little noise."""

    async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
        noise = iter([1.0, 1.01, 0.99, 1.0, 1.02] * 3)
        sides = [
            Side(bare, lambda: Sample(options.calls, 1, {"service": 1})),
            Side("ours", lambda: Sample(options.calls, 1, {"service": cost * next(noise)})),
        ]
        await recorder.compare(Comparison(name, bare, sides, aims=[Aim("ours", 0.45)]))
        recorder.fact("memory", 7, "KiB", "at most 8")
        recorder.table("forms", ("Form", "Bytes"), [("json", "12")])

    def add_options(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--calls", type=int, default=10)

    doc = "How fast is ours?\n\nMore of it."
    return Bench("sham", doc, measure, 5, add_options, quick={"calls": 1})


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(command, "KEPT", tmp_path / "kept")
    return tmp_path / "kept" / "sham.json"


def test_run_with_default_options_is_kept_whole(kept: Path) -> None:
    assert bench().main([]) == OK
    result = read_result(kept)
    assert (result.bench, result.question) == ("sham", "How fast is ours?")
    assert result.parameters == {"rounds": 5, "calls": 10}
    assert result.machine.cores >= 1
    assert result.versions["python"]
    (compared,) = result.comparisons
    assert compared.reached(compared.aims[0])
    assert compared.side("ours").done == 50
    assert result.facts[0].value == 7
    assert result.tables[0].rows == [["json", "12"]]
    assert msgspec.json.decode(msgspec.json.encode(result), type=Result) == result


@pytest.mark.parametrize("options", [["--quick"], ["--calls", "3"], ["--compare"]])
def test_other_runs_leave_what_is_kept_alone(kept: Path, options: list[str]) -> None:
    """Catches two rounds of a quick run in place of the figures that the document shows."""
    bench().main([])
    before = kept.read_bytes()
    bench(cost=3.0).main(options)
    assert kept.read_bytes() == before


def test_other_runs_are_kept_where_they_are_told_to(kept: Path, tmp_path: Path) -> None:
    assert bench().main(["--quick", "--results", str(tmp_path / "elsewhere")]) == OK
    result = read_result(tmp_path / "elsewhere" / "sham.json")
    assert result.parameters == {"rounds": 2, "calls": 1}
    assert not kept.exists()


def test_explicit_options_win_over_quick_ones(kept: Path, tmp_path: Path) -> None:
    bench().main(["--quick", "--rounds", "3", "--results", str(tmp_path)])
    assert read_result(tmp_path / "sham.json").parameters == {"rounds": 3, "calls": 1}


def test_later_run_that_is_slower_is_told_by_the_exit_status(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench().main([])
    assert bench().main(["--compare"]) == OK
    assert bench(cost=1.5).main(["--compare"]) == OK
    assert "faster" in capsys.readouterr().out
    assert bench(cost=3.0).main(["--compare"]) == SLOWER
    shown = capsys.readouterr().out
    assert "half: ours by cpu" in shown
    assert "slower" in shown
    assert "as before" in shown  # by rate it is


def test_nothing_to_compare_with_is_no_success(kept: Path) -> None:
    assert bench().main(["--compare"]) == NOTHING_TO_COMPARE
    bench().main([])
    assert bench(name="another").main(["--compare"]) == NOTHING_TO_COMPARE
    assert bench(bare="other bare").main(["--compare"]) == NOTHING_TO_COMPARE


def test_comparison_that_was_not_measured_is_named(kept: Path) -> None:
    bench().main([])
    result = read_result(kept)
    without = msgspec.structs.replace(result, comparisons=[])
    assert missing(result, without) == ["half"]
    assert missing(result, result) == []
    assert [change.direction for change in changes(result, result)] == [0, 0]


def test_every_kept_result_is_of_a_benchmark_that_there_is() -> None:
    assert {result.bench for result in kept_results()} <= {*NAMES}


def test_unknown_benchmark_is_refused_before_any_is_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_all(["holds", "hodls", "--", "--quick"]) == 2
    assert "no benchmark: hodls" in capsys.readouterr().err
