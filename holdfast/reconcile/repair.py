"""Repairs a running sale: brings the store to what the ledger says.

Three measures, each through the scripts that the service itself uses, so that every step is
guarded by the epoch and harmless beside what buyers do:

- syncing: the order behind a difference is brought to the store again, as recovery does; blocks
  and the lifecycle likewise;
- taking back: what the store books for an order that the ledger does not have is freed;
- rebuilding, only when it is asked for: the sale is written anew from the ledger in a new epoch.
  It repairs everything that the store can have wrong, and ends every unpaid hold.

The ledger itself is never changed but for a lifecycle, which the store decides.
"""

from collections.abc import Iterable

from holdfast.reconcile.comparing import Difference, DifferenceKind
from holdfast.reconcile.reading import Reader, Reading
from holdfast_inventory.holds import seat_blocks as blocking
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.orders.store_sync import book, sync_order
from holdfast_ledger import OrderStatus
from holdfast_lua.calls.records import HoldStatus

_OWNING = (OrderStatus.SOLD, OrderStatus.PARTLY_REFUNDED)


async def repair(reader: Reader, reading: Reading, found: Iterable[Difference]) -> None:
    """Repairs what can be without a rebuild. What differs afterwards needs one, or a person."""
    found = tuple(found)
    context = SaleContext(reading.inventory, reader.ledger)
    concerned = {one.order for one in found if one.kind is DifferenceKind.SOLD}
    for order_id in sorted(concerned - {""}):
        await _repair_order(context, order_id)
    if any(one.kind is DifferenceKind.BLOCKED for one in found):
        await _repair_blocks(context, reading)
    if any(one.kind is DifferenceKind.LIFECYCLE for one in found):
        await reader.ledger.sales.adopt_lifecycle(reading.record, reading.head.lifecycle)


async def _repair_order(context: SaleContext, order_id: str) -> None:
    order = await context.ledger.orders.read(context.inventory.ref.uid, order_id)
    if order is not None:
        await sync_order(context, order)
    if order is not None and order.status in _OWNING:
        await book(context, order)
    if order is None or order.status not in (*_OWNING, OrderStatus.REFUNDED):
        await _take_back(context, order_id)


async def _take_back(context: SaleContext, order_id: str) -> None:
    """Frees what the store has booked for an order that owns nothing in the ledger."""
    stock = context.inventory
    hold = (await stock.calls.read_hold(stock.ref, order_id)).hold
    if hold is not None and hold.status is HoldStatus.CONFIRMED:
        await stock.calls.free_seats(
            stock.ref, order_id, seats=hold.seats, areas=hold.areas, version=hold.version
        )


async def _repair_blocks(context: SaleContext, reading: Reading) -> None:
    """Both ways; `set_wanted` has the store synchronised even with what was wanted before."""
    shown = {seat for seat, state in enumerate(reading.map.states) if state == blocking.BLOCKED}
    missing, surplus = sorted(reading.blocked - shown), sorted(shown - reading.blocked)
    if missing:
        await blocking.block(context, missing)
    if surplus:
        await context.inventory.unblock(surplus)
