"""`holdfast demo --chaos`, short: a real service, real faults, the real audit."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.service.forked_command import run

from holdfast_demo.chaos.options import FAULT_NAMES
from holdfast_demo.chaos.run import FAULTS
from holdfast_demo.command import demo as command

RUN_SECONDS = 240
SMALL = ("--visitors", "120", "--rate", "240", "--hold-seconds", "6", "--headless")
SMALLEST = ("--visitors", "60", "--rate", "480", "--hold-seconds", "3", "--headless")
PORTS = ("--port", "0", "--shop-port", "0")
# How fast a laden machine recovers is not what is tested here.
PATIENT = ("--recovery-seconds", "60")


@dataclass(frozen=True)
class Ran:
    """How a demo has ended, and all that it said."""

    returncode: int
    output: str


def demo(*options: str) -> Ran:
    done = run("demo", *options, environ=os.environ, timeout=RUN_SECONDS)
    return Ran(done.returncode, done.stdout + done.stderr)


def faults_in(text: str) -> set[str]:
    """The faults of the table, each with a time at which people bought again."""
    found = re.findall(r"^  (\S.*?) +\d+ s +\d+\.\d s ", text, re.MULTILINE)
    return set(found) & set(FAULT_NAMES)


@pytest.mark.parametrize(
    ("faults", "size", "cost"),
    [
        (("wipe", "disk"), SMALLEST, "requests told to come back"),
        pytest.param(
            ("wipe", "workers", "store files", "disk"),
            SMALL,
            "unpaid holds that were gone with the store",
            marks=pytest.mark.torture,
        ),
    ],
    ids=["some", "many"],
)
def test_sale_outlives_faults_and_the_audit_says_so(
    faults: tuple[str, ...], size: tuple[str, ...], cost: str
) -> None:
    options = [word for name in faults for word in ("--fault", name)]
    ran = demo("--chaos", *options, *size, *PORTS, *PATIENT, "--workers", "2")
    assert ran.returncode == 0, ran.output
    assert faults_in(ran.output) == set(faults), ran.output
    assert f"ok      every fault took effect  ({len(faults)} faults)" in ran.output
    assert "ok      whoever paid has their units or `refund_required`" in ran.output
    assert cost in ran.output
    # The disk was one that can be filled, or else the quota was said
    assert re.search(r"MiB of ballast|a quota of no bytes", ran.output)


@pytest.mark.torture
def test_given_directory_is_kept_and_its_disk_is_not_filled(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    options = ("--fault", "disk", "--fault", "ledger", "--data-dir", str(kept))
    ran = demo("--chaos", *options, *SMALL, *PORTS, *PATIENT)
    assert ran.returncode == 0, ran.output
    assert faults_in(ran.output) == {"disk", "ledger"}, ran.output
    assert "a quota of no bytes" in ran.output
    assert {"crowd.jsonl", "ledger.sqlite3", "service.log"} <= {
        path.name for path in kept.iterdir()
    }


@pytest.mark.parametrize(
    "size", [SMALLEST, pytest.param(SMALL, marks=pytest.mark.torture)], ids=["smallest", "small"]
)
def test_fault_that_is_not_recovered_from_in_time_is_a_failure(size: tuple[str, ...]) -> None:
    """Given a bound that nobody keeps, the demo says which fault broke it, and fails."""
    options = ("--fault", "workers", "--recovery-seconds", "0.1")
    ran = demo("--chaos", *options, *size, *PORTS)
    assert ran.returncode == 1, ran.output
    assert "BROKEN  people buy again within 0.1 s of each fault" in ran.output


@pytest.mark.parametrize(
    "option", [("--fault", "wipe"), ("--chaos-seed", "2"), ("--recovery-seconds", "3")]
)
def test_what_goes_with_faults_is_refused_without_them(option: tuple[str, str]) -> None:
    ran = CliRunner().invoke(command, [*option, *PORTS])
    assert ran.exit_code == 2
    assert "go with --chaos" in ran.output


def test_names_on_the_command_line_are_those_of_the_faults() -> None:
    assert tuple(fault.name for fault in FAULTS) == FAULT_NAMES
