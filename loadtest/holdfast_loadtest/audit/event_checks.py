"""Checks of the event stream: nothing missing, nothing twice, and the same orders as in the ledger.

Whoever follows the stream must be able to rebuild the sale from it. So the sequence is checked for
holes, the orders it announces against the ledger, and every hold is replayed: at no moment may a
seat be in two hands, or an area beyond its capacity.

After a store loss a new epoch starts. What happened in the last moments before it may be missing
from the stream, never from the ledger: across epochs an order may lack its event, and unpaid holds
are forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from holdfast_loadtest.audit.facts import (
    HOLD_BEGINS,
    HOLD_ENDS,
    Cursor,
    Units,
    cursor_of,
    hold_id,
    of_types,
    unbroken,
    units_of,
)
from holdfast_loadtest.audit.findings import Check, concluded
from holdfast_loadtest.audit.stock_checks import ONCE_OWNING
from holdfast_loadtest.wire import Event, Order, SeatMap


def gap_free(events: Sequence[Event]) -> Check:
    """Checks that each epoch has every number from 1 on, once, and that epochs are in order."""
    cursors = [cursor_of(event) for event in events]
    epochs = len({cursor.epoch for cursor in cursors})
    return concluded(
        "the event stream has no gap and no repetition",
        f"{len(events):,} events in {epochs} epoch{'s' if epochs != 1 else ''}",
        _gaps(cursors),
    )


def _gaps(cursors: Sequence[Cursor]) -> Iterator[str]:
    before: Cursor | None = None
    for cursor in cursors:
        same_epoch = before is not None and cursor.epoch == before.epoch
        expected = before.seq + 1 if before is not None and same_epoch else 1
        if before is not None and cursor.epoch < before.epoch:
            yield f"event {cursor} follows {before}"
        elif cursor.seq != expected:
            yield f"event {cursor} where {cursor.epoch}-{expected} was due"
        before = cursor


def events_are_ledger(events: Sequence[Event], orders: Iterable[Order]) -> Check:
    """Checks that each order announced is in the ledger, and each of the ledger announced once."""
    announced = Counter(hold_id(event) for event in of_types(events, "order.confirmed"))
    owned = {order.id for order in orders if order.status in ONCE_OWNING}
    findings = [f"order {id} was announced {n} times" for id, n in announced.items() if n > 1]
    findings += [f"order {id} was announced and is not sold" for id in announced.keys() - owned]
    if unbroken(events):
        findings += [f"order {id} was never announced" for id in owned - announced.keys()]
    return concluded(
        "orders in the stream = orders in the ledger", f"{len(announced):,} announced", findings
    )


def replay(events: Sequence[Event], guids: tuple[str, ...], seat_map: SeatMap) -> Check:
    """Checks that no seat has two holds at once, and that the replay ends at the seat map."""
    book = _Book({area: counts.capacity for area, counts in seat_map.areas.items()})
    findings: list[str] = []
    for event in events:
        findings += (f"event {cursor_of(event)}: {wrong}" for wrong in book.follow(event))
    if unbroken(events):
        findings += book.against(guids, seat_map)
    return concluded(
        "no seat is ever in two hands: the stream replays to the seat map",
        f"{book.holds:,} holds",
        findings,
    )


class _Book:
    """Who has what, as the stream tells it."""

    def __init__(self, capacities: Mapping[str, int]) -> None:
        self.holds = 0
        self._capacities = capacities
        self._live: dict[str, Units] = {}
        self._known: dict[str, Units] = {}
        self._booked: set[str] = set()
        self._owner: dict[str, str] = {}
        self._taken: Counter[str] = Counter()
        self._epoch: int | None = None

    def follow(self, event: Event) -> Iterator[str]:
        self._new_epoch(cursor_of(event).epoch)
        hold = hold_id(event)
        if event.type in HOLD_BEGINS:
            self.holds += 1
            yield from self._take(hold, units_of(event))
        elif event.type in HOLD_ENDS:
            if hold in self._booked:
                yield f"{event.type} of hold {hold}, which is booked"
            self._give_back(hold)
        elif event.type == "order.confirmed":
            if hold not in self._live:
                yield from self._take(hold, units_of(event) or self._known.get(hold, Units()))
            self._booked.add(hold)
        elif event.type == "order.refunded":
            self._refund(hold, units_of(event))

    def _take(self, hold: str, units: Units) -> Iterator[str]:
        for seat in units.seats:
            other = self._owner.get(seat)
            if other is not None and other != hold:
                yield f"seat {seat} goes to hold {hold} while hold {other} has it"
            self._owner[seat] = hold
        for area, quantity in units.areas.items():
            self._taken[area] += quantity
            capacity = self._capacities.get(area)
            if capacity is not None and self._taken[area] > capacity:
                yield f"area {area} has {self._taken[area]} of {capacity} taken"
        self._live[hold] = self._known[hold] = units

    def _give_back(self, hold: str) -> None:
        units = self._live.pop(hold, None)
        if units is None:
            return
        self._free(hold, units)

    def _refund(self, hold: str, given_back: Units) -> None:
        units = self._live.get(hold)
        if units is None:
            return
        self._free(hold, given_back or units)
        self._live[hold] = units.without(given_back) if given_back else Units()

    def _free(self, hold: str, units: Units) -> None:
        for seat in units.seats:
            if self._owner.get(seat) == hold:
                del self._owner[seat]
        self._taken.subtract(units.areas)

    def _new_epoch(self, epoch: int) -> None:
        """A rebuilt store knows what was booked; unpaid holds it has forgotten."""
        if self._epoch is not None and epoch != self._epoch:
            for hold in [hold for hold in self._live if hold not in self._booked]:
                self._give_back(hold)
        self._epoch = epoch

    def against(self, guids: tuple[str, ...], seat_map: SeatMap) -> Iterator[str]:
        """Where the replay and the map differ."""
        for guid, state in zip(guids, seat_map.states, strict=False):
            told = self._told(guid)
            if state in "fhb" and state != told:
                yield f"seat {guid} is {state!r} on the map, {told!r} by the stream"
        for area, counts in seat_map.areas.items():
            if counts.held + counts.booked != self._taken[area]:
                shown = counts.held + counts.booked
                yield f"area {area} has {shown} taken on the map, {self._taken[area]} by the stream"

    def _told(self, guid: str) -> str:
        owner = self._owner.get(guid)
        if owner is None:
            return "f"
        return "b" if owner in self._booked else "h"
