"""Two stores in the model: the real code keeps the rules of two masters, and mutants break them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest.mock import patch

import pytest
from model.harness import Backend
from model.two_stores import scenarios
from model.two_stores.scenarios import (
    DIRECTED,
    Scenario,
    drawn,
    open_two_stores,
    two_stores_and_ledger,
)
from model.two_stores.sentinels import MasterNode
from script_edits import Edits
from sqlalchemy import update

from holdfast.sales.install import Installer
from holdfast_inventory.ledger import SaleRecord
from holdfast_inventory.ledger.sales import Sales
from holdfast_inventory.ledger.schema import sales
from holdfast_lua import SaleRef
from holdfast_lua.stock_calls import StockCalls

SEEDS: Final = range(80)
Backends = tuple[Backend, str]


@dataclass(frozen=True)
class Mutant:
    """The code with one rule of two masters taken out."""

    harm: str
    kind: str
    """of the violation"""
    scenario: Scenario
    """in which it does so"""
    edits: Edits = field(default_factory=dict)
    patched: Callable[[], AbstractContextManager[object]] = nullcontext


async def _rebuilt_unasked(installer: Installer, record: SaleRecord) -> SaleRecord:
    await installer.ledger.sales.bump_epoch(record.uid, seen_epoch=record.epoch)
    record = await installer.ledger.sales.read_uid(record.uid)
    await installer.install(record)
    return record


async def _bound_to_the_last(registry: Sales, uid: str, *, epoch: int, nonce: str) -> None:
    async with registry._database.writing() as connection:
        row = (sales.c.uid == uid, sales.c.epoch == epoch)
        await connection.execute(update(sales).where(*row).values(store_nonce=nonce))


async def _never_promoted(calls: StockCalls, ref: SaleRef) -> bool:
    return False


MUTANTS: Final = {
    "epoch ended unasked": Mutant(
        "a node on the master that was replaced ends the epoch that the promoted one carries",
        "ended",
        scenarios.former_is_lost_after_the_failover,
        patched=lambda: patch.object(Installer, "rebuild", _rebuilt_unasked),
    ),
    "epoch bound to whoever asks last": Mutant(
        "two stores carry one epoch, and give out the same numbers",
        "twice",
        scenarios.two_install_the_first_epoch,
        patched=lambda: patch.object(Sales, "bind_store", _bound_to_the_last),
    ),
    "sale hash whatever the nonce": Mutant(
        "a store sells without the stock, which was written to another one",
        "stock",
        scenarios.installer_moves_before_the_sale_hash,
        edits={"install_sale.lua": (r"or nonce ~= ARGV\[12\]\) then", "and false) then")},
    ),
    "master never left": Mutant(
        "a node stays for ever on the master that was replaced",
        "stays",
        scenarios.former_finds_the_ledger_ahead,
        patched=lambda: patch.object(MasterNode, "drop", lambda node, reason: None),
    ),
    "hold unknown without a question": Mutant(
        "a buyer whose hold the promoted store has is told that there never was one",
        "unknown",
        scenarios.fresh_hold_is_asked_for_at_the_former,
        patched=lambda: patch.object(StockCalls, "was_promoted", _never_promoted),
    ),
}


@pytest.fixture(scope="module")
def backends() -> Iterator[Backends]:
    with two_stores_and_ledger() as built:
        yield built


async def test_real_code_keeps_the_rules_of_two_stores(backends: Backends) -> None:
    async with open_two_stores(backends) as harness:
        found = await harness.search(SEEDS)
    assert found is None, f"seed {found[0]}: {found[1]}"


@pytest.mark.parametrize("seed", [1, 2])
async def test_seed_gives_one_scenario(backends: Backends, seed: int) -> None:
    async with open_two_stores(backends) as harness:
        first, again = [await harness.run(drawn(seed)) for _ in range(2)]
    assert first.trace == again.trace


@pytest.mark.parametrize("name", DIRECTED)
async def test_real_code_outlives_the_directed_failovers(backends: Backends, name: str) -> None:
    async with open_two_stores(backends) as harness:
        assert await harness.failure_of(DIRECTED[name]) is None


@pytest.mark.parametrize("name", MUTANTS)
async def test_mutant_of_two_stores_is_caught(
    backends: Backends, tmp_path: Path, name: str
) -> None:
    mutant = MUTANTS[name]
    with mutant.patched():
        async with open_two_stores(backends, mutant.edits, tmp_path) as harness:
            failure = await harness.failure_of(mutant.scenario)
    assert failure is not None, f"it outlived its scenario: {mutant.harm}"
    assert failure.kind == mutant.kind, failure
