"""Turns a seat map into a hold request: pure functions of the map, the wish and a generator.

Free neighbours are looked for from a random row on, so that visitors want different seats and
sometimes the same. A hold request is the body of `POST .../holds`.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any, Final

from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.crowd.profiles import Taste, Wish
from holdfast_loadtest.wire import SeatMap

FREE: Final = "f"
MAX_ROWS_LOOKED_AT: Final = 40

HoldRequest = dict[str, Any]


def choose_request(wish: Wish, offer: Offer, seat_map: SeatMap, rng: Random) -> HoldRequest | None:
    """What to ask for; None when the map shows nothing left for this buyer."""
    if wish.category in offer.areas:
        return floor(wish, offer, seat_map, rng)
    match wish.taste:
        case Taste.MAP:
            seats = neighbours(wish, offer, seat_map.states, rng)
            return {"seats": seats} if seats else _best(wish, offer, seat_map)
        case Taste.BEST:
            return _best(wish, offer, seat_map)
        case Taste.FLOOR:
            return floor(wish, offer, seat_map, rng)


def fallback(wish: Wish, offer: Offer, *, was_shown: bool = False) -> Wish | None:
    """What a buyer turns to when a wish was not to be had: another category for who takes one, else
    fewer units for those who split up, else seats instead of the floor and the floor instead of
    seats.

    Who takes any area and was too late for what the map had shown (`was_shown`) looks again.
    """
    if wish.category is not None:
        taste = wish.taste if offer.seats else Taste.FLOOR
        return replace(wish, category=None, taste=taste) if wish.takes_other else None
    if wish.quantity > 1 and wish.splits_up:
        return replace(wish, quantity=wish.quantity // 2)
    if wish.taste is not Taste.FLOOR:
        return replace(wish, taste=Taste.FLOOR) if offer.areas else None
    if wish.splits_up:
        return replace(wish, taste=Taste.BEST) if offer.seats else None
    return wish if was_shown else None


def neighbours(wish: Wish, offer: Offer, states: str, rng: Random) -> list[str]:
    """As many free seats as wished for, side by side in a row that is found by looking around from
    a random one; empty when none is seen.
    """
    segments = offer.segments(wish.category)
    if not segments:
        return []
    start = rng.randrange(len(segments))
    for offset in range(min(len(segments), MAX_ROWS_LOOKED_AT)):
        segment = segments[(start + offset) % len(segments)]
        free = states.find(FREE * wish.quantity, segment.start, segment.stop)
        if free >= 0:
            return offer.guids[free : free + wish.quantity]
    return []


def floor(wish: Wish, offer: Offer, seat_map: SeatMap, rng: Random) -> HoldRequest | None:
    """Places in the area wished for; without one in any that has enough, by what is free in each,
    as the simulator's people choose.
    """
    areas = offer.areas if wish.category is None else (wish.category,)
    free = {area: seat_map.areas[area].free for area in areas if area in seat_map.areas}
    enough = {area: count for area, count in free.items() if count >= wish.quantity}
    if not enough:
        return None
    area = rng.choices(list(enough), list(enough.values()))[0]
    return {"areas": [{"id": area, "quantity": wish.quantity}]}


def _best(wish: Wish, offer: Offer, seat_map: SeatMap) -> HoldRequest | None:
    segments = offer.segments(wish.category)
    free = sum(seat_map.states.count(FREE, segment.start, segment.stop) for segment in segments)
    if free < wish.quantity:
        return None
    best: dict[str, Any] = {"quantity": wish.quantity, "prevent_orphans": True}
    if wish.category is not None:
        best["categories"] = [wish.category]
    return {"best_available": best}
