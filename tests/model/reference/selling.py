"""From a payment to an order and back: the scripts that pay, confirm, book, free and refund.

Each function is one script, as in holding. Whether it was a script's turn, by what the ledger
says, is not asked here: that is the ledger model's affair.
"""

from model.reference.store_model import StoreModel
from model.reference.terms import (
    ACTIVE,
    CLUB_SEATS,
    CONFIRMED,
    CONFIRMING,
    EXPIRED,
    PAYING,
    RELEASED,
    AnsweredHold,
    Hold,
    ScriptRequest,
    Violation,
    fits,
    minus,
)

from holdfast_lua.calls.codes import Code

SWEEP_BEFORE_MAX = 16
SETTLED = {
    CONFIRMED: Code.HOLD_CONFIRMED,
    CONFIRMING: Code.UNCHANGED,
    RELEASED: Code.HOLD_RELEASED,
}
"""what a confirm is told of a hold that is beyond it"""


def begin_paying(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """Until the latest time that the hold can have."""
    hold, why = store.open_hold(request)
    known = store.holds.get(request.hold_id)
    if known is not None and known.status is PAYING and not known.overdue(store.now_ms):
        return Code.UNCHANGED
    if hold is None or why is not Code.OK:
        return why
    if hold.status is not ACTIVE:
        return Code.HOLD_STATE
    hold.status, hold.in_ledger, hold.expires_ms = PAYING, True, hold.latest_ms
    store.due_set(hold.id, hold.expires_ms)
    store.saved(hold, "hold.extended")
    return Code.OK


def begin_confirm(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """A hold that has lapsed gets all of its units again, or none."""
    hold = store.holds.get(request.hold_id)
    if hold is None:
        return Code.HOLD_UNKNOWN
    if hold.status in SETTLED:
        return SETTLED[hold.status]
    if hold.status.timed and not hold.overdue(store.now_ms):
        store.confirming(hold)
        return Code.OK
    if hold.overdue(store.now_ms):
        store.end(hold, EXPIRED, "hold.expired", "expired")
    if not request.flag:
        return Code.HOLD_EXPIRED
    return _reacquire(store, hold, request.number, hold.seats)


def reacquire_hold(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """A hold that has lapsed gets equivalent seats, as many."""
    hold = store.holds.get(request.hold_id)
    if hold is None:
        return Code.HOLD_UNKNOWN
    if hold.status is not EXPIRED:
        return SETTLED.get(hold.status, Code.HOLD_STATE)
    found = answered is not None and answered.status is CONFIRMING
    seats = frozenset(answered.seats) if found and answered else None
    if seats and request.barred and seats & CLUB_SEATS and not hold.seats & CLUB_SEATS:
        raise Violation("channel", f"{hold.buyer} got {sorted(seats)} for {sorted(hold.seats)}")
    return _reacquire(store, hold, request.number, seats)


def _reacquire(store: StoreModel, hold: Hold, limit: int, seats: frozenset[int] | None) -> Code:
    """`seats` None: the store found none; whether there were any is best available's affair."""
    if store.lifecycle == "closed":
        return Code.HOLDS_CLOSED
    store.sweep(SWEEP_BEFORE_MAX)
    if store.units_of(hold.buyer) + hold.units > limit:
        return Code.HOLD_LIMIT
    room = fits(hold.areas, store.areas_free())
    if seats is None or not seats <= store.free_seats_now() or not room:
        return Code.HOLD_EXPIRED
    if len(seats) != len(hold.seats):
        raise Violation("answer", f"reacquired {sorted(seats)} for {sorted(hold.seats)}")
    hold.seats = seats
    store.confirming(hold)
    store.event("hold.reacquired", hold.id)
    return Code.HOLD_REACQUIRED


def finish_confirm(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """The ledger has sold it."""
    hold = store.holds.get(request.hold_id)
    if hold is None:
        return Code.HOLD_UNKNOWN
    if hold.status is CONFIRMED:
        return Code.HOLD_CONFIRMED
    if hold.status is not CONFIRMING:
        return Code.HOLD_STATE
    store.booked(hold)
    return Code.OK


def abort_confirm(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """The ledger will not sell it in this version."""
    hold = store.holds.get(request.hold_id)
    if hold is None:
        return Code.HOLD_UNKNOWN
    if hold.status.ended:
        return Code.UNCHANGED
    if hold.status is not CONFIRMING:
        return Code.HOLD_STATE
    if request.version not in (0, hold.version):
        return Code.HOLD_CHANGED
    expired = request.text == "expired"
    kind = "hold.expired" if expired else "hold.released"
    store.end(hold, EXPIRED if expired else RELEASED, kind, request.text)
    return Code.OK


def book_hold(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """The ledger has sold these units, whatever the store knows of it."""
    known = store.holds.get(request.hold_id)
    if known is not None and known.status is CONFIRMED:
        return Code.HOLD_CONFIRMED
    kept = known if known is not None and not known.status.ended else None
    if kept is not None and (kept.seats, kept.areas) == (request.seats, request.areas):
        store.booked(kept)
        return Code.OK
    mine = kept.seats if kept is not None else frozenset()
    short = kept is None and not fits(request.areas, store.areas_free())
    if not request.seats <= store.free_seats_now() | mine | store.blocked or short:
        return Code.SEAT_UNAVAILABLE
    if kept is not None:
        store.end(kept, RELEASED, "hold.released", "ledger_conflict")
    _book_anew(store, request, known.version if known is not None else request.version)
    return Code.OK


def _book_anew(store: StoreModel, request: ScriptRequest, version: int) -> None:
    fresh = Hold(
        request.hold_id,
        CONFIRMED,
        version,
        request.owner,
        request.seats,
        request.areas,
        request.number,
        request.number,
    )
    store.blocked -= request.seats
    store.holds[fresh.id] = fresh
    store.booked(fresh)


def drop_hold(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """It has what the ledger sold to another."""
    hold = store.holds.get(request.hold_id)
    if hold is None:
        return Code.HOLD_UNKNOWN
    if hold.status.ended:
        return Code.UNCHANGED
    if hold.status is CONFIRMED:
        return Code.HOLD_STATE
    store.end(hold, RELEASED, "hold.released", request.text)
    return Code.OK


def free_seats(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """A refund: those of the units that are still the order's."""
    hold = store.holds.get(request.hold_id)
    if hold is None:
        return Code.HOLD_UNKNOWN
    if hold.status is not CONFIRMED:
        return Code.UNCHANGED if hold.status.ended else Code.HOLD_STATE
    if request.version not in (0, hold.version):
        return Code.HOLD_CHANGED
    back = tuple(min(units) for units in zip(hold.areas, request.areas, strict=True))
    left = hold.seats - request.seats, minus(hold.areas, back)
    if left == (hold.seats, hold.areas):
        return Code.UNCHANGED
    hold.seats, hold.areas = left
    if not hold.units:
        hold.status, hold.reason = RELEASED, "refunded"
    store.saved(hold, "order.refunded")
    return Code.OK


def require_refund(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """Who paid gets no seat, and is told so once."""
    hold = store.holds.get(request.hold_id)
    if hold is not None:
        if hold.reason == "refund_required":
            return Code.UNCHANGED
        hold.reason, hold.in_ledger = "refund_required", True
        hold.version += 1
    store.event("order.refund_required", request.hold_id)
    return Code.OK
