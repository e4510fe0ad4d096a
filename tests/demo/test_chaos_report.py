"""The checks of a run of faults: each failure of it is told, and none passes for a success."""

from collections import Counter
from dataclasses import replace

import pytest

from holdfast_demo.chaos.recovery import Recovery
from holdfast_demo.chaos.report import checks, limits, losses, table
from holdfast_demo.chaos.run import FAULTS, Outcome
from holdfast_loadtest.audit.findings import Check
from holdfast_loadtest.crowd.tally import Tally

GOOD = Outcome(
    FAULTS[1],
    at=12.0,
    effect="18 keys wiped, sale rebuilt",
    trouble="",
    recovery=Recovery(1.5, 3, "hold: 503 store_behind"),
    let_in=7.25,
    seen=Counter({"200": 40, "503": 3, "no answer": 1}),
    orders=2,
)


def broken(outcomes: list[Outcome], faults: int = 0) -> list[str]:
    found: list[Check] = checks(outcomes, 10.0, faults)
    return [finding for check in found for finding in check.findings]


def test_good_run_holds_every_promise() -> None:
    assert broken([GOOD, GOOD]) == []


@pytest.mark.parametrize(
    ("outcome", "finding"),
    [
        (replace(GOOD, effect=None, trouble="it missed"), "wipe: it missed"),
        (replace(GOOD, recovery=Recovery(10.1)), "wipe: after 10.1 s"),
        (
            replace(GOOD, recovery=Recovery(None, 2, "join: no answer")),
            "wipe: not at all; ",
        ),
    ],
)
def test_each_failure_is_a_finding(outcome: Outcome, finding: str) -> None:
    (found,) = broken([GOOD, outcome])
    assert found.startswith(finding)


def test_run_without_faults_is_a_failure() -> None:
    assert broken([]) == ["no fault was injected"]


def test_answer_of_500_is_a_finding() -> None:
    assert broken([GOOD], faults=2) == ["2 answers of 500"]


def test_table_names_fault_moment_recovery_and_what_was_seen() -> None:
    _, _, row, effect = table([GOOD])
    assert row.split() == [*("wipe", "12", "s", "1.5", "s", "7.2", "s", "2"),
                           *("3", "x", "503,", "1", "x", "no", "answer")]  # fmt: skip
    assert effect.strip() == (
        "18 keys wiped, sale rebuilt; the probe was refused 3 times, last: hold: 503 store_behind"
    )


def test_losses_are_named() -> None:
    tally = Tally(10)
    assert losses(tally)[1].strip() == "nothing"
    tally.count("hold lost")
    assert "1  unpaid holds" in losses(tally)[1]


def test_part_of_the_stream_that_a_lost_store_took_is_named() -> None:
    first = replace(GOOD, fault=FAULTS[0], at=3.0)
    assert "came after 'wipe'" in " ".join(limits([first, GOOD]))
    assert limits([replace(GOOD, effect=None)]) == []
    assert limits([replace(GOOD, fault=FAULTS[2])]) == []
