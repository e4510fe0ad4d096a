"""A process that dies at a chosen step of a confirm, a payment, a refund or a recovery.

It is a real process with a store connection and a ledger of its own, and it dies by `os._exit`: no
finally, no rollback, no goodbye. The step is named after what it stands before or behind: a script
of the store (`begin_confirm`) or an intent of the ledger (`Sell`).
"""

import asyncio
import multiprocessing
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import uvloop
from support.ledger.small_sale import SETTINGS, TEST_LUA, Shop, make_inventory

from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.paying import begin_paying, void_released_order
from holdfast_inventory.orders.recovery import Recovery
from holdfast_inventory.orders.refund import RefundRequest, RefundService
from holdfast_inventory.settings import LatePayment
from holdfast_ledger import Ledger, Outcome
from holdfast_ledger.transactions.intents import Intent
from holdfast_lua import Executor, SaleRef, load_bundle
from holdfast_lua.calls.guard import SaleRef as Ref
from holdfast_lua.calls.hold_terms import HoldAnswer
from holdfast_lua.calls.inventory import InventoryCalls, KeyBuilder
from holdfast_lua.client.wire import Argument

KILLED = 9

# Forked from a server that has imported everything and opened nothing: quick, and no less real.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(
    ["holdfast_inventory.http.orders", "holdfast_inventory.orders.recovery", "alembic.command"]
)


@dataclass(frozen=True)
class Life:
    """What the process is to do, and when it ends."""

    store_url: str
    ledger_url: str
    sale: str
    uid: str
    hold_id: str
    deed: str
    """confirm, pay, withdraw, refund or recover"""
    dies: str
    """`before Sell`, `after finish_confirm`, ..."""
    late_payment: LatePayment = LatePayment.REACQUIRE_SAME


class DyingCalls(InventoryCalls):
    """The store, with death at one script."""

    def __init__(self, executor: Executor, dies: str) -> None:
        super().__init__(executor)
        self._dies = dies

    async def _hold(
        self,
        ref: Ref,
        name: str,
        hold_id: str,
        names: tuple[KeyBuilder, ...],
        args: Sequence[Argument],
    ) -> HoldAnswer:
        die_at(self._dies, f"before {name}")
        answer = await super()._hold(ref, name, hold_id, names, args)
        die_at(self._dies, f"after {name}")
        return answer


class DyingLedger(Ledger):
    """The ledger, with death at one intent."""

    dies = ""

    def commit(self, intent: Intent) -> Awaitable[Outcome]:
        return self._mortal(intent, super().commit)

    async def _mortal(
        self, intent: Intent, commit: Callable[[Intent], Awaitable[Outcome]]
    ) -> Outcome:
        die_at(self.dies, f"before {type(intent).__name__}")
        outcome = await commit(intent)
        die_at(self.dies, f"after {type(intent).__name__}")
        return outcome


def die_at(dies: str, here: str) -> None:
    if dies == here:
        os._exit(KILLED)


def live(life: Life) -> None:
    """The whole life of the process."""
    uvloop.run(_live(life))


async def _live(life: Life) -> None:
    bundle = load_bundle(extra=TEST_LUA / "scripts", overlay={"clock": TEST_LUA / "clock.lua"})
    async with Executor(life.store_url, bundle) as executor:
        ledger = await DyingLedger.open(life.ledger_url)
        assert isinstance(ledger, DyingLedger)
        ledger.dies = life.dies
        settings = replace(SETTINGS, late_payment=life.late_payment)
        plain = make_inventory(executor, life.sale, SaleRef(life.uid, 1), settings)
        calls = DyingCalls(executor, life.dies)
        inventory = SaleInventory(plain.name, plain.ref, plain.plan, plain.settings, calls)
        await _act(life, Shop(executor, ledger, inventory))
        await ledger.close()


async def _act(life: Life, shop: Shop) -> None:
    context, background = SaleContext(shop.inventory, shop.ledger), BackgroundTasks()
    try:
        await _do(life, shop, context, background)
    finally:  # what a refusal has begun goes on too
        await background.drain()
        await shop.background.drain()


async def _do(life: Life, shop: Shop, context: SaleContext, background: BackgroundTasks) -> None:
    if life.deed == "confirm":
        await shop.confirm(await shop.read(life.hold_id))
    elif life.deed == "pay":
        await begin_paying(context, life.hold_id)
    elif life.deed == "withdraw":
        released = await shop.inventory.release(life.hold_id, owner="", version=0)
        assert released.hold is not None
        await void_released_order(context, released.hold, released.now_ms)
    elif life.deed == "refund":
        await RefundService(background).refund(context, life.hold_id, RefundRequest(), None)
    else:
        recovery = Recovery(shop.ledger, patience_ms=0)
        await recovery.visit(shop.inventory)


async def run_until_death(life: Life) -> int | None:
    """The exit code of a process that lived this life."""
    process: Any = processes.Process(target=live, args=(life,))
    process.start()
    await asyncio.to_thread(process.join, 60)
    code: int | None = process.exitcode
    return code
