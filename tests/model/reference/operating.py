"""What the operator does to the stock: blocks seats, lets allotments out, closes the sale."""

from model.reference.store_model import StoreModel
from model.reference.terms import AnsweredHold, ScriptRequest

from holdfast_lua.calls.codes import Code


def block_seats(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    return _block(store, "seats.blocked", request.seats & store.free_seats_now())


def unblock_seats(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    return _block(store, "seats.unblocked", request.seats & store.blocked)


def _block(store: StoreModel, kind: str, seats: frozenset[int]) -> Code:
    """Those that are not free (or not blocked) stay as they are."""
    if not seats:
        return Code.UNCHANGED
    store.blocked ^= seats
    store.event(kind, "")
    return Code.OK


def release_allotment(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """What was set aside is on sale for everybody; whoever has some of it keeps it."""
    if not store.allotted:
        return Code.UNCHANGED
    store.allotted = False
    store.event("allotment.released", request.text)
    return Code.OK


def change_lifecycle(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """A sale resumes to what it was before the pause; a closed one stays closed."""
    wanted = {"pause": "paused", "drain": "draining", "close": "closed"}
    lifecycle = wanted.get(request.text, store.resume_to)
    if request.text == "resume" and store.lifecycle != "paused":
        lifecycle = store.lifecycle
    if store.lifecycle == "closed" and request.text != "close":
        return Code.SALE_CLOSED
    if lifecycle == store.lifecycle:
        return Code.UNCHANGED
    if lifecycle == "paused":
        store.resume_to = store.lifecycle
    store.lifecycle, store.changed = lifecycle, True
    return Code.OK
