"""A process that crashes at a chosen step of a confirm, a payment, a refund or a recovery.

It is a real process with a store connection and a ledger of its own. The step is a script of the
store (`before begin_confirm`) or an intent of the ledger (`after Sell`); see crash_points.py.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import uvloop
from support.crashes.crash_points import CrashingExecutor, crash_at
from support.crashes.forkserver import FORKSERVER
from support.ledger.small_sale import SETTINGS, TEST_LUA, Shop, make_inventory

from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.paying import begin_paying, void_released_order
from holdfast_inventory.orders.recovery import Recovery
from holdfast_inventory.orders.refund import RefundRequest, RefundService
from holdfast_inventory.settings import LatePayment
from holdfast_ledger import Ledger, Outcome
from holdfast_ledger.transactions.intents import Intent
from holdfast_lua import SaleRef, load_bundle


@dataclass(frozen=True)
class CrashRun:
    """What the process is to do, and where it crashes."""

    store_url: str
    ledger_url: str
    sale: str
    uid: str
    hold_id: str
    action: str
    """confirm, pay, withdraw, refund or recover"""
    crash_point: str
    """`before Sell`, `after finish_confirm`, ..."""
    late_payment: LatePayment = LatePayment.REACQUIRE_SAME


class CrashingLedger(Ledger):
    """The ledger, with a crash at one intent."""

    crash_point = ""

    def commit(self, intent: Intent) -> Awaitable[Outcome]:
        return self._commit_or_crash(intent, super().commit)

    async def _commit_or_crash(
        self, intent: Intent, commit: Callable[[Intent], Awaitable[Outcome]]
    ) -> Outcome:
        crash_at(self.crash_point, f"before {type(intent).__name__}")
        outcome = await commit(intent)
        crash_at(self.crash_point, f"after {type(intent).__name__}")
        return outcome


def act(run: CrashRun) -> None:
    """What the process does, until it crashes."""
    uvloop.run(_run(run))


async def _run(run: CrashRun) -> None:
    bundle = load_bundle(extra=TEST_LUA / "scripts", overlay={"clock": TEST_LUA / "clock.lua"})
    async with CrashingExecutor(run.store_url, bundle) as executor:
        ledger = await CrashingLedger.open(run.ledger_url)
        assert isinstance(ledger, CrashingLedger)
        ledger.crash_point = run.crash_point
        settings = replace(SETTINGS, late_payment=run.late_payment)
        executor.crash_point = run.crash_point
        inventory = make_inventory(executor, run.sale, SaleRef(run.uid, 1), settings)
        await _act(run, Shop(executor, ledger, inventory))
        await ledger.close()


async def _act(run: CrashRun, shop: Shop) -> None:
    context, background = SaleContext(shop.inventory, shop.ledger), BackgroundTasks()
    try:
        await _do(run, shop, context, background)
    finally:  # what a refusal has begun goes on too
        await background.drain()
        await shop.background.drain()


async def _do(run: CrashRun, shop: Shop, context: SaleContext, background: BackgroundTasks) -> None:
    if run.action == "confirm":
        await shop.confirm(await shop.read(run.hold_id))
    elif run.action == "pay":
        await begin_paying(context, run.hold_id)
    elif run.action == "withdraw":
        released = await shop.inventory.release(run.hold_id, owner="", version=0)
        assert released.hold is not None
        await void_released_order(context, released.hold, released.now_ms)
    elif run.action == "refund":
        await RefundService(background).refund(context, run.hold_id, RefundRequest(), None)
    else:
        recovery = Recovery(shop.ledger, patience_ms=0)
        await recovery.visit(shop.inventory)


async def run_until_crash(run: CrashRun) -> int | None:
    """The exit code of the process of a run."""
    process: Any = FORKSERVER.Process(target=act, args=(run,))
    process.start()
    await asyncio.to_thread(process.join, 60)
    code: int | None = process.exitcode
    return code
