"""What buyers do with holds: the scripts that make, extend, release, cancel and expire them.

Each function is one script. It says what must be answered and changes the model; `given` is the
hold that the real script did answer. Which seats are best is the script's to choose: the model
takes what was chosen and checks that it was allowed.
"""

from __future__ import annotations

from model.reference.store_model import StoreModel
from model.reference.terms import (
    ACTIVE,
    BLOCKS,
    CLUB_SEATS,
    LODGE,
    NO_UNITS,
    PAYING,
    RELEASED,
    RELEASED_KEPT_MS,
    Asked,
    Given,
    Hold,
    Violation,
    fits,
)

from holdfast_lua.codes import Code

SWEEP_BEFORE_MAX = 16
EXTEND_LEAST_MS = 1000


def hold_seats(store: StoreModel, asked: Asked, given: Given) -> Code:
    """Of several reasons to refuse the first one is told, but for `sold out`, which outdoes all."""
    known = store.holds.get(asked.hold_id)
    if known is not None:
        return _repeated(known, asked)
    if store.lifecycle == "closed":
        return Code.HOLDS_CLOSED
    store.sweep(SWEEP_BEFORE_MAX)
    free = store.free_seats_now()
    if asked.barred:
        if asked.seats & CLUB_SEATS:
            return Code.CHANNEL_REQUIRED
        _require_lodge_refused(asked)
        free -= CLUB_SEATS
    why = _refusal(store, asked, given, free)
    if why is not Code.OK:
        return Code.SOLD_OUT if store.sold_out else why
    _take(store, asked, given, free)
    return Code.OK


def _require_lodge_refused(asked: Asked) -> None:
    """The script would refuse it too; whoever calls it has done so already."""
    if asked.areas[LODGE]:
        raise Violation("channel", f"{asked.owner} asked for the lodge without the channel")


def _repeated(known: Hold, asked: Asked) -> Code:
    if known.digest == asked.text:
        return Code.HOLD_REPEATED
    if known.digest:
        return Code.IDEMPOTENCY_MISMATCH
    # Cancelled before it came, or brought back by the ledger, which knows no digest.
    return Code.HOLD_RELEASED if known.status is RELEASED else Code.HOLD_REPEATED


def _refusal(store: StoreModel, asked: Asked, given: Given, free: set[int]) -> Code:
    if not asked.seats <= free or not fits(asked.areas, store.areas_free()):
        return Code.SEAT_UNAVAILABLE
    if store.units_of(asked.owner) + _wanted(asked) > asked.number:
        return Code.HOLD_LIMIT
    if asked.quantity and given is None:
        _require_none_together(free, asked.quantity)
        return Code.NOT_ENOUGH_TOGETHER if free else Code.SOLD_OUT
    return Code.OK


def _require_none_together(free: set[int], quantity: int) -> None:
    for block in BLOCKS:
        for at in range(len(block) - quantity + 1):
            if free.issuperset(block[at : at + quantity]):
                first = block[at]
                raise Violation("answer", f"{quantity} seats from {first} are free together")


def _wanted(asked: Asked) -> int:
    return len(asked.seats) + asked.quantity + sum(asked.areas)


def _take(store: StoreModel, asked: Asked, given: Given, free: set[int]) -> None:
    seats = asked.seats
    if asked.quantity:
        assert given is not None
        seats = frozenset(given.seats)
        if asked.barred and seats & CLUB_SEATS:
            raise Violation("channel", f"{asked.owner} got {sorted(seats)} without the channel")
        if len(seats) != asked.quantity or not seats <= free:
            raise Violation("double", f"picked {sorted(seats)} of {sorted(free)}")
    expires_ms = store.now_ms + asked.hold_ms
    store.holds[asked.hold_id] = Hold(
        asked.hold_id,
        ACTIVE,
        1,
        asked.owner,
        seats,
        asked.areas,
        expires_ms,
        store.now_ms + asked.hold_max_ms,
        asked.text,
    )
    store.due_set(asked.hold_id, expires_ms)
    store.event("hold.created", asked.hold_id)


def extend_hold(store: StoreModel, asked: Asked, given: Given) -> Code:
    """As far as the hold's latest time allows."""
    hold, why = store.open_hold(asked)
    if hold is None or why is not Code.OK:
        return why
    if hold.status is not ACTIVE:
        return Code.HOLD_STATE
    expires_ms = min(store.now_ms + asked.number, hold.latest_ms)
    least_ms = max(1, min(EXTEND_LEAST_MS, hold.latest_ms - hold.expires_ms))
    if expires_ms < hold.expires_ms + least_ms:
        return Code.UNCHANGED
    hold.expires_ms = expires_ms
    store.due_set(hold.id, expires_ms)
    store.saved(hold, "hold.extended")
    return Code.OK


def release_hold(store: StoreModel, asked: Asked, given: Given) -> Code:
    """Its owner's to do; while it is being paid, the platform's alone."""
    hold, why = store.open_hold(asked)
    if hold is None or why is not Code.OK:
        return Code.UNCHANGED if why is Code.HOLD_RELEASED else why
    if hold.status is not ACTIVE and not (hold.status is PAYING and asked.owner == ""):
        return Code.HOLD_STATE
    store.end(hold, RELEASED, "hold.released", asked.text)
    return Code.OK


def cancel_hold(store: StoreModel, asked: Asked, given: Given) -> Code:
    """A hold that has yet to come leaves a tombstone, so that it never comes."""
    hold = store.holds.get(asked.hold_id)
    if hold is None:
        _bury(store, asked)
        return Code.OK
    if hold.buyer != asked.owner:
        return Code.NOT_OWNER
    if hold.status.ended:
        return Code.UNCHANGED
    if hold.status is not ACTIVE:
        return Code.HOLD_STATE
    store.end(hold, RELEASED, "hold.released", "cancelled")
    return Code.OK


def _bury(store: StoreModel, asked: Asked) -> None:
    now_ms = store.now_ms
    store.holds[asked.hold_id] = Hold(
        asked.hold_id,
        RELEASED,
        1,
        asked.owner,
        frozenset(),
        NO_UNITS,
        now_ms,
        now_ms,
        reason="cancelled",
    )
    store.due_set(asked.hold_id, now_ms + RELEASED_KEPT_MS)


def expire_holds(store: StoreModel, asked: Asked, given: Given) -> Code:
    if not store.stock_overdue():
        return Code.UNCHANGED
    store.sweep(asked.number)
    return Code.OK


def read_hold(store: StoreModel, asked: Asked, given: Given) -> Code:
    return Code.OK if asked.hold_id in store.holds else Code.HOLD_UNKNOWN
