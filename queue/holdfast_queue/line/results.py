"""What a room returns: typed results that handlers only have to encode."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from holdfast_queue.line.estimate import Wait
from holdfast_queue.line.status import SaleState
from holdfast_queue.tokens.passes import Pass
from holdfast_queue.tokens.tickets import Ticket


class VisitorState(StrEnum):
    """Where a visitor is. Whether one who was called has claimed, only the store knows."""

    LOBBY = "lobby"
    WAITING = "waiting"
    CALLED = "called"
    ADMITTED = "admitted"


_WIRE_NAMES = {
    "wait": "estimated_wait_seconds",
    "refresh_seconds": "refresh_interval_seconds",
}


class VisitorView(msgspec.Struct, frozen=True, gc=False, rename=_WIRE_NAMES):
    """A visitor's own place, as it is encoded. Clients rely on these names."""

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
    """A pass with its token, at the sale's time `now_ms`.

    `again` when the visitor was admitted before, `claimed` when the pass was claimed before: a join
    that admits at once gives a pass that nobody has claimed yet.
    """

    granted: Pass
    token: str
    now_ms: int
    again: bool
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The visitor must ask again in so many seconds; `called` when they wait for room only."""

    seconds: float
    called: bool


@dataclass(frozen=True, slots=True)
class JoinResult:
    """The ticket of a join, with its token: a new one, or with `again` one that was issued
    before.
    """

    token: str
    ticket: Ticket
    state: VisitorState
    again: bool
    admission: Admission | None = None
