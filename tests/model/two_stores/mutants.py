"""The code, each time with one rule of two masters taken out."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Final
from unittest.mock import patch

from model.two_stores import directed
from model.two_stores.scenario import Scenario
from model.two_stores.sentinels import MasterNode
from sqlalchemy import update
from support.store.script_edits import Edits

from holdfast.sales.store.install import Installer
from holdfast_ledger import SaleRecord
from holdfast_ledger.database.schema import sales
from holdfast_ledger.sales import Sales
from holdfast_lua import SaleRef
from holdfast_lua.calls.inventory import InventoryCalls


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


async def _never_promoted(calls: InventoryCalls, ref: SaleRef) -> bool:
    return False


MUTANTS: Final = {
    "epoch ended unasked": Mutant(
        "a node on the master that was replaced ends the epoch that the promoted one carries",
        "ended",
        directed.former_is_lost_after_the_failover,
        patched=lambda: patch.object(Installer, "rebuild", _rebuilt_unasked),
    ),
    "epoch bound to whoever asks last": Mutant(
        "two stores carry one epoch, and give out the same numbers",
        "twice",
        directed.two_install_the_first_epoch,
        patched=lambda: patch.object(Sales, "bind_store", _bound_to_the_last),
    ),
    "sale hash whatever the nonce": Mutant(
        "a store sells without the stock, which was written to another one",
        "stock",
        directed.installer_moves_before_the_sale_hash,
        edits={"install_sale.lua": (r"or nonce ~= ARGV.nonce\) then", "and false) then")},
    ),
    "master never left": Mutant(
        "a node stays for ever on the master that was replaced",
        "stays",
        directed.former_finds_the_ledger_ahead,
        patched=lambda: patch.object(MasterNode, "drop", lambda node, reason: None),
    ),
    "hold unknown without a question": Mutant(
        "a buyer whose hold the promoted store has is told that there never was one",
        "unknown",
        directed.fresh_hold_is_asked_for_at_the_former,
        patched=lambda: patch.object(InventoryCalls, "was_promoted", _never_promoted),
    ),
}
