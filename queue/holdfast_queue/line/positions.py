"""What visitors see of their own places, worked out from one status document.

A visitor's own view is asked for more often than everything but the document itself. So whatever
does not depend on the visitor is worked out once for each document, the rest is a few sums, and
what they make is what goes over the wire. No store call, nothing kept.
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
    """Everybody's view by one document."""

    __slots__ = (
        "_drawing",
        "_forecast",
        "_moving",
        "_opening",
        "_pace",
        "_revision",
        "_state",
        "line",
    )

    def __init__(self, document: StatusDocument, claim_window_seconds: float) -> None:
        self.line = line = document.line
        self._state = document.state
        self._revision = document.revision
        self._moving = document.state in _MOVING
        self._forecast = forecast(line) if self._moving else None
        self._drawing = line.frozen and line.draw is DrawState.TO_COME
        self._opening: float | None = None
        if not line.frozen and line.opens_ms:
            self._opening = max(0.0, (line.opens_ms - document.now_ms) / 1000)
        self._pace = RefreshIntervals(claim_window_seconds)

    def view(self, ticket: Ticket, number: int | None) -> VisitorView:
        """The place of the visitor with `ticket`, whose number is `number` if it is known."""
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
            self._pace.seconds(self._distance(wait)),
            self._revision,
            self._state,
        )

    def _distance(self, wait: Wait | None) -> float | None:
        """Seconds until something may happen to the visitor: the open, the draw, or the call."""
        if self._drawing:
            return 0.0
        return self._opening if wait is None else wait.p50


def state_of(document: StatusDocument, number: int | None) -> VisitorState:
    """Where somebody with this number is, as far as the document can tell."""
    if number is None:
        return VisitorState.LOBBY
    return VisitorState.CALLED if number <= document.line.serving else VisitorState.WAITING
