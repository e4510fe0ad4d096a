"""What a room answers: typed results that the handlers only have to write down."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from holdfast_queue.line.estimate import Wait
from holdfast_queue.line.status import SaleState
from holdfast_queue.tokens.passes import Pass
from holdfast_queue.tokens.tickets import Ticket


class VisitorState(StrEnum):
    """Where a visitor is. After `called` only a claim tells more, since that is the store's."""

    LOBBY = "lobby"
    WAITING = "waiting"
    CALLED = "called"
    ADMITTED = "admitted"


_WIRE_NAMES = {
    "wait": "estimated_wait_seconds",
    "refresh_seconds": "refresh_interval_seconds",
}


class VisitorView(msgspec.Struct, frozen=True, gc=False, rename=_WIRE_NAMES):
    """What a visitor sees of their own place, as it is encoded. Clients rely on these names."""

    state: VisitorState
    number: int | None
    lobby_index: int | None
    called: bool
    users_ahead: int | None
    serving: int
    wait: Wait | None
    refresh_seconds: float
    revision: int
    sale_state: SaleState


@dataclass(frozen=True, slots=True)
class Admission:
    """A pass, at the time it was given.

    `again` when this admission was given before, `claimed` when it was claimed before: a join that
    went straight through gives what nobody has claimed yet.
    """

    granted: Pass
    token: str
    now_ms: int
    again: bool
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Not yet: ask again in so many seconds. `called` when only room is missing."""

    seconds: float
    called: bool


@dataclass(frozen=True, slots=True)
class JoinResult:
    """The answer to a join: a ticket, new or `again` the one that was shown."""

    token: str
    ticket: Ticket
    state: VisitorState
    again: bool
    admission: Admission | None = None
