"""`holdfast verify-draw` on saved values: what it accepts, what it refuses, and what it says."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from holdfast.cli.group import main

_FROZEN: Final = json.loads(
    (Path(__file__).parents[2] / "queue" / "draw" / "draw_vectors.json").read_text(encoding="utf-8")
)
VECTORS: Final = _FROZEN["draws"]
BOUND: Final = _FROZEN["second"]["draws"]
HELD, FAILED, USAGE, NOTHING, UNKNOWN = 0, 1, 2, 3, 4
START, CLOSED = "2026-05-01T10:00:00.000Z", "2026-05-01T10:00:00.180Z"
TIMES: Final = {
    "committed_at": "2026-04-01T08:30:00.250Z",
    "closed_at": CLOSED,
    "sealed_at": "2026-05-01T10:02:30.000Z",
}


def published(vector: dict[str, Any], **changes: object) -> dict[str, Any]:
    """The vector as `GET /draw` shows it."""
    names = ("commitment", "secret", "entrants", "accumulator", "beacon")
    source = "the lottery" if vector["beacon"] is not None else None
    shown = {"method": "random", "algorithm": "holdfast-draw-1", "beacon_source": source}
    return {**shown, **{name: vector[name] for name in names}, **changes}


def bound(vector: dict[str, Any], **changes: object) -> dict[str, Any]:
    """A vector of the second algorithm as `GET /draw` shows it."""
    names = ("commitment", "secret", "entrants", "accumulator", "beacon", "beacon_source", "starts")
    shown = {"method": "random", "algorithm": "holdfast-draw-2", **TIMES}
    return {**shown, **{name: vector[name] for name in names}, **changes}


def ticket_of(vector: dict[str, Any], place: int = 0) -> tuple[str, ...]:
    index, number = vector["numbers"][place]
    return ("--index", str(index), "--number", str(number))


def verify(document: object, *arguments: str) -> Result:
    text = document if isinstance(document, str) else json.dumps(document)
    return CliRunner().invoke(main, ["verify-draw", "-", *arguments], input=text)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["entrants"]))
def test_frozen_vectors_hold_and_each_step_is_shown(vector: dict[str, Any]) -> None:
    index, number = vector["numbers"][-1]
    told = ("--index", str(index), "--number", str(number), "--commitment", vector["commitment"])
    done = verify(published(vector), "--no-whole", *told)
    assert done.exit_code == HELD, done.output
    for value in (vector["commitment"], vector["key"], vector["accumulator"], f"{number:,}"):
        assert value in done.output
    if vector["fingerprint"]:
        assert vector["fingerprint"] in verify(published(vector)).output


def test_times_are_shown_as_the_service_writes_them() -> None:
    """In UTC, whatever zone they are given in."""
    moved = bound(BOUND[0], committed_at="2026-04-01T10:30:00.250+02:00")
    for document in (bound(BOUND[0]), moved):
        output = verify(document).output
        assert [time for time in TIMES.values() if time not in output] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "00" * 32},
        {"commitment": "00" * 32},
        {"commitment": None},
        {"beacon": None},
    ],
)
def test_changed_values_do_not_hold(changes: dict[str, object]) -> None:
    done = verify(published(VECTORS[1], **changes))
    assert done.exit_code == FAILED, done.output
    assert "does NOT hold" in done.output


@pytest.mark.parametrize("changes", [{"entrants": 299}, {"accumulator": "11" * 20}])
def test_changed_values_give_the_ticket_another_number(changes: dict[str, object]) -> None:
    index, number = VECTORS[1]["numbers"][0]
    told = ("--index", str(index), "--number", str(number))
    assert verify(published(VECTORS[1]), *told).exit_code == HELD
    assert verify(published(VECTORS[1], **changes), *told).exit_code == FAILED


@pytest.mark.parametrize(
    "told",
    [
        ("--commitment", "00" * 32),
        ("--beacon", "00fe"),
        ("--index", "300"),
        ("--index", "0", "--number", "1"),
    ],
)
def test_what_the_visitor_knows_otherwise_does_not_hold(told: tuple[str, ...]) -> None:
    assert VECTORS[1]["numbers"][0] != [0, 1]
    assert verify(published(VECTORS[1]), *told).exit_code == FAILED


def test_before_the_open_there_is_a_commitment_to_note() -> None:
    hidden = {"secret": None, "accumulator": None, "entrants": None}
    done = verify(published(VECTORS[0], **hidden))
    assert done.exit_code == NOTHING
    assert VECTORS[0]["commitment"] in done.output


@pytest.mark.parametrize("changes", [{"method": "fifo"}, {"algorithm": "holdfast-draw-3"}])
def test_other_orders_cannot_be_judged(changes: dict[str, object]) -> None:
    assert verify(published(VECTORS[0], **changes)).exit_code == NOTHING


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("no json", ()),
        ({"method": 5}, ()),
        (published(VECTORS[0], secret="zz"), ()),
        (published(VECTORS[0], secret="00"), ()),
        (published(VECTORS[0], accumulator="zz"), ()),
        (published(VECTORS[0], entrants=-1), ()),
        (published(VECTORS[0]), ("--number", "3")),
    ],
)
def test_wrong_usage_is_told_without_a_traceback(document: object, told: tuple[str, ...]) -> None:
    done = verify(document, *told)
    assert done.exit_code == USAGE, done.output
    assert "Error:" in done.output


def test_source_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    for source in (str(tmp_path / "missing.json"), "http://127.0.0.1:9/v1/sales/none"):
        done = CliRunner().invoke(main, ["verify-draw", source])
        assert done.exit_code == USAGE, done.output
        assert source in done.output.replace("\n", "")


@pytest.mark.parametrize("vector", BOUND, ids=lambda vector: str(vector["entrants"]))
def test_bound_vectors_hold_and_each_step_is_shown(vector: dict[str, Any]) -> None:
    told = (*ticket_of(vector, -1), "--commitment", vector["commitment"])
    done = verify(bound(vector), "--no-whole", *told)
    assert done.exit_code == HELD, done.output
    for value in (vector["commitment"], vector["key"], vector["accumulator"], "The draw holds."):
        assert value in done.output


@pytest.mark.parametrize("document", [published(VECTORS[1]), bound(BOUND[1])])
def test_order_that_was_compared_with_nothing_is_not_said_to_hold(document: object) -> None:
    done = verify(document)
    assert done.exit_code == UNKNOWN, done.output
    assert "The draw holds." not in done.output
    assert "NOT CHECKED" in done.output


MUTATIONS: Final[list[dict[str, object]]] = [
    {"method": "fifo"},
    {"algorithm": "holdfast-draw-1"},
    {"algorithm": "holdfast-draw-3"},
    {"algorithm": None},
    {"commitment": "00" * 32},
    {"commitment": None},
    {"secret": "00" * 32},
    {"secret": None},
    {"entrants": 299},
    {"entrants": 301},
    {"entrants": None},
    {"accumulator": "11" * 20},
    {"accumulator": None},
    {"beacon": "00fe"},
    {"beacon": None},
    {"beacon_source": "the hash of the second block after 10:00 UTC, in hex"},
    {"beacon_source": None},
    {"starts": []},
    {"starts": [{"start": "2026-05-01T10:00:00.001Z", "announced_at": TIMES["committed_at"]}]},
    {"starts": [{"start": None, "announced_at": TIMES["committed_at"]}]},
    {"starts": [{"start": START, "announced_at": "2026-04-01T08:30:00.251Z"}]},
    {"committed_at": "2026-04-01T08:30:00.251Z"},
    {"committed_at": None},
    {"closed_at": "2026-03-01T10:00:00.000Z"},
    {"closed_at": "2026-05-01T10:02:30.001Z"},
    {"sealed_at": "2026-05-01T10:00:00.179Z"},
]


@pytest.mark.parametrize("changes", MUTATIONS, ids=str)
def test_changed_record_does_not_hold(changes: dict[str, object]) -> None:
    """Each field of the record, against a ticket and a note of the commitment."""
    told = (*ticket_of(BOUND[1]), "--commitment", BOUND[1]["commitment"])
    assert verify(bound(BOUND[1]), *told).exit_code == HELD
    assert verify(bound(BOUND[1], **changes), *told).exit_code in {FAILED, NOTHING}


def test_every_field_of_the_record_is_changed_by_some_test() -> None:
    assert {name for change in MUTATIONS for name in change} == set(bound(BOUND[1]))


@pytest.mark.parametrize("changes", MUTATIONS, ids=str)
def test_changed_record_is_never_said_to_hold_without_notes(changes: dict[str, object]) -> None:
    """What cannot be found out is named as unchecked."""
    done = verify(bound(BOUND[1], **changes))
    assert done.exit_code in {FAILED, NOTHING, UNKNOWN}
    if done.exit_code == UNKNOWN:
        (name,) = changes
        assert name in done.output.partition("NOT CHECKED")[2]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"closed_at": "2026-05-01T10:00:09.000Z"}, "closed_at"),
        ({"closed_at": None}, "closed_at"),
        ({"sealed_at": "2026-05-02T10:02:30.000Z"}, "sealed_at"),
        ({"sealed_at": None}, "sealed_at"),
    ],
)
def test_time_that_nothing_contradicts_is_named_as_unchecked(
    changes: dict[str, object], name: str
) -> None:
    done = verify(bound(BOUND[1], **changes), *ticket_of(BOUND[1]))
    assert done.exit_code == HELD
    assert name in done.output.partition("NOT CHECKED")[2]


def test_fingerprint_of_somebody_else_stands_in_for_a_ticket() -> None:
    document, found = bound(BOUND[1]), BOUND[1]["fingerprint"]
    assert verify(document, "--fingerprint", found.upper()).exit_code == HELD
    assert verify(document, "--fingerprint", found, "--no-whole").exit_code == USAGE
    assert verify(document, "--fingerprint", "00" * 16).exit_code == FAILED


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (("--closed", "2026-05-01T10:00:30Z"), HELD),
        (("--closed", "2026-05-01T10:05:00Z"), FAILED),
        (("--start", START), HELD),
        (("--start", "2026-05-01T12:00:00+02:00"), HELD),
        (("--start", "2026-05-01T11:00:00Z"), FAILED),
        (("--beacon", "00ff", "--beacon-at", "2026-05-01T10:01:00Z"), HELD),
        (("--beacon-at", CLOSED), FAILED),
        (("--start", "noon"), USAGE),
        (("--start", "2026-05-01T10:00:00"), USAGE),
    ],
)
def test_times_are_held_against_what_the_visitor_saw(told: tuple[str, ...], code: int) -> None:
    """Catches a lobby that was kept open until the beacon was known, or closed at leisure."""
    assert verify(bound(BOUND[1]), *ticket_of(BOUND[1]), *told).exit_code == code


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"closed_at": "2026-05-01T09:00:00.000Z"}, "1:00:00 before the announced start"),
        ({"closed_at": "2026-05-01T10:01:00.000Z"}, "0:01:00 after the announced start"),
        (
            {
                "starts": [
                    *BOUND[1]["starts"],
                    {"start": CLOSED, "announced_at": "2026-05-01T09:59:00.000Z"},
                ]
            },
            "the start was moved after the commitment",
        ),
    ],
)
def test_moment_that_an_operator_may_have_chosen_is_for_a_person_to_judge(
    changes: dict[str, object], words: str
) -> None:
    done = verify(bound(BOUND[1], **changes), *ticket_of(BOUND[1]))
    assert done.exit_code == HELD, done.output
    assert words in done.output.partition("TO JUDGE")[2]
    assert "TO JUDGE" not in verify(bound(BOUND[1]), *ticket_of(BOUND[1])).output


def test_beacon_out_of_its_alphabet_does_not_hold() -> None:
    assert verify(bound(BOUND[1], beacon="00ff "), *ticket_of(BOUND[1])).exit_code == FAILED


def test_first_algorithm_says_what_its_commitment_leaves_open() -> None:
    done = verify(published(VECTORS[0]), *ticket_of(VECTORS[0]))
    assert done.exit_code == HELD
    assert "beacon_source, starts" in done.output.partition("NOT CHECKED")[2]


def test_help_tells_every_exit_status() -> None:
    page = CliRunner().invoke(main, ["verify-draw", "--help"]).output
    for status in range(5):
        assert f"\n    {status} " in page
