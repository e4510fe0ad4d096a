"""Refunds: the ledger frees the seats first, then the store puts them back on sale.

In the other order a crash in between would sell a seat that the ledger still has as its first
buyer's. A crash after the ledger leaves seats that are free but still booked in the store; recovery
frees them.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

from holdfast_inventory.holds.hold_requests import BuyerName
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.orders import require_buyer
from holdfast_inventory.orders.store_sync import sync_order
from holdfast_ledger import Actor, EpochPassed, GiveBack, Order, RefundItem, Verdict
from holdfast_web.errors import ErrorCode, HoldfastError, invalid

ITEMS_MAX = 1_000

_REFUSALS = {
    Verdict.UNKNOWN: ErrorCode.UNKNOWN_ORDER,
    Verdict.SETTLED: ErrorCode.ORDER_STATE,
}


class RefundRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which items to give back; without any, the whole order."""

    items: Annotated[tuple[RefundItem, ...], msgspec.Meta(min_length=1, max_length=ITEMS_MAX)] | (
        None
    ) = None
    buyer: BuyerName | None = None
    """whose the order must be, if given"""


class RefundResult(NamedTuple):
    """The order after a refund, and the minor units given back by it: 0 for a repeat."""

    order: Order
    amount: int


class RefundService:
    """Refunds orders of any sale."""

    def __init__(self, background: BackgroundTasks) -> None:
        self._background = background

    async def refund(
        self,
        context: SaleContext,
        order_id: str,
        request: RefundRequest,
        key: str | None,
        actor: Actor | None = None,
    ) -> RefundResult:
        """Refunds items of an order, or all of it. Under the same `key` a repeat gives nothing back
        again.
        """
        inventory = context.inventory
        _check(request)
        if request.buyer is not None:
            order = await context.ledger.orders.read(inventory.ref.uid, order_id)
            require_buyer("" if order is None else order.buyer, request.buyer)
        epoch = inventory.ref.epoch
        at_ms = (await inventory.calls.read_hold(inventory.ref, order_id)).now_ms
        intent = GiveBack(epoch, inventory.ref.uid, order_id, at_ms, request.items, key, actor)
        outcome = await context.ledger.commit(intent)
        if outcome.verdict is Verdict.EPOCH_PASSED:
            raise EpochPassed()
        if outcome.verdict is Verdict.NOT_OWNED:
            raise invalid("items", "The order does not own one of these items.")
        if outcome.order is None or outcome.verdict in _REFUSALS:
            raise HoldfastError(_REFUSALS.get(outcome.verdict, ErrorCode.UNKNOWN_ORDER))
        await self._background.run(sync_order(context, outcome.order))
        done = outcome.verdict is Verdict.DONE and outcome.order.refunds
        return RefundResult(outcome.order, outcome.order.refunds[-1].amount if done else 0)


def _check(request: RefundRequest) -> None:
    """Checks that each item names either a seat or an area, and its quantity."""
    for item in request.items or ():
        if (item.seat is None) is (item.area is None):
            raise invalid("items", "Each item names either a seat or an area.")
        if item.quantity < 1 or (item.seat is not None and item.quantity != 1):
            raise invalid("items", "quantity is 1 for a seat and at least 1 for an area.")
