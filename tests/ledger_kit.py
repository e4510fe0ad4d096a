"""What the ledger's tests build and drive: orders, and a wire that loses answers."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from holdfast_inventory.ledger import (
    Ledger,
    Order,
    OrderItem,
    OrderStatus,
    SaleRecord,
    Sell,
    Verdict,
)

OpenLedger = Callable[[], Awaitable[Ledger]]
"""opens the same ledger again, as another process would"""


def build_order(
    sale_uid: str,
    order_id: str,
    *,
    seats: tuple[int, ...] = (),
    floor: int = 0,
    **changes: object,
) -> Order:
    """Seats at 4500 each and floor units at 1000."""
    items = [OrderItem(f"Seat {n}", "A", 4500, seat=f"guid-{n}", index=n) for n in seats]
    if floor:
        items.append(OrderItem("Floor", "GA", 1000, quantity=floor, area="floor"))
    order = Order(
        sale_uid=sale_uid,
        id=order_id,
        status=OrderStatus.PENDING,
        buyer="buyer-1",
        hold_version=2,
        total=sum(item.price * item.quantity for item in items),
        currency="EUR",
        items=tuple(items),
        next_to_each_other=True,
        created_ms=1_000,
        updated_ms=1_000,
        order_ref=f"ref-{order_id}",
        payment_ref=f"pay-{order_id}",
        amount=sum(item.price * item.quantity for item in items),
    )
    return replace(order, **changes)  # type: ignore[arg-type]  # the names are the caller's


async def sell(ledger: Ledger, sale: SaleRecord, order_id: str, *seats: int) -> Verdict:
    """One confirm of these seats, in the epoch that `sale` was read in."""
    order = build_order(sale.uid, order_id, seats=seats)
    return (await ledger.commit(Sell(sale.epoch, order))).verdict
