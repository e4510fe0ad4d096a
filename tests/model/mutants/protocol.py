"""The protocol between store and ledger, each time with one step left out or taken out of turn."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final
from unittest.mock import patch

from model import directed
from model.mutants.mutant import Mutant

from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.confirm import ConfirmRequest
from holdfast_inventory.orders.orders import holds_of_ledger
from holdfast_inventory.orders.recovery import Recovery
from holdfast_inventory.orders.refund import RefundRequest, RefundResult, RefundService
from holdfast_inventory.orders.store_sync import free_voided_hold
from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_ledger import Order, RebuildState
from holdfast_ledger.transactions.decide import Step, decide
from holdfast_ledger.transactions.intents import Intent
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.hold_terms import HoldAnswer
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.records import HoldRecord


def _in_place_of(target: str, function: object) -> Callable[[], AbstractContextManager[object]]:
    return lambda: patch(target, function)


def _unfenced(intent: Intent, row: Order | None, epoch: int | None) -> Step:
    return decide(intent, row, intent.epoch)


async def _only_looked(inventory: SaleInventory, hold_id: str) -> HoldAnswer:
    answer = await inventory.calls.read_hold(inventory.ref, hold_id)
    refused = answer.hold is None or answer.hold.status_at(answer.now_ms).ended
    code = Code.HOLD_EXPIRED if refused else Code.OK
    return HoldAnswer(code, answer.revision, answer.now_ms, answer.hold)


_begin_confirm = InventoryCalls.begin_confirm


async def _booked_at_once(
    calls: InventoryCalls, ref: object, hold_id: str, **options: object
) -> HoldAnswer:
    answer = await _begin_confirm(calls, ref, hold_id, **options)  # type: ignore[arg-type]
    if answer.code is Code.OK:
        await calls.finish_confirm(ref, hold_id, order_ref="")  # type: ignore[arg-type]
    return answer


_void_abandoned = Recovery._void_abandoned


async def _freed_before_the_void(
    recovery: Recovery, context: SaleContext, hold: HoldRecord, now_ms: int
) -> bool:
    await free_voided_hold(context.inventory, hold.id, hold.version)
    return await _void_abandoned(recovery, context, hold, now_ms)


_refund = RefundService.refund


async def _freed_before_the_refund(
    refund_service: RefundService,
    context: SaleContext,
    order_id: str,
    request: RefundRequest,
    key: str | None,
) -> RefundResult:
    inventory = context.inventory
    hold = (await inventory.calls.read_hold(inventory.ref, order_id)).hold
    if hold is not None:
        await inventory.calls.free_seats(
            inventory.ref, order_id, seats=hold.seats, areas=hold.areas
        )
    return await _refund(refund_service, context, order_id, request, key)


def _only_sold(plan: Plan, settings: InventorySettings, state: RebuildState) -> list[HoldRecord]:
    return holds_of_ledger(plan, settings, replace(state, pending=()))


def _unchecked(inventory: SaleInventory, total: int, request: ConfirmRequest) -> None: ...


PROTOCOL: Final = {
    "rebuild without fence in the ledger": Mutant(
        "a confirm of the epoch that is over is committed behind the back of the rebuild",
        ("ledger",),
        directed.REBUILT_MEANWHILE,
        patched=_in_place_of("holdfast_ledger.transactions.apply.decide", _unfenced),
    ),
    "confirm without confirming": Mutant(
        "the ledger is asked while time, or the buyer, can still take the seats away",
        ("protocol", "lost"),
        patched=_in_place_of("holdfast_inventory.orders.confirm._begin", _only_looked),
    ),
    "answer before the ledger": Mutant(
        "the store books what the ledger has yet to sell",
        ("protocol",),
        patched=lambda: patch.object(InventoryCalls, "begin_confirm", _booked_at_once),
    ),
    "freeing before the void": Mutant(
        "recovery gives the seats back while the confirm can still sell them",
        ("protocol",),
        directed.SALE_COMES_LATE,
        patched=lambda: patch.object(Recovery, "_void_abandoned", _freed_before_the_void),
    ),
    "void that fences nothing": Mutant(
        "a late transaction sells what recovery has given up",
        ("ledger",),
        directed.SALE_COMES_LATE,
        patched=_in_place_of(
            "holdfast_ledger.transactions.decide._fenced", lambda wanted, row: False
        ),
    ),
    "refund in the store first": Mutant(
        "the seats are on sale again while the ledger still gives them to their buyer",
        ("protocol",),
        patched=lambda: patch.object(RefundService, "refund", _freed_before_the_refund),
    ),
    "rebuild without pending orders": Mutant(
        "the seats of a buyer who is paying at this moment are on sale after a loss",
        ("rebuild",),
        directed.LOST_WHILE_PAYING,
        patched=_in_place_of("holdfast.sales.store.ledger_inventory.holds_of_ledger", _only_sold),
    ),
    "amount not checked": Mutant(
        "an order is confirmed for less than it costs",
        ("promise",),
        patched=_in_place_of("holdfast_inventory.orders.confirm._check_amount", _unchecked),
    ),
}
