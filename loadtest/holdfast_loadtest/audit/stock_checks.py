"""Checks of what was sold: ledger, seat map and the crowd's receipts must agree.

Pure functions of what was read. The seat map is compared with the ledger, and the ledger with the
receipts of the crowd.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from holdfast_loadtest.audit.findings import Check, concluded
from holdfast_loadtest.audit.journal import Confirmed, Journal, RefundRequired
from holdfast_loadtest.wire import Item, Order, SeatMap

OWNING: Final = frozenset({"confirmed", "partially_refunded"})
ONCE_OWNING: Final = OWNING | {"refunded"}
REFUND_DUE: Final = "refund_required"
BOOKED: Final = "b"


def sold_seats(orders: Iterable[Order]) -> Iterator[tuple[str, Order]]:
    """Each seat that an order owns, with the order."""
    for order in orders:
        if order.status in OWNING:
            for item in order.items:
                if item.seat is not None and item.owned:
                    yield item.seat, order


def sold_in_areas(orders: Iterable[Order]) -> Counter[str]:
    """Units owned per area."""
    sold: Counter[str] = Counter()
    for order in orders:
        if order.status in OWNING:
            for item in order.items:
                if item.area is not None:
                    sold[item.area] += item.owned
    return sold


def no_seat_twice(orders: Iterable[Order]) -> Check:
    """A seat belongs to one order at most."""
    owners: dict[str, list[str]] = defaultdict(list)
    for seat, order in sold_seats(orders):
        owners[seat].append(order.id)
    twice = (
        f"seat {seat} is in orders {', '.join(ids)}" for seat, ids in owners.items() if len(ids) > 1
    )
    return concluded("no seat is sold twice", f"{len(owners):,} seats sold", twice)


def map_is_ledger(orders: Iterable[Order], guids: tuple[str, ...], seat_map: SeatMap) -> Check:
    """The seats booked on the map are those of the ledger, and the counts beside it add up."""
    sold = {seat: order.id for seat, order in sold_seats(orders)}
    findings = [*_map_against_ledger(sold, guids, seat_map.states), *_counts(seat_map)]
    return concluded(
        "booked on the seat map = sold in the ledger",
        f"{len(guids):,} seats, {len(sold):,} sold",
        findings,
    )


def _map_against_ledger(
    sold: Mapping[str, str], guids: tuple[str, ...], states: str
) -> Iterator[str]:
    if len(guids) != len(states):
        yield f"the plan has {len(guids)} seats, the map {len(states)}"
        return
    for guid, state in zip(guids, states, strict=True):
        if state == BOOKED and guid not in sold:
            yield f"seat {guid} is booked on the map and in no order"
        if state != BOOKED and guid in sold:
            yield f"seat {guid} is {state!r} on the map and sold by order {sold[guid]}"
    for guid in sold.keys() - set(guids):
        yield f"seat {guid} of order {sold[guid]} is not in the plan"


def _counts(seat_map: SeatMap) -> Iterator[str]:
    """Checks `counts`, which are of seats and area units together."""
    areas = seat_map.areas.values()
    for letter, name, shown in (
        ("f", "free", seat_map.counts.free),
        ("h", "held", seat_map.counts.held),
        ("b", "booked", seat_map.counts.booked),
    ):
        counted = seat_map.states.count(letter) + sum(getattr(area, name) for area in areas)
        if counted != shown:
            yield f"counts.{name} is {shown}, seats and areas make {counted}"


def areas_are_ledger(orders: Iterable[Order], seat_map: SeatMap) -> Check:
    """An area never sells more than it has, and shows what the ledger sold."""
    sold = sold_in_areas(orders)
    findings: list[str] = []
    for area in sold.keys() | seat_map.areas.keys():
        counts = seat_map.areas.get(area)
        if counts is None:
            findings.append(f"area {area} sold {sold[area]} and is not on the map")
            continue
        if sold[area] > counts.capacity:
            findings.append(f"area {area} sold {sold[area]} of {counts.capacity}")
        if sold[area] != counts.booked:
            findings.append(f"area {area} shows {counts.booked} booked, the ledger {sold[area]}")
        if counts.free + counts.held + counts.booked != counts.capacity:
            findings.append(f"area {area}: {counts} does not add up")
    return concluded("no area is oversold", f"{sold.total():,} places sold", findings)


def within_limit(orders: Iterable[Order], limit: int) -> Check:
    """No buyer owns more than the sale allows."""
    units: Counter[str] = Counter()
    for order in orders:
        if order.status in OWNING:
            units[order.buyer] += sum(item.owned for item in order.items)
    over = (
        f"buyer {buyer} owns {owned} of {limit} allowed"
        for buyer, owned in units.items()
        if owned > limit
    )
    return concluded("no buyer is above the limit", f"{len(units):,} buyers, limit {limit}", over)


def receipts_are_kept(
    orders: Iterable[Order], confirmed: list[Confirmed], refunds: list[RefundRequired]
) -> Check:
    """Whoever was told "confirmed" is in the ledger with those units; whoever was not, is not."""
    ledger = {order.id: order for order in orders}
    findings = [*_receipts(ledger, confirmed), *_refunds(ledger, refunds, confirmed)]
    return concluded(
        "every confirmed answer is in the ledger", f"{len(confirmed):,} receipts", findings
    )


def _receipts(ledger: Mapping[str, Order], confirmed: list[Confirmed]) -> Iterator[str]:
    for receipt in confirmed:
        order = ledger.get(receipt.hold)
        if order is None or order.status not in ONCE_OWNING:
            status = "absent" if order is None else order.status
            yield f"order {receipt.hold} was confirmed to its buyer and is {status}"
        elif _units(order.items) != _units(receipt.items):
            yield f"order {receipt.hold} has other units than its receipt"
        elif order.amount is not None and order.amount != receipt.amount:
            amounts = f"{order.amount}, the receipt says {receipt.amount}"
            yield f"order {receipt.hold} took {amounts} (minor units)"


def _refunds(
    ledger: Mapping[str, Order], refunds: list[RefundRequired], confirmed: list[Confirmed]
) -> Iterator[str]:
    later = {receipt.hold for receipt in confirmed}
    for refund in refunds:
        order = ledger.get(refund.hold)
        if order is not None and order.status in OWNING and refund.hold not in later:
            yield f"order {refund.hold} was refused to its buyer and owns its units"


def payments_are_answered(orders: Iterable[Order], journal: Journal) -> Check:
    """Whoever paid has units or a refund due: they were told so, or the ledger says so."""
    answered = {receipt.hold for receipt in journal.confirmed}
    answered |= {refund.hold for refund in journal.refunds}
    answered |= {order.id for order in orders if order.status in ONCE_OWNING | {REFUND_DUE}}
    missing = (
        f"hold {paid.hold} was paid, and its buyer has neither units nor a refund"
        for paid in journal.paid
        if paid.hold not in answered
    )
    return concluded(
        "whoever paid has their units or `refund_required`", f"{len(journal.paid):,} paid", missing
    )


def _units(items: Iterable[Item]) -> Counter[tuple[str | None, str | None]]:
    units: Counter[tuple[str | None, str | None]] = Counter()
    for item in items:
        units[item.seat, item.area] += item.quantity
    return units
