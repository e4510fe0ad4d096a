"""Flags abnormal orders: in the ledger first, which keeps each flag once, then as an event.

A flag changes nothing about an order, and no answer waits for it. When a process dies between
ledger and event, the flag is in the list of orders and its event is never written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_ledger import Order, OrderFlag, OrderStatus
from holdfast_lua.calls.records import HoldRecord

MANY_PASSES: Final = 3
"""so many passes behind the holds and orders of one buyer are many"""
SLOW_SECONDS: Final = 5.0
"""a confirm that takes longer is slow: shops rarely wait for ten"""

FlagObserver = Callable[[str, OrderFlag], None]
"""Called with the sale's name and the flag when an order gets one."""


@dataclass(frozen=True, slots=True)
class SettledConfirm:
    """What a confirm has come to, as far as it may be abnormal."""

    order: Order
    late: bool
    """the hold had run out when the payment came"""
    with_pass: bool
    """the hold was made with a pass"""
    seconds: float


class FlagService:
    """Flags the orders of any sale."""

    def __init__(self, observer: FlagObserver) -> None:
        self._observer = observer

    async def flag(
        self, context: SaleContext, order_id: str, flag: OrderFlag, buyer: str = ""
    ) -> None:
        """Flags the order, with its event and count, unless it has been flagged so before."""
        inventory = context.inventory
        at_ms = inventory.ref.clock.now_ms()
        if await context.ledger.order_flags.add(inventory.uid, order_id, flag, at_ms=at_ms):
            self._observer(inventory.name, flag)
            await inventory.calls.flag_order(inventory.ref, order_id, flag.value, buyer)

    async def examine(self, context: SaleContext, settled: SettledConfirm) -> None:
        """Flags what is abnormal about an order that a confirm has just settled."""
        order = settled.order
        flags = flags_of(settled)
        if order.status is OrderStatus.SOLD and settled.with_pass:
            inventory = context.inventory
            _, holds = await inventory.calls.read_buyer_holds(inventory.ref, order.buyer)
            if came_with_many_passes(holds):
                flags.append(OrderFlag.MANY_TICKETS)
        for flag in flags:
            await self.flag(context, order.id, flag, order.buyer)


def flags_of(settled: SettledConfirm) -> list[OrderFlag]:
    """What a confirm itself tells: that it came late, took long, or names another amount."""
    order = settled.order
    mismatch = order.amount is not None and order.amount != order.total
    return [
        flag
        for flag, holds in (
            (OrderFlag.PAID_LATE, settled.late),
            (OrderFlag.CONFIRM_SLOW, settled.seconds > SLOW_SECONDS),
            (OrderFlag.AMOUNT_MISMATCH, mismatch and order.status is OrderStatus.SOLD),
        )
        if holds
    ]


def came_with_many_passes(holds: Iterable[HoldRecord]) -> bool:
    """Whether the holds and orders of one buyer were made with many passes."""
    return len({hold.pass_id for hold in holds if hold.pass_id}) >= MANY_PASSES
