"""Which units of an order a refund gives back, and what they cost.

Naming a seat that was given back before is a repeat and no error. The units of an area are alike,
so a second refund of "one from the floor" is a second unit; the API takes such a request with an
`Idempotency-Key` only.
"""

from dataclasses import dataclass, field

import msgspec

from holdfast_ledger.records import OrderItem
from holdfast_ledger.transactions.intents import RefundItem


@dataclass(frozen=True, slots=True)
class Returned:
    """The items after the refund, and what it has freed."""

    items: tuple[OrderItem, ...]
    seats: tuple[int, ...] = ()
    areas: dict[str, int] = field(default_factory=dict)
    units: int = 0
    amount: int = 0


def give_back(
    items: tuple[OrderItem, ...], wanted: tuple[RefundItem, ...] | None
) -> Returned | None:
    """Takes the wanted units (None: all) from the items; None when the order lacks one of them."""
    taken = _everything(items) if wanted is None else _chosen(items, wanted)
    if taken is None:
        return None
    areas: dict[str, int] = {}
    seats: list[int] = []
    for item, units in zip(items, taken, strict=True):
        if units and item.index is not None:
            seats.append(item.index)
        elif units and item.area is not None:
            areas[item.area] = areas.get(item.area, 0) + units
    return Returned(
        items=tuple(
            msgspec.structs.replace(item, refunded=item.refunded + units) if units else item
            for item, units in zip(items, taken, strict=True)
        ),
        seats=tuple(seats),
        areas=areas,
        units=sum(taken),
        amount=sum(item.price * units for item, units in zip(items, taken, strict=True)),
    )


def _everything(items: tuple[OrderItem, ...]) -> list[int]:
    return [item.owned for item in items]


def _chosen(items: tuple[OrderItem, ...], wanted: tuple[RefundItem, ...]) -> list[int] | None:
    """How many units are refunded of each item, in the order of the items."""
    taken = [0] * len(items)
    for refund_item in wanted:
        done = (
            _take_seat(items, taken, refund_item)
            if refund_item.seat
            else _take_area(items, taken, refund_item)
        )
        if not done:
            return None
    return taken


def _take_seat(items: tuple[OrderItem, ...], taken: list[int], refund_item: RefundItem) -> bool:
    for position, item in enumerate(items):
        if item.seat == refund_item.seat:
            taken[position] = item.owned
            return True
    return False


def _take_area(items: tuple[OrderItem, ...], taken: list[int], refund_item: RefundItem) -> bool:
    """Takes units of an area, which several items (prices) may have, from the first items first."""
    missing = refund_item.quantity
    for position, item in enumerate(items):
        if item.area == refund_item.area and missing:
            units = min(missing, item.owned - taken[position])
            taken[position] += units
            missing -= units
    return missing == 0
