"""The model finds mutants: code from which one of the promises was taken out fails against it.

The mutants are in the folder mutants; the last one takes something out of the schema.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from model.directed import DIRECTED, ONE_SEAT_FOR_TWO
from model.harness import Backend, open_harness
from model.mutants.allotments import ALLOTMENTS
from model.mutants.mutant import Mutant
from model.mutants.protocol import PROTOCOL
from model.mutants.scripts import BOUNDS, PROMISES
from model.schedule import Failure

SEEDS: Final = range(150)
MUTANTS: Final = PROMISES | BOUNDS | PROTOCOL | ALLOTMENTS
Violates = Callable[[Mutant], Failure | None]


@pytest.fixture
def violation(backend: Backend, tmp_path: Path) -> Violates:
    """What a mutant does wrong: in its schedule, or in the first ones that chance draws."""

    def of(mutant: Mutant) -> Failure | None:
        with (
            mutant.patched(),
            open_harness(backend, edits=mutant.edits, scratch=tmp_path) as harness,
        ):
            if mutant.schedule is not None:
                return harness.run(mutant.schedule).failure
            found = harness.search(SEEDS)
            return None if found is None else found[1]

    return of


@pytest.mark.parametrize("name", DIRECTED)
def test_real_code_outlives_the_directed_schedules(backend: Backend, name: str) -> None:
    with open_harness(backend) as harness:
        assert harness.run(DIRECTED[name]).failure is None


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(violation: Violates, name: str) -> None:
    failure = violation(MUTANTS[name])
    assert failure is not None, f"it outlived its schedules: {MUTANTS[name].harm}"
    assert failure.kind in MUTANTS[name].kinds, failure


def test_mutant_no_unique_key_is_caught(backend: Backend) -> None:
    """A store that went back unnoticed gives one seat to two, whose confirms meet in one batch.

    Only then does the key itself decide: an intent that is done singly looks before it sells.
    """
    with open_harness(backend) as harness:
        assert harness.run(ONE_SEAT_FOR_TWO).failure is None
        harness.ledger.raw.execute("DROP TABLE sold")
        harness.ledger.raw.execute("CREATE TABLE sold (sale_uid, seat INTEGER, order_id)")
        failure = harness.run(ONE_SEAT_FOR_TWO).failure
    assert failure is not None
    assert failure.kind in ("ledger", "double")
