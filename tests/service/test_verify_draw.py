"""`holdfast verify-draw` on saved values: what it accepts, what it refuses, and what it says."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from holdfast.cli.group import main

VECTORS: Final = json.loads(
    (Path(__file__).parents[1] / "line" / "draw_vectors.json").read_text(encoding="utf-8")
)["draws"]
HELD, FAILED, USAGE, NOTHING = 0, 1, 2, 3


def published(vector: dict[str, Any], **changes: object) -> dict[str, Any]:
    """The vector as `GET /draw` shows it."""
    names = ("commitment", "secret", "entrants", "accumulator", "beacon")
    source = "the lottery" if vector["beacon"] is not None else None
    shown = {"method": "random", "algorithm": "holdfast-draw-1", "beacon_source": source}
    return {**shown, **{name: vector[name] for name in names}, **changes}


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


@pytest.mark.parametrize("changes", [{"method": "fifo"}, {"algorithm": "holdfast-draw-2"}])
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
