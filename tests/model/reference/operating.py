"""What the operator does to the stock: blocks seats, lets allotments out, closes the sale."""

from __future__ import annotations

from model.reference.store_model import StoreModel
from model.reference.terms import Asked, Given

from holdfast_lua.codes import Code


def block_seats(store: StoreModel, asked: Asked, given: Given) -> Code:
    return _block(store, "seats.blocked", asked.seats & store.free_seats_now())


def unblock_seats(store: StoreModel, asked: Asked, given: Given) -> Code:
    return _block(store, "seats.unblocked", asked.seats & store.blocked)


def _block(store: StoreModel, kind: str, seats: frozenset[int]) -> Code:
    """Those that are not free (or not blocked) stay as they are."""
    if not seats:
        return Code.UNCHANGED
    store.blocked ^= seats
    store.event(kind, "")
    return Code.OK


def release_allotment(store: StoreModel, asked: Asked, given: Given) -> Code:
    """What was set aside is on sale for everybody; whoever has some of it keeps it."""
    if not store.apart:
        return Code.UNCHANGED
    store.apart = False
    store.event("allotment.released", asked.text)
    return Code.OK


def change_lifecycle(store: StoreModel, asked: Asked, given: Given) -> Code:
    """A sale resumes to what it was before the pause; a closed one stays closed."""
    wanted = {"pause": "paused", "drain": "draining", "close": "closed"}
    lifecycle = wanted.get(asked.text, store.resume_to)
    if asked.text == "resume" and store.lifecycle != "paused":
        lifecycle = store.lifecycle
    if store.lifecycle == "closed" and asked.text != "close":
        return Code.SALE_CLOSED
    if lifecycle == store.lifecycle:
        return Code.UNCHANGED
    if lifecycle == "paused":
        store.resume_to = store.lifecycle
    store.lifecycle, store.changed = lifecycle, True
    return Code.OK
