"""Begins a payment: writes the order to the ledger before the buyer is charged.

The store first extends the hold to its latest time, then the ledger takes the order as PENDING, and
only then the platform is answered that it may charge. From here on the seats survive the loss of
the store: a rebuild holds them for this order. A crash between the two steps leaves a hold that
ends at its latest time; the platform gets no answer and repeats the request.

When a payment has failed, the platform releases the hold: the store frees the seats, then the
ledger voids the order, so that a rebuild does not hold them again. A crash in between leaves an
order that recovery voids when it is due.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from holdfast_inventory.holds.refusals import refusal_of
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.unknown_holds import may_be_lost
from holdfast_inventory.orders.orders import acted, order_of_hold, require_buyer
from holdfast_ledger import (
    Actor,
    EpochPassed,
    LedgerError,
    MarkPending,
    MarkVoid,
    Order,
    OrderStatus,
    Verdict,
)
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.records import HoldRecord, HoldStatus
from holdfast_web.errors import ErrorCode, HoldfastError

PENDING_GRACE_MS: Final = 60_000
"""how long after the end of its hold an order stays pending: a confirm may be on its way"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Paying:
    """The hold as it is while its buyer pays, the order behind it, and the store's time."""

    hold: HoldRecord
    order: Order
    now_ms: int


async def begin_paying(
    context: SaleContext,
    hold_id: str,
    order_ref: str | None = None,
    buyer: str | None = None,
    actor: Actor | None = None,
) -> Paying:
    """Keeps the hold's seats while its buyer is charged; a repeat returns the same.

    `buyer`, if given, must be the hold's; the buyer of a hold never changes.
    """
    inventory = context.inventory
    if buyer is not None:
        reading = await inventory.calls.read_hold(inventory.ref, hold_id)
        require_buyer("" if reading.hold is None else reading.hold.buyer, buyer)
    epoch = inventory.ref.epoch
    answer = await inventory.calls.begin_paying(inventory.ref, hold_id)
    if answer.code is Code.HOLD_UNKNOWN and await may_be_lost(context, epoch):
        raise HoldfastError(ErrorCode.HOLD_LOST)
    if answer.code.refused or answer.hold is None:
        raise refusal_of(answer, inventory.plan, inventory.settings, epoch)
    order = replace(
        order_of_hold(inventory, answer.hold, answer.now_ms),
        order_ref=order_ref,
        due_ms=answer.hold.expires_ms + PENDING_GRACE_MS,
    )
    order = acted(order, actor)
    outcome = await context.ledger.commit(MarkPending(epoch, order))
    if outcome.verdict is Verdict.EPOCH_PASSED or outcome.order is None:
        raise EpochPassed()
    if outcome.verdict is Verdict.VOIDED:
        raise HoldfastError(ErrorCode.HOLD_EXPIRED)
    if outcome.verdict is Verdict.SETTLED:
        raise HoldfastError(ErrorCode.ORDER_STATE)
    return Paying(answer.hold, outcome.order, answer.now_ms)


async def void_released_order(context: SaleContext, hold: HoldRecord, now_ms: int) -> None:
    """Voids the order of a released hold, if there is one or one is being written.

    The release itself has succeeded, so a ledger that is unavailable is only logged.
    """
    if hold.status is not HoldStatus.RELEASED or not hold.ledger:
        return
    inventory = context.inventory
    epoch = inventory.ref.epoch
    try:
        known = await context.ledger.orders.read(inventory.ref.uid, hold.id)
        if known is not None and known.status is not OrderStatus.PENDING:
            return
        order = known or order_of_hold(inventory, hold, now_ms)
        void = replace(order, hold_version=hold.version, updated_ms=now_ms)
        await context.ledger.commit(MarkVoid(epoch, void))
    except LedgerError as error:
        _log.warning(
            "order %s cannot be voided now; recovery voids it when it is due: %r", hold.id, error
        )
