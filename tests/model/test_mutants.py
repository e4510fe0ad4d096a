"""The model can fail: whoever takes one of the promises out of the code is found out.

The mutants are in the folder mutants; the last one takes
something out of the schema, in a copy of the ledger.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
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
from sqlalchemy import text

from holdfast_ledger import Ledger

SEEDS: Final = range(150)
Violates = Callable[[Mutant], Awaitable[Failure | None]]


@pytest.fixture
def violation(backend: Backend, tmp_path: Path) -> Violates:
    """What a mutant does wrong: in its schedule, or in the first ones that chance draws."""

    async def of(mutant: Mutant) -> Failure | None:
        with mutant.patched():
            async with open_harness(backend, edits=mutant.edits, scratch=tmp_path) as harness:
                if mutant.schedule is not None:
                    return (await harness.run(mutant.schedule)).failure
                found = await harness.search(SEEDS)
                return None if found is None else found[1]

    return of


async def _require_caught(violation: Violates, mutant: Mutant) -> None:
    failure = await violation(mutant)
    assert failure is not None, f"it outlived its schedules: {mutant.harm}"
    assert failure.kind in mutant.kinds, failure


@pytest.mark.parametrize("name", DIRECTED)
async def test_real_code_outlives_the_directed_schedules(backend: Backend, name: str) -> None:
    async with open_harness(backend) as harness:
        assert (await harness.run(DIRECTED[name])).failure is None


@pytest.mark.parametrize("name", PROMISES)
async def test_mutant_of_a_script_is_caught(violation: Violates, name: str) -> None:
    await _require_caught(violation, PROMISES[name])


@pytest.mark.parametrize("name", BOUNDS)
async def test_mutant_without_a_bound_is_caught(violation: Violates, name: str) -> None:
    await _require_caught(violation, BOUNDS[name])


@pytest.mark.parametrize("name", PROTOCOL)
async def test_mutant_of_the_protocol_is_caught(violation: Violates, name: str) -> None:
    await _require_caught(violation, PROTOCOL[name])


@pytest.mark.parametrize("name", ALLOTMENTS)
async def test_mutant_of_an_allotment_is_caught(violation: Violates, name: str) -> None:
    await _require_caught(violation, ALLOTMENTS[name])


async def test_mutant_no_unique_key_is_caught(backend: Backend, tmp_path: Path) -> None:
    """A store that went back unnoticed gives one seat to two, whose confirms meet in one batch.

    Only then does the key itself decide: an intent that is done singly looks before it sells.
    """
    file = tmp_path / "ledger.db"
    shutil.copy(backend.ledger_file, file)
    async with open_harness(Backend(backend.store_url, file)) as harness:
        assert (await harness.run(ONE_SEAT_FOR_TWO)).failure is None
        await _drop_the_key(harness.ledger)
        failure = (await harness.run(ONE_SEAT_FOR_TWO)).failure
    assert failure is not None
    assert failure.kind in ("ledger", "double")


async def _drop_the_key(ledger: Ledger) -> None:
    async with ledger.database.writing() as connection:
        await connection.execute(text("DROP TABLE sold"))
        await connection.execute(text("CREATE TABLE sold (sale_uid, seat INTEGER, order_id)"))
