"""What a visitor sees of their own place, worked out from the newest status document alone.

It is asked for more often than everything but the document itself, so it costs no store call, and
what it makes is what goes over the wire.
"""

from typing import Final

from holdfast_lua.line_status import DrawState
from holdfast_queue.estimate import Wait, estimate_wait
from holdfast_queue.refresh import interval_seconds
from holdfast_queue.status import SaleState, StatusDocument
from holdfast_queue.tickets import Ticket
from holdfast_queue.views import View, VisitorState

_MOVING: Final = frozenset({SaleState.OPEN, SaleState.DRAINING})
_NO_WAIT: Final = Wait(0, 0)


def view_of(
    document: StatusDocument, ticket: Ticket, number: int | None, claim_window_seconds: float
) -> View:
    """The place of the visitor with `ticket`, whose number is `number` if it is known."""
    line = document.line
    state, ahead = state_of(document, number), None
    if number is not None:
        ahead = max(0, number - line.serving - 1 - line.missing(line.serving, number - 1))
    wait = _wait(document, ahead, state)
    return View(
        state=state,
        number=number,
        lobby_index=ticket.lobby_index,
        called=state is VisitorState.CALLED,
        users_ahead=ahead,
        serving=line.serving,
        wait=wait,
        refresh_seconds=interval_seconds(_distance(document, wait), claim_window_seconds),
        revision=document.revision,
        sale_state=document.state,
    )


def state_of(document: StatusDocument, number: int | None) -> VisitorState:
    """Where somebody with this number is, as far as the document can tell."""
    if number is None:
        return VisitorState.LOBBY
    return VisitorState.CALLED if number <= document.line.serving else VisitorState.WAITING


def _wait(document: StatusDocument, ahead: int | None, state: VisitorState) -> Wait | None:
    if ahead is None or document.state not in _MOVING:
        return None
    if state is VisitorState.CALLED:
        return _NO_WAIT
    return estimate_wait(ahead, document.line, document.now_ms)


def _distance(document: StatusDocument, wait: Wait | None) -> float | None:
    """Seconds until something may happen to the visitor: the open, the draw, or the call."""
    line = document.line
    if line.frozen and line.draw is DrawState.TO_COME:
        return 0.0
    if wait is None and not line.frozen and line.opens_ms:
        return max(0.0, (line.opens_ms - document.now_ms) / 1000)
    return None if wait is None else float(wait.p50)
