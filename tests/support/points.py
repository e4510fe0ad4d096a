"""Points of a history for tests."""

from typing import Any

from holdfast_lua.calls.records import Point
from holdfast_lua.history import STEP_MS

START_MS = 1_700_000_000_000
EMPTY: dict[str, Any] = {
    **dict.fromkeys(("waiting", "present", "active", "joined", "called", "admitted"), 0),
    **dict.fromkeys(("held_once", "paying", "confirmed", "free", "held", "booked"), 0),
    **dict.fromkeys(("revenue", "refunded", "rate_set", "rate_realised"), 0),
}


def point(step: int, **figures: Any) -> Point:
    """The point of the step-th STEP_MS."""
    return Point(at_ms=START_MS + step * STEP_MS, **{**EMPTY, **figures})
