"""Visitors' views of their own places, computed from one status document.

A visitor's view is requested more often than everything but the document itself. So whatever does
not depend on the visitor is computed once for each document; the rest is a few sums, and their
result is encoded as it is. No store call, no state.
"""

from typing import Final

from holdfast_lua.calls.line_status import DrawState
from holdfast_queue.line.estimate import Wait, forecast
from holdfast_queue.line.refresh_interval import RefreshIntervals
from holdfast_queue.line.results import VisitorState, VisitorView
from holdfast_queue.line.status import SaleState, StatusDocument
from holdfast_queue.tokens.tickets import Ticket

_MOVING: Final = frozenset({SaleState.OPEN, SaleState.DRAINING})
_NO_WAIT: Final = Wait(0, 0)


class Positions:
    """Computes the view of any visitor by one document."""

    __slots__ = (
        "_drawing",
        "_forecast",
        "_intervals",
        "_moving",
        "_revision",
        "_state",
        "_to_open_seconds",
        "line",
    )

    def __init__(self, document: StatusDocument, claim_window_seconds: float) -> None:
        self.line = line = document.line
        self._state = document.state
        self._revision = document.revision
        self._moving = document.state in _MOVING
        self._forecast = forecast(line) if self._moving else None
        self._drawing = line.frozen and line.draw is DrawState.TO_COME
        self._to_open_seconds: float | None = None
        if not line.frozen and line.opens_ms:
            self._to_open_seconds = max(0.0, (line.opens_ms - document.now_ms) / 1000)
        self._intervals = RefreshIntervals(claim_window_seconds)

    def view(self, ticket: Ticket, number: int | None) -> VisitorView:
        """The view of the visitor with `ticket`; `number` is theirs, None while it is not known."""
        serving, wait = self.line.serving, None
        if number is None:
            state, ahead = VisitorState.LOBBY, None
        elif number <= serving:
            state, ahead = VisitorState.CALLED, 0
            wait = _NO_WAIT if self._moving else None
        else:
            state = VisitorState.WAITING
            ahead = number - serving - 1 - self.line.missing(serving, number - 1)
            wait = self._forecast.wait(ahead) if self._forecast else None
        return VisitorView(
            state,
            number,
            ticket.lobby_index,
            state is VisitorState.CALLED,
            ahead,
            serving,
            wait,
            self._intervals.seconds(self._seconds_to_next(wait)),
            self._revision,
            self._state,
        )

    def _seconds_to_next(self, wait: Wait | None) -> float | None:
        """Seconds until the open, the draw or the call, whichever is next; None when not known."""
        if self._drawing:
            return 0.0
        return self._to_open_seconds if wait is None else wait.p50


def state_of(document: StatusDocument, number: int | None) -> VisitorState:
    """The state of a visitor with this number, by the document."""
    if number is None:
        return VisitorState.LOBBY
    return VisitorState.CALLED if number <= document.line.serving else VisitorState.WAITING
