"""What the tree keeps of the runs that the simulator was held against."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import pytest

from holdfast_loadtest.rehearse.comparison import SOLD_OUT_TOLERANCE, WAITS_TOLERANCE
from holdfast_loadtest.rehearse.validation import ValidatedWorld, Validation, world_files

KEPT: Final = Path(__file__).resolve().parents[3] / "loadtest" / "validation.json"
LEAST: Final = 5
"""worlds that sell out as predicted"""
TOLERANCES: Final = {
    "sold out after": SOLD_OUT_TOLERANCE,
    "wait, half of all": WAITS_TOLERANCE,
    "wait, nine in ten": WAITS_TOLERANCE,
}
"""without what is put down to chance"""


@pytest.fixture(scope="module")
def kept() -> Validation:
    return msgspec.json.decode(KEPT.read_bytes(), type=Validation)


def sells_out_as_predicted(world: ValidatedWorld) -> bool:
    """Whether all units were sold, in time, and the waits were those that were told."""
    deviations = {figure.name: figure.deviation for figure in world.figures}
    found = [(deviations[name], most) for name, most in TOLERANCES.items()]
    return all(one is not None and abs(one) <= most for one, most in found)


def test_every_world_was_measured(kept: Validation) -> None:
    assert [world.name for world in kept.worlds] == list(world_files())


def test_five_worlds_sell_out_as_predicted(kept: Validation) -> None:
    as_predicted = [
        world.name for world in kept.worlds if sells_out_as_predicted(world) and not world.disturbed
    ]
    assert len(as_predicted) >= LEAST, as_predicted
