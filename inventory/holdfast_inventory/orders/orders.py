"""Converts between holds of the store and orders of the ledger.

A hold has plan indices and packed numbers, for speed; an order has the names, labels and prices of
its time, so that it can be read years later without the plan. Both have the same id, which makes
every step of a confirm repeatable.
"""

from __future__ import annotations

from msgspec.structs import replace

from holdfast_inventory.holds.inventory_image import record_for
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_ledger import Actor, Order, OrderItem, OrderStatus, OrderTotals, RebuildState
from holdfast_lua.calls.records import AreaUnits, HoldRecord, HoldStatus
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.timestamps import timestamp


def require_buyer(whose: str, named: str | None) -> None:
    """Raises 403 `not_owner` when a platform names another buyer than the owner.

    `whose` is empty for a hold that the store has lost: its owner is unknown.
    """
    if named is not None and whose and whose != named:
        raise HoldfastError(ErrorCode.NOT_OWNER)


def order_of_hold(inventory: SaleInventory, hold: HoldRecord, now_ms: int) -> Order:
    """The hold as an order that nobody has paid for yet."""
    prices = zip(hold.seats, hold.prices, strict=True)
    seats = [_seat_item(inventory, seat, price) for seat, price in prices]
    return Order(
        sale_uid=inventory.ref.uid,
        id=hold.id,
        status=OrderStatus.PENDING,
        # A hold from before buyers' names were checked may have characters that PostgreSQL does
        # not store, and its buyer may have paid.
        buyer=hold.buyer.replace("\0", "\ufffd"),
        hold_version=hold.version,
        total=hold.total,
        currency=inventory.settings.currency,
        items=(*seats, *(_area_item(inventory, units) for units in hold.areas)),
        next_to_each_other=inventory.plan.adjacent(hold.seats),
        created_ms=now_ms,
        updated_ms=now_ms,
    )


def acted(order: Order, actor: Actor | None) -> Order:
    """The order with the actor who asked for the change."""
    if actor is None:
        return order
    return replace(
        order,
        acted_by=actor.key_id,
        acted_from=actor.address,
        request_id=actor.request_id,
    )


def hold_of_order(
    plan: Plan, settings: InventorySettings, order: Order, status: HoldStatus
) -> HoldRecord:
    """The hold that the store must have for this order, with the units that it still owns."""
    seats = [(i.index, i.price) for i in order.items if i.index is not None and i.owned]
    return record_for(
        plan,
        order.id,
        status,
        buyer=order.buyer,
        seats=[seat for seat, _ in seats],
        prices=[price for _, price in seats],
        areas=owned_areas(settings, order),
        total=order.total,
        created_ms=order.created_ms,
        expires_ms=order.due_ms or 0,
        version=order.hold_version,
    )


def holds_of_ledger(
    plan: Plan, settings: InventorySettings, state: RebuildState
) -> list[HoldRecord]:
    """The holds that a rebuilt store must have: those of sold and of pending orders."""
    return [
        *(hold_of_order(plan, settings, order, HoldStatus.CONFIRMED) for order in state.sold),
        *(hold_of_order(plan, settings, order, HoldStatus.PAYING) for order in state.pending),
    ]


def order_members(order: Order, sale: str, *, test: bool) -> dict[str, object]:
    """An order as the API shows it; `test` when its sale is a test sale."""
    return {
        "id": order.id,
        "sale": sale,
        "test": test,
        "status": order.status.value,
        "buyer": order.buyer,
        "order_ref": order.order_ref,
        "payment_ref": order.payment_ref,
        "amount": order.amount,
        "total": order.total,
        "currency": order.currency,
        "items": [_item_members(item) for item in order.items],
        "next_to_each_other": order.next_to_each_other,
        "refund_required": order.status is OrderStatus.LOST,
        "refunded_amount": order.refunded_amount,
        "reason": order.reason,
        "created_at": timestamp(order.created_ms),
        "updated_at": timestamp(order.updated_ms),
        "confirmed_at": None if order.confirmed_ms is None else timestamp(order.confirmed_ms),
    }


def totals_members(totals: OrderTotals, sale: str, *, test: bool) -> dict[str, object]:
    """The totals of a sale's orders as the API shows them; amounts in minor units."""
    return {
        "sale": sale,
        "test": test,
        "currency": totals.currency,
        "orders": sum(total.orders for total in totals.by_status.values()),
        "by_status": {status.value: total for status, total in totals.by_status.items()},
        "refunds": totals.refunds,
        "confirmed": totals.confirmed,
        "refunded": totals.refunds.of_sold,
        "net": totals.confirmed - totals.refunds.of_sold,
    }


def _item_members(item: OrderItem) -> dict[str, object]:
    named = {"area": item.area} if item.seat is None else {"seat": item.seat}
    return {
        **named,
        "label": item.label,
        "category": item.category,
        "price": item.price,
        "quantity": item.quantity,
        "refunded": item.refunded,
    }


def owned_areas(settings: InventorySettings, order: Order) -> tuple[AreaUnits, ...]:
    """The units of areas that the order owns, by the area's place in the sale."""
    places = {area.id: place for place, area in enumerate(settings.areas)}
    return tuple(
        AreaUnits(places[item.area], item.owned, item.price)
        for item in order.items
        if item.area in places and item.owned
    )


def _seat_item(inventory: SaleInventory, seat: int, price: int) -> OrderItem:
    plan = inventory.plan
    return OrderItem(
        plan.label(seat), plan.kind(seat).category, price, seat=plan.guids[seat], index=seat
    )


def _area_item(inventory: SaleInventory, units: AreaUnits) -> OrderItem:
    area = inventory.settings.areas[units.area]
    return OrderItem(area.name, area.category, units.price, units.quantity, area=area.id)
