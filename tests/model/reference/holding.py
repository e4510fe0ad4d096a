"""What buyers do with holds: the scripts that make, extend, release, cancel and expire them.

Each function is one script. It says what must be answered and changes the model; `answered` is the
hold that the real script did answer. Which seats are best is the script's to choose: the model
takes what was chosen and checks that it was allowed.
"""

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
    AnsweredHold,
    Hold,
    ScriptRequest,
    Violation,
    fits,
)

from holdfast_lua.calls.codes import Code

SWEEP_BEFORE_MAX = 16
EXTEND_LEAST_MS = 1000


def hold_seats(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """Of several reasons to refuse the first one is told, but for `sold out`, which outdoes all."""
    known = store.holds.get(request.hold_id)
    if known is not None:
        return _repeated(known, request)
    if store.lifecycle == "closed":
        return Code.HOLDS_CLOSED
    store.sweep(SWEEP_BEFORE_MAX)
    free = store.free_seats_now()
    if request.barred:
        if request.seats & CLUB_SEATS:
            return Code.CHANNEL_REQUIRED
        _require_lodge_refused(request)
        free -= CLUB_SEATS
    why = _refusal(store, request, answered, free)
    if why is not Code.OK:
        return Code.SOLD_OUT if store.sold_out else why
    _take(store, request, answered, free)
    return Code.OK


def _require_lodge_refused(request: ScriptRequest) -> None:
    """The script would refuse it too; whoever calls it has done so already."""
    if request.areas[LODGE]:
        raise Violation("channel", f"{request.owner} request for the lodge without the channel")


def _repeated(known: Hold, request: ScriptRequest) -> Code:
    if known.digest == request.text:
        return Code.HOLD_REPEATED
    if known.digest:
        return Code.IDEMPOTENCY_MISMATCH
    # Cancelled before it came, or brought back by the ledger, which knows no digest.
    return Code.HOLD_RELEASED if known.status is RELEASED else Code.HOLD_REPEATED


def _refusal(
    store: StoreModel, request: ScriptRequest, answered: AnsweredHold, free: set[int]
) -> Code:
    if not request.seats <= free or not fits(request.areas, store.areas_free()):
        return Code.SEAT_UNAVAILABLE
    if store.units_of(request.owner) + _wanted(request) > request.number:
        return Code.HOLD_LIMIT
    if request.quantity and answered is None:
        _require_none_together(free, request.quantity)
        return Code.NOT_ENOUGH_TOGETHER if free else Code.SOLD_OUT
    return Code.OK


def _require_none_together(free: set[int], quantity: int) -> None:
    for block in BLOCKS:
        for at in range(len(block) - quantity + 1):
            if free.issuperset(block[at : at + quantity]):
                first = block[at]
                raise Violation("answer", f"{quantity} seats from {first} are free together")


def _wanted(request: ScriptRequest) -> int:
    return len(request.seats) + request.quantity + sum(request.areas)


def _take(
    store: StoreModel, request: ScriptRequest, answered: AnsweredHold, free: set[int]
) -> None:
    seats = request.seats
    if request.quantity:
        assert answered is not None
        seats = frozenset(answered.seats)
        if request.barred and seats & CLUB_SEATS:
            raise Violation("channel", f"{request.owner} got {sorted(seats)} without the channel")
        if len(seats) != request.quantity or not seats <= free:
            raise Violation("double", f"picked {sorted(seats)} of {sorted(free)}")
    expires_ms = store.now_ms + request.hold_ms
    store.holds[request.hold_id] = Hold(
        request.hold_id,
        ACTIVE,
        1,
        request.owner,
        seats,
        request.areas,
        expires_ms,
        store.now_ms + request.hold_max_ms,
        request.text,
    )
    store.due_set(request.hold_id, expires_ms)
    store.event("hold.created", request.hold_id)


def extend_hold(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """As far as the hold's latest time allows."""
    hold, why = store.open_hold(request)
    if hold is None or why is not Code.OK:
        return why
    if hold.status is not ACTIVE:
        return Code.HOLD_STATE
    expires_ms = min(store.now_ms + request.number, hold.latest_ms)
    least_ms = max(1, min(EXTEND_LEAST_MS, hold.latest_ms - hold.expires_ms))
    if expires_ms < hold.expires_ms + least_ms:
        return Code.UNCHANGED
    hold.expires_ms = expires_ms
    store.due_set(hold.id, expires_ms)
    store.saved(hold, "hold.extended")
    return Code.OK


def release_hold(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """Its owner's to do; while it is being paid, the platform's alone."""
    hold, why = store.open_hold(request)
    if hold is None or why is not Code.OK:
        return Code.UNCHANGED if why is Code.HOLD_RELEASED else why
    if hold.status is not ACTIVE and not (hold.status is PAYING and request.owner == ""):
        return Code.HOLD_STATE
    store.end(hold, RELEASED, "hold.released", request.text)
    return Code.OK


def cancel_hold(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    """A hold that has yet to come leaves a tombstone, so that it never comes."""
    hold = store.holds.get(request.hold_id)
    if hold is None:
        _leave_tombstone(store, request)
        return Code.OK
    if hold.buyer != request.owner:
        return Code.NOT_OWNER
    if hold.status.ended:
        return Code.UNCHANGED
    if hold.status is not ACTIVE:
        return Code.HOLD_STATE
    store.end(hold, RELEASED, "hold.released", "cancelled")
    return Code.OK


def _leave_tombstone(store: StoreModel, request: ScriptRequest) -> None:
    now_ms = store.now_ms
    store.holds[request.hold_id] = Hold(
        request.hold_id,
        RELEASED,
        1,
        request.owner,
        frozenset(),
        NO_UNITS,
        now_ms,
        now_ms,
        reason="cancelled",
    )
    store.due_set(request.hold_id, now_ms + RELEASED_KEPT_MS)


def expire_holds(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    if not store.stock_overdue():
        return Code.UNCHANGED
    store.sweep(request.number)
    return Code.OK


def read_hold(store: StoreModel, request: ScriptRequest, answered: AnsweredHold) -> Code:
    return Code.OK if request.hold_id in store.holds else Code.HOLD_UNKNOWN
