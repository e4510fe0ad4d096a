"""Every code that a script can answer, in one place, for Python and for Lua.

A reply is `{code, revision, now_ms, ...}`. Codes from 0 up mean that the script did what it was
asked or found it already done; codes below 0 refuse, with nothing written. The loader replaces
`CODE.NAME` in the scripts by the number, so the two languages cannot drift and a misspelt name
fails at load; a generated Lua table was rejected because building it costs microseconds in every
single call.

Numbers are never reused: they may sit in logs. Each owner has a range, success and refusal alike:
guard 1-9, line 10-39, inventory 40-79, sale 80-99.
"""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class Code(IntEnum):
    """The outcome of a script."""

    OK = 0

    # guard
    UNCHANGED = 1  # nothing needed doing; the revision did not move
    STORE_BEHIND = -1  # sale missing, older epoch, or a revision below the caller's
    EPOCH_CHANGED = -2  # the store is in a newer epoch than the caller

    # line
    JOINED_LOBBY = 10
    JOINED_LINE = 11
    ADMITTED = 12
    ADMITTED_BEFORE = 13  # the same admission as before
    CALLED = 14  # may claim
    DEFERRED = 15  # came to claim, and finds no token, slot or stock at the moment
    ADMITTED_AT_JOIN = 16  # the join admitted this visitor already, who claims for the first time
    NOT_OPEN = -10
    DRAINING = -11
    SALE_CLOSED = -12
    LINE_SOLD_OUT = -13  # nothing free and nothing held: nobody needs to wait
    JOIN_REFUSED = -14
    CEILING_REACHED = -15  # the ledger must commit a higher one first
    NOT_CALLED = -16
    LINE_STOPPED = -17  # paused or queue_all: called, but not let in at present
    CALL_EXPIRED = -18
    SESSION_OVER = -19
    HANDOFF_USED = -20
    ALREADY_OPEN = -21
    JOIN_LIMITED = -22  # this client address has joined too often
    HANDOFF_LIMITED = -23  # this pass has exchanged too many hand-offs of late
    DRAW_MISMATCH = -30  # the store's lobby is not the one that the ledger has sealed

    # inventory (a refusal may still have freed overdue holds on its way; nothing else was written)
    HOLD_REPEATED = 40  # the same request under the same id: the hold as it is now
    HOLD_REACQUIRED = 41  # an ended hold got all of its units back
    HOLD_CONFIRMED = 42  # was confirmed before
    SEAT_UNAVAILABLE = -40
    NOT_ENOUGH_TOGETHER = -41  # units are free, but not in the shape asked for
    SOLD_OUT = -42  # nothing of what was asked for is free
    SWEEP_AGAIN = -43  # failed while more holds are overdue: expire them and repeat
    HOLD_LIMIT = -44
    IDEMPOTENCY_MISMATCH = -45
    PASS_ENDED = -46
    HOLDS_NOT_OPEN = -47
    HOLDS_CLOSED = -48
    HOLD_UNKNOWN = -49
    NOT_OWNER = -50
    HOLD_CHANGED = -51  # the caller's version is not the hold's
    HOLD_EXPIRED = -52
    HOLD_RELEASED = -53
    HOLD_STATE = -54  # the hold's status does not allow it
    ORPHAN_LEFT = -55
    INSTALL_FENCED = -56  # a newer epoch is installed or being installed
    TOO_MANY_ENDED = -58  # this buyer has ended so many holds of late that the next must wait
    CHANNEL_REQUIRED = -57  # a seat is set aside for a channel that the buyer does not carry

    # sale

    @property
    def refused(self) -> bool:
        """Whether the script wrote nothing because it declined."""
        return self < 0
