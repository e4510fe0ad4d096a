"""Waits as a page of the waiting room is told them."""

from holdfast_lua.calls.line_status import LineStatus
from holdfast_queue.line.estimate import Wait, forecast


def estimate_wait(ahead: int, status: LineStatus) -> Wait | None:
    """The wait of a visitor with `ahead` people in front; None when it cannot be known."""
    moves = forecast(status)
    return None if moves is None else moves.wait(ahead)
