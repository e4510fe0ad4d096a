"""Compares the three sides of a reading: a reading in, differences out.

The ledger decides what is sold and what is blocked; the store what is held. A seat is right when

    sold in the ledger      booked in the store, by that very order
    blocked in the ledger   blocked in the store
    neither                 free with no hold on it, or held with one

and, where the events name it, in the state that its last event says, and no two holds have it. An
area is right when ledger and store give every order the same units of it, and the store's counters
are what its holds have.

Of a running sale a difference is believed when it is seen again in the same words, so these name
whose it is, or by how much a count is out, never a count that goes on meanwhile.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from holdfast.reconcile.reading import Reading
from holdfast_inventory.holds.allotments import AllottedUnits
from holdfast_lua.calls.records import HoldRecord, HoldStatus, SeatState
from holdfast_lua.calls.sale import Units


class DifferenceKind(StrEnum):
    """What is wrong, which is also who can repair it."""

    SOLD = "sold"
    """the store does not show a sale of the ledger, or shows one that is none"""
    BLOCKED = "blocked"
    """the store does not show a block, or one that is none"""
    HELD = "held"
    """the store's map and its holds differ"""
    COUNTED = "counted"
    """the store's counters are not those of its map, holds and ledger"""
    TOLD = "told"
    """the last event of a seat says another state than the map"""
    LIFECYCLE = "lifecycle"
    LEDGER = "ledger"
    """the ledger contradicts itself, which cannot be repaired from elsewhere"""
    LOST = "lost"
    """the store does not have the sale, or went back behind what has happened"""


@dataclass(frozen=True, order=True, slots=True)
class Difference:
    """One thing that differs. `order` is the order concerned, if the ledger knows one."""

    kind: DifferenceKind
    where: str
    ledger: str
    store: str
    events: str = ""
    order: str = ""


def differences(reading: Reading) -> set[Difference]:
    """Everything in which ledger, store and events differ."""
    return {
        *_of_seats(reading),
        *_of_rivals(reading),
        *_of_areas(reading),
        *_of_area_orders(reading),
        *_of_sale(reading),
        *_of_ledger(reading),
    }


def _of_seats(reading: Reading) -> Iterator[Difference]:
    holders = {seat: hold for hold in _live(reading) for seat in hold.seats}
    guids = reading.inventory.plan.guids
    for seat, byte in enumerate(reading.map.states):
        state, holder = chr(byte), holders.get(seat)
        by_events = reading.by_events.seats.get(seat, state)
        kind = _wrong_with(reading, seat, state, holder)
        if kind is None and by_events == state:
            continue
        yield Difference(
            kind or DifferenceKind.TOLD,
            f"seat {guids[seat]}",
            _ledger_says(reading, seat),
            SeatState(state).word + (f" by {holder.id}" if holder else ""),
            SeatState(by_events).word if by_events != state else "",
            reading.ledger.sold_seats.get(seat, holder.id if holder else ""),
        )


def _wrong_with(
    reading: Reading, seat: int, state: str, holder: HoldRecord | None
) -> DifferenceKind | None:
    owner = reading.ledger.sold_seats.get(seat)
    if owner is not None or state == SeatState.BOOKED:
        sold = holder is not None and holder.status is HoldStatus.CONFIRMED and holder.id == owner
        return None if sold and state == SeatState.BOOKED else DifferenceKind.SOLD
    if (state == SeatState.BLOCKED) is not (seat in reading.blocked):
        return DifferenceKind.BLOCKED
    held = holder is not None and holder.status is not HoldStatus.CONFIRMED
    told = (state == SeatState.HELD) is held and (holder is None) is not held
    return None if told else DifferenceKind.HELD


def _ledger_says(reading: Reading, seat: int) -> str:
    owner = reading.ledger.sold_seats.get(seat)
    if owner is not None:
        return f"sold to {owner}"
    return "blocked" if seat in reading.blocked else "not sold"


def _of_rivals(reading: Reading) -> Iterator[Difference]:
    """Seats that several holds have."""
    holders: dict[int, list[str]] = {}
    for hold in _live(reading):
        for seat in hold.seats:
            holders.setdefault(seat, []).append(hold.id)
    for seat, ids in holders.items():
        if len(ids) > 1:
            where = f"seat {reading.inventory.plan.guids[seat]}"
            store = f"had by {' and '.join(sorted(ids))}"
            yield Difference(DifferenceKind.HELD, where, _ledger_says(reading, seat), store)


def _of_areas(reading: Reading) -> Iterator[Difference]:
    """The counters against the holds."""
    booked, held = _area_units(reading)
    for at, area in enumerate(reading.inventory.settings.areas):
        free, counted_held = reading.map.areas[at]
        out = (area.capacity - free - counted_held - booked[at], counted_held - held[at])
        if out != (0, 0):
            store = f"counters say {out[0]:+d} booked and {out[1]:+d} held, of what its holds have"
            yield Difference(DifferenceKind.COUNTED, f"area {area.id}", "", store)


def _of_area_orders(reading: Reading) -> Iterator[Difference]:
    """The units of each order by ledger and by store."""
    areas = reading.inventory.settings.areas
    sold = {(order.id, area): n for order in reading.ledger.sold for area, n in order.areas.items()}
    booked: Counter[tuple[str, str]] = Counter()
    for hold in _live(reading):
        if hold.status is HoldStatus.CONFIRMED:
            for units in hold.areas:
                booked[hold.id, areas[units.area].id] += units.quantity
    for order_id, area in sorted(sold.keys() | booked.keys()):
        n, m = sold.get((order_id, area), 0), booked[order_id, area]
        if n != m:
            ledger, store = f"{n} sold to {order_id}", f"{m} booked for it"
            yield Difference(DifferenceKind.SOLD, f"area {area}", ledger, store, "", order_id)


def _area_units(reading: Reading) -> tuple[Counter[int], Counter[int]]:
    booked: Counter[int] = Counter()
    held: Counter[int] = Counter()
    for hold in _live(reading):
        counts = booked if hold.status is HoldStatus.CONFIRMED else held
        for units in hold.areas:
            counts[units.area] += units.quantity
    return booked, held


def _of_sale(reading: Reading) -> Iterator[Difference]:
    seat_map, head = reading.map, reading.head
    states = Counter(map(chr, seat_map.states))
    free, held = (sum(area[part] for area in seat_map.areas) for part in (0, 1))
    capacity = sum(area.capacity for area in reading.inventory.settings.areas)
    right = Units(
        states[SeatState.FREE] + free,
        states[SeatState.HELD] + held,
        states[SeatState.BOOKED] + capacity - free - held,
        states[SeatState.BLOCKED],
    )
    shown = Units(seat_map.free, seat_map.held, seat_map.booked, seat_map.blocked)
    if shown != right:
        store = f"counters say {_units_beyond(shown, right)}, of what its map has"
        yield Difference(DifferenceKind.COUNTED, "sale", "", store)
    yield from _of_what_is_apart(reading, [free for free, _ in seat_map.areas])
    if head.lifecycle != reading.record.lifecycle:
        yield Difference(DifferenceKind.LIFECYCLE, "sale", reading.record.lifecycle, head.lifecycle)


def _of_what_is_apart(reading: Reading, free: Sequence[int]) -> Iterator[Difference]:
    """Compares the counters of what is set aside for channels with the map."""
    inventory, states = reading.inventory, reading.map.states
    allotted = AllottedUnits(inventory.plan, inventory.settings)
    held = [units for _, units in reading.map.areas]
    names, counted_free, counted_held = reading.head.allotted
    out = (
        counted_free - allotted.count(states, SeatState.FREE.byte, free),
        counted_held - allotted.count(states, SeatState.HELD.byte, held),
    )
    if names != allotted.names or out != (0, 0):
        store = f"counters of '{names}', right is '{allotted.names}', say {out[0]:+d} free and"
        yield Difference(DifferenceKind.COUNTED, "set aside", "", f"{store} {out[1]:+d} held")


def _of_ledger(reading: Reading) -> Iterator[Difference]:
    """Orders against the two tables that forbid an oversell."""
    owned = {seat: order.id for order in reading.ledger.sold for seat in order.seats}
    sold = reading.ledger.sold_seats
    for seat in sorted(owned.keys() | sold.keys()):
        if owned.get(seat) != sold.get(seat):
            where = f"seat {reading.inventory.plan.guids[seat]}"
            says = f"sold to {sold.get(seat, 'nobody')}, in order {owned.get(seat, 'of nobody')}"
            yield Difference(DifferenceKind.LEDGER, where, says, "")
    units: Counter[str] = Counter()
    for order in reading.ledger.sold:
        units.update(order.areas)
    for area in sorted(units.keys() | reading.ledger.sold_areas.keys()):
        counted = reading.ledger.sold_areas.get(area, 0)
        if counted != units[area]:
            says = f"{counted - units[area]:+d} sold, of what its orders have"
            yield Difference(DifferenceKind.LEDGER, f"area {area}", says, "")


def _live(reading: Reading) -> list[HoldRecord]:
    return [hold for hold in reading.holds.values() if not hold.status.ended]


def _units_beyond(shown: Units, right: Units) -> str:
    words = [state.word for state in SeatState]
    by = {word: getattr(shown, word) - getattr(right, word) for word in words}
    return ", ".join(f"{out:+d} {name}" for name, out in by.items() if out)
