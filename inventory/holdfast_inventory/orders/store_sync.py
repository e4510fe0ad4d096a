"""Brings the store to what the ledger has settled.

`sync_order` does it for one order, whatever the store has: it is the last step of a confirm and of
a refund, and all of recovery. Each of its calls is idempotent, so that to repeat it, to run it in
two workers at once, or to run it again after a crash in its middle, has the same effect.

The client's answer does not depend on it: that is true as soon as the ledger has it. So it runs in
the background (see background).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Final

from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.orders import hold_of_order, owned_areas
from holdfast_ledger import Order, OrderStatus, StoreSynced
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.hold_terms import HoldAnswer
from holdfast_lua.calls.records import AreaUnits, HoldRecord, HoldStatus

BOOKING_TRIES: Final = 3
FREEING_TRIES: Final = 5
LEDGER_CONFLICT: Final = "ledger_conflict"
GIVEN_UP: Final = "expired"
"""the confirm was abandoned: a payment that still comes is a late one"""

_log = logging.getLogger(__name__)
_DONE = (Code.OK, Code.UNCHANGED, Code.HOLD_CONFIRMED)
_OWNING = (OrderStatus.SOLD, OrderStatus.PARTLY_REFUNDED)


async def sync_order(context: SaleContext, order: Order) -> None:
    """Brings the store to the order, then notes in the ledger that this is done."""
    if order.status in _OWNING:
        await _sync_sold(context, order)
        await _sync_refunded(context, order)
    elif order.status is OrderStatus.REFUNDED and not any(r.units for r in order.refunds):
        # It was lost and owned nothing; a repeated confirm may have taken units for it again.
        reason = order.reason or LEDGER_CONFLICT
        await context.inventory.calls.abort_confirm(context.inventory.ref, order.id, reason=reason)
    elif order.status is OrderStatus.REFUNDED:
        await _sync_refunded(context, order)
    elif order.status is OrderStatus.LOST:
        await _sync_lost(context, order)
    elif order.status is OrderStatus.VOID:
        await free_voided_hold(context.inventory, order.id, order.hold_version)
    if order.due_ms is not None and order.status is not OrderStatus.PENDING:
        epoch = context.inventory.ref.epoch
        await context.ledger.commit(StoreSynced(epoch, order.sale_uid, order.id, order.updated_ms))


async def free_voided_hold(inventory: SaleInventory, hold_id: str, version: int) -> None:
    """Frees a confirming hold whose order was voided at this version, unless it has changed."""
    await inventory.calls.abort_confirm(inventory.ref, hold_id, reason=GIVEN_UP, version=version)


async def _sync_sold(context: SaleContext, order: Order) -> None:
    inventory = context.inventory
    answer = await inventory.calls.finish_confirm(
        inventory.ref, order.id, order_ref=order.order_ref or ""
    )
    if answer.code in _DONE:
        return
    # The store has lost the hold, or a refund has ended it meanwhile. Read the order to know, and
    # again after booking, since a refund that came in between found nothing to free.
    current = await _read(context, order.id)
    if current is not None and current.units:
        await book(context, current)
        after = await _read(context, order.id)
        if after is not None and after.updated_ms != current.updated_ms:
            await _sync_refunded(context, after)


async def _read(context: SaleContext, order_id: str) -> Order | None:
    order = await context.ledger.orders.read(context.inventory.ref.uid, order_id)
    return order if order is not None and order.status in (*_OWNING, OrderStatus.REFUNDED) else None


async def book(context: SaleContext, order: Order) -> None:
    """Books the order's seats; other holds that have them in the store are ended."""
    inventory = context.inventory
    hold = hold_of_order(inventory.plan, inventory.settings, order, HoldStatus.CONFIRMED)
    for _ in range(BOOKING_TRIES):
        answer = await inventory.calls.book_hold(
            inventory.ref, hold, order_ref=order.order_ref or ""
        )
        if answer.code in _DONE:
            return
        await _end_conflicting_holds(context, order, answer)
    _log.error("order %s of sale %s could not be booked: %s", order.id, inventory.name, answer.code)


async def _end_conflicting_holds(context: SaleContext, order: Order, answer: HoldAnswer) -> None:
    """Ends the holds that have units which the ledger has sold to this order."""
    inventory = context.inventory
    cursor = 0
    while True:
        cursor, holds = await inventory.calls.scan_holds(inventory.ref, cursor)
        for hold in holds:
            if hold.id != order.id and _conflicts(hold, answer):
                await inventory.calls.drop_hold(inventory.ref, hold.id, reason=LEDGER_CONFLICT)
        if cursor == 0:
            return


def _conflicts(hold: HoldRecord, answer: HoldAnswer) -> bool:
    """Whether the hold has one of the seats, or units of one of the areas, in the answer."""
    if hold.status.ended or hold.status is HoldStatus.CONFIRMED:
        return False
    return bool(
        set(hold.seats) & set(answer.seats)
        or {units.area for units in hold.areas} & set(answer.areas)
    )


async def _sync_lost(context: SaleContext, order: Order) -> None:
    inventory, reason = context.inventory, order.reason or LEDGER_CONFLICT
    if order.due_ms is not None and reason == LEDGER_CONFLICT:
        await _book_owners(context, order)
    await inventory.calls.abort_confirm(inventory.ref, order.id, reason=reason)
    if order.due_ms is None:  # the event has been written
        return
    await inventory.calls.require_refund(
        inventory.ref,
        order.id,
        order_ref=order.order_ref or "",
        amount=order.amount or 0,
        reason=reason,
    )


async def _book_owners(context: SaleContext, order: Order) -> None:
    """Books the seats that the store had given to this order for their owners in the ledger.

    Before the order's own hold is ended: its seats would be on sale in between.
    """
    uid = context.inventory.ref.uid
    seats = [item.index for item in order.items if item.index is not None]
    owners = await context.ledger.orders.owners_of(uid, seats)
    for owner_id in sorted(set(owners.values())):
        owner = await context.ledger.orders.read(uid, owner_id)
        if owner is not None and owner.units:
            await book(context, owner)


async def _sync_refunded(context: SaleContext, order: Order) -> None:
    """Frees the units that are booked for the order in the store and refunded in the ledger.

    The units of an area have no names, so two workers could free the same units twice: the version
    of the hold, read together with them, lets only one of them through.
    """
    if not order.refunds:
        return
    inventory = context.inventory
    # A refund may overtake the end of its confirm: only what is booked can be freed.
    await inventory.calls.finish_confirm(inventory.ref, order.id, order_ref=order.order_ref or "")
    for _ in range(FREEING_TRIES):
        hold = (await inventory.calls.read_hold(inventory.ref, order.id)).hold
        if hold is None or not await _free_surplus(context, order, hold):
            return


async def _free_surplus(context: SaleContext, order: Order, hold: HoldRecord) -> bool:
    """Frees the surplus of a hold; returns whether the hold changed meanwhile, to try again."""
    inventory = context.inventory
    seats = sorted(set(hold.seats) - set(order.seats))
    areas = surplus(hold.areas, owned_areas(inventory.settings, order))
    if hold.status is not HoldStatus.CONFIRMED or not (seats or areas):
        return False
    answer = await inventory.calls.free_seats(
        inventory.ref,
        order.id,
        seats=seats,
        areas=areas,
        amount=_price(hold, seats, areas),
        version=hold.version,
    )
    return answer.code is Code.HOLD_CHANGED


def _price(hold: HoldRecord, seats: Iterable[int], areas: Iterable[AreaUnits]) -> int:
    """The price of these units, which several refunds may have given back."""
    prices = dict(zip(hold.seats, hold.prices, strict=True))
    return sum(prices[seat] for seat in seats) + sum(u.quantity * u.price for u in areas)


def surplus(booked: tuple[AreaUnits, ...], owned: tuple[AreaUnits, ...]) -> tuple[AreaUnits, ...]:
    """Area units that the store has booked and the order does not own, by area and price."""
    left = Counter({(units.area, units.price): units.quantity for units in booked})
    left.subtract({(units.area, units.price): units.quantity for units in owned})
    return tuple(
        AreaUnits(area, quantity, price) for (area, price), quantity in left.items() if quantity > 0
    )
