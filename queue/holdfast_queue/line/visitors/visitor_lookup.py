"""Finds one visitor of a line for an operator: by number, ticket, pass or identity.

A line keeps nothing of those who wait, so what can be told depends on what is given. A ticket or an
identity leads to number, pass and buyer. A number alone leads to its call, and a pass alone to its
session: which pass a number became is known by the ticket, and by the event of its admission. That
event is also all that tells who was admitted by the join itself from who was called and never came.
"""

from enum import StrEnum

import msgspec

from holdfast_lua.calls.line import MAX_NUMBER
from holdfast_lua.calls.line_status import VisitorTraces
from holdfast_queue.line.state import LineState
from holdfast_queue.tokens.tickets import Ticket
from holdfast_web.errors import ErrorCode, HoldfastError


class FoundState(StrEnum):
    """Where a visitor is, as far as store and line know."""

    LOBBY = "lobby"
    WAITING = "waiting"
    CALLED = "called"
    """called, and may still claim"""
    LAPSED = "lapsed"
    """called, and never came"""
    ADMITTED = "admitted"
    ENDED = "ended"
    """came to claim, and no session of theirs is known to live"""


class KnownVisitor(msgspec.Struct, frozen=True):
    """What is known of a visitor before the store is asked; empty or None where it is not."""

    number: int | None = None
    lobby_index: int | None = None
    pass_id: str = ""
    buyer: str = ""
    admitted: bool = False
    """whether an event tells that the number was admitted"""


class FoundVisitor(msgspec.Struct, frozen=True):
    """A visitor as the store knows them now; `traces` are its own words."""

    known: KnownVisitor
    state: FoundState
    users_ahead: int | None
    now_ms: int
    traces: VisitorTraces


class VisitorLookup:
    """Finds the visitors of one line, in one process."""

    def __init__(self, line_state: LineState) -> None:
        self._line_state = line_state

    def by_ticket(self, ticket: Ticket) -> KnownVisitor:
        """The visitor with this ticket of the sale."""
        number = self._line_state.number_of(ticket)
        return KnownVisitor(number, ticket.lobby_index, ticket.pass_id, ticket.subject)

    async def find(self, known: KnownVisitor) -> FoundVisitor:
        """The visitor as the store has them at this moment; one store call.

        Raises UNKNOWN_VISITOR for a number that nobody has been given.
        """
        traces = await self._line_state.services.calls.find_visitor(
            self._line_state.ref, min(known.number or 0, MAX_NUMBER), known.pass_id
        )
        if known.number is not None and known.number > traces.issued:
            raise HoldfastError(ErrorCode.UNKNOWN_VISITOR)
        state = _state(known, traces)
        ahead = self._users_ahead(known.number) if state is FoundState.WAITING else None
        return FoundVisitor(known, state, ahead, self._line_state.ref.clock.now_ms(), traces)

    def _users_ahead(self, number: int | None) -> int | None:
        ref = self._line_state.ref
        ticket = Ticket(ref.uid, ref.epoch, 0, number, None, 0)
        return self._line_state.positions.view(ticket, number).users_ahead


def _state(known: KnownVisitor, traces: VisitorTraces) -> FoundState:
    if traces.session_ms:
        return FoundState.ADMITTED
    if known.number is None:
        return FoundState.ENDED if known.lobby_index is None else FoundState.LOBBY
    if known.number > traces.serving:
        return FoundState.WAITING
    if traces.until_ms:
        return FoundState.CALLED
    return FoundState.ENDED if traces.shown or known.admitted else FoundState.LAPSED
