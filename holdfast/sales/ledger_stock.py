"""What the ledger says about a sale's stock, as holds that an installation can write.

After a loss the ledger outweighs the store: every sold order is a confirmed hold again, every
pending one (its buyer may be paying this very moment) a paying hold. All other holds are gone.
Pending orders own nothing in the ledger, so one whose units somebody has bought meanwhile, or that
another pending one has, is left out: its confirm will find the ledger saying no.
"""

from collections.abc import AsyncIterator
from typing import Final

from holdfast_inventory.ledger import Ledger, Order, OrderStatus
from holdfast_inventory.orders import Stock, hold_of_order
from holdfast_lua.stock_records import HoldRecord, HoldStatus

PAGE: Final = 500
OWNING: Final = (OrderStatus.SOLD, OrderStatus.PARTLY_REFUNDED)


async def ledger_holds(ledger: Ledger, stock: Stock) -> list[HoldRecord]:
    """The holds behind the orders; final only in an epoch that has just begun."""
    taken = _Taken(stock)
    holds: list[HoldRecord] = []
    for status in OWNING:
        async for order in _orders(ledger, stock.ref.uid, status):
            holds.append(hold_of_order(stock, order, HoldStatus.CONFIRMED))
            taken.add(holds[-1])
    async for order in _orders(ledger, stock.ref.uid, OrderStatus.PENDING):
        hold = hold_of_order(stock, order, HoldStatus.PAYING)
        if taken.fits(hold):
            holds.append(hold)
            taken.add(hold)
    return holds


class _Taken:
    """The units that somebody has."""

    def __init__(self, stock: Stock) -> None:
        self._seats: set[int] = set()
        self._left = [area.capacity for area in stock.settings.areas]

    def fits(self, hold: HoldRecord) -> bool:
        """Whether all of the hold's units are still there."""
        enough = all(self._left[area.area] >= area.quantity for area in hold.areas)
        return enough and self._seats.isdisjoint(hold.seats)

    def add(self, hold: HoldRecord) -> None:
        """The hold has its units from now on."""
        self._seats.update(hold.seats)
        for area in hold.areas:
            self._left[area.area] -= area.quantity


async def _orders(ledger: Ledger, uid: str, status: OrderStatus) -> AsyncIterator[Order]:
    after: tuple[int, str] | None = None
    while True:
        orders = await ledger.orders.page(uid, limit=PAGE, after=after, status=status)
        for order in orders:
            yield order
        if len(orders) < PAGE:
            return
        after = (orders[-1].created_ms, orders[-1].id)
