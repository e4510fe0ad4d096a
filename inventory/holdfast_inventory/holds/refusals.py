"""Maps the codes of the inventory's scripts to the errors of the API."""

from __future__ import annotations

from typing import Final

from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.hold_terms import HoldAnswer
from holdfast_web.errors import ErrorCode, HoldfastError

_ERRORS: Final = {
    Code.SEAT_UNAVAILABLE: ErrorCode.SEAT_UNAVAILABLE,
    Code.NOT_ENOUGH_TOGETHER: ErrorCode.NOT_ENOUGH_TOGETHER,
    Code.SOLD_OUT: ErrorCode.SOLD_OUT,
    Code.SWEEP_AGAIN: ErrorCode.STORE_BUSY,
    Code.HOLD_LIMIT: ErrorCode.HOLD_LIMIT_EXCEEDED,
    Code.IDEMPOTENCY_MISMATCH: ErrorCode.IDEMPOTENCY_MISMATCH,
    Code.PASS_ENDED: ErrorCode.PASS_ENDED,
    Code.HOLDS_NOT_OPEN: ErrorCode.NOT_OPEN,
    Code.HOLDS_CLOSED: ErrorCode.SALE_CLOSED,
    Code.HOLD_UNKNOWN: ErrorCode.UNKNOWN_HOLD,
    Code.NOT_OWNER: ErrorCode.NOT_OWNER,
    Code.HOLD_CHANGED: ErrorCode.CONFLICT,
    Code.HOLD_EXPIRED: ErrorCode.HOLD_EXPIRED,
    Code.HOLD_RELEASED: ErrorCode.HOLD_RELEASED,
    Code.HOLD_STATE: ErrorCode.HOLD_STATE,
    Code.ORPHAN_LEFT: ErrorCode.ORPHAN_LEFT,
    Code.TOO_MANY_ENDED: ErrorCode.TOO_MANY_REQUESTS,
    Code.CHANNEL_REQUIRED: ErrorCode.CHANNEL_REQUIRED,
}

_TOO_MANY_ENDED: Final = "Too many holds of this buyer have ended of late; wait with the next."
_YOURS: Final = "The buyer holds or has bought a requested seat already; `yours` lists which."


def refusal_of(
    answer: HoldAnswer, plan: Plan, settings: InventorySettings, epoch: int
) -> HoldfastError:
    """The error for an answer that refused; `conflicts` name the seats and areas in the way.

    In a rebuilt sale a lost hold cannot be distinguished from one that never was: both are answered
    with `hold_lost`, before anybody is charged.
    """
    if answer.code is Code.HOLD_UNKNOWN and epoch > 1:
        return HoldfastError(ErrorCode.HOLD_LOST)
    code = _ERRORS[answer.code]
    if answer.code is Code.HOLD_STATE and answer.hold is not None:
        status = answer.hold.status_at(answer.now_ms).name.lower()
        return HoldfastError(code, f"The hold is {status}.", status_of_hold=status)
    if answer.code is Code.TOO_MANY_ENDED:
        seconds = max(1, -(-answer.wait_ms // 1000))
        return HoldfastError(code, _TOO_MANY_ENDED, retry_after=seconds)
    conflicts = [plan.guids[seat] for seat in answer.seats]
    conflicts += [settings.areas[area].id for area in answer.areas]
    if answer.own:
        yours = [plan.guids[seat] for seat in answer.own]
        return HoldfastError(code, _YOURS, conflicts=conflicts, yours=yours)
    if conflicts:
        return HoldfastError(code, conflicts=conflicts)
    return HoldfastError(code)
