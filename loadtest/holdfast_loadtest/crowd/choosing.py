"""Turns a seat map into a hold request: pure functions of the map, the taste and a generator.

A chooser looks for a run of free neighbours as a person does, somewhere in the plan rather than
always at the front: the point of the crowd is that people disagree a little and collide a little. A
hold request is the body of `POST .../holds`.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.crowd.profiles import Taste
from holdfast_loadtest.wire import SeatMap

FREE: Final = "f"
MAX_ROWS_LOOKED_AT: Final = 40

HoldRequest = dict[str, Any]


def choose_request(
    taste: Taste, quantity: int, offer: Offer, seat_map: SeatMap, rng: Random
) -> HoldRequest | None:
    """What to ask for; None when the map shows nothing left for this buyer."""
    match taste:
        case Taste.MAP:
            seats = neighbours(offer, seat_map.states, quantity, rng)
            return {"seats": seats} if seats else _best(quantity, seat_map)
        case Taste.BEST:
            return _best(quantity, seat_map)
        case Taste.FLOOR:
            return floor(quantity, offer, seat_map)


def fallback(taste: Taste, offer: Offer) -> Taste | None:
    """Where a buyer turns when the first choice is gone: seats to floor, floor to seats."""
    if taste is not Taste.FLOOR:
        return Taste.FLOOR if offer.areas else None
    return Taste.BEST if offer.seats else None


def neighbours(offer: Offer, states: str, quantity: int, rng: Random) -> list[str]:
    """`quantity` free seats side by side in a row found by looking around from a random one; empty
    when none is seen.
    """
    rows = list(_rows_with_states(offer, states))
    if not rows:
        return []
    start = rng.randrange(len(rows))
    for offset in range(min(len(rows), MAX_ROWS_LOOKED_AT)):
        row, row_states = rows[(start + offset) % len(rows)]
        at = row_states.find(FREE * quantity)
        if at >= 0:
            return row[at : at + quantity]
    return []


def floor(quantity: int, offer: Offer, seat_map: SeatMap) -> HoldRequest | None:
    """Places in the first area that has enough."""
    for area in offer.areas:
        counts = seat_map.areas.get(area)
        if counts is not None and counts.free >= quantity:
            return {"areas": [{"id": area, "quantity": quantity}]}
    return None


def _best(quantity: int, seat_map: SeatMap) -> HoldRequest | None:
    if seat_map.states.count(FREE) < quantity:
        return None
    return {"best_available": {"quantity": quantity, "prevent_orphans": True}}


def _rows_with_states(offer: Offer, states: str) -> list[tuple[list[str], str]]:
    rows: list[tuple[list[str], str]] = []
    at = 0
    for row in offer.rows:
        rows.append((row, states[at : at + len(row)]))
        at += len(row)
    return rows
