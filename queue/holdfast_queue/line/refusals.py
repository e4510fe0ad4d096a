"""The table from a script's refusing code to the error that the client gets."""

from typing import Final

from holdfast_lua.calls.codes import Code
from holdfast_web.errors import ErrorCode, HoldfastError

_ERRORS: Final = {
    Code.NOT_OPEN: ErrorCode.NOT_OPEN,
    Code.DRAINING: ErrorCode.DRAINING,
    Code.SALE_CLOSED: ErrorCode.SALE_CLOSED,
    Code.LINE_SOLD_OUT: ErrorCode.SOLD_OUT,
    Code.JOIN_REFUSED: ErrorCode.JOIN_REFUSED,
    Code.CALL_EXPIRED: ErrorCode.CALL_EXPIRED,
    Code.SESSION_OVER: ErrorCode.PASS_ENDED,
    Code.HANDOFF_USED: ErrorCode.HANDOFF_USED,
    Code.ALREADY_OPEN: ErrorCode.SALE_STARTED,
}


def refusal(code: Code) -> HoldfastError:
    """The error of a refusing code; INTERNAL_ERROR for a code that no script should return."""
    return HoldfastError(_ERRORS.get(code, ErrorCode.INTERNAL_ERROR))
