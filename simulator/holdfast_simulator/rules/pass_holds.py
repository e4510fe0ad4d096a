"""Holds of who has a pass: they need a session, and keep it alive (scripts/holds, orders)."""

from __future__ import annotations

from typing import Final

from holdfast_simulator.rules.line import SimulatedLine
from holdfast_simulator.rules.stock import OK

HOLDS_CLOSED: Final = "HOLDS_CLOSED"
HOLDS_NOT_OPEN: Final = "HOLDS_NOT_OPEN"
PASS_ENDED: Final = "PASS_ENDED"  # noqa: S105 - a code


def hold(line: SimulatedLine, now_ms: int, number: int, category: str, units: int) -> str:
    """Holds units for the pass of a number; a pass has one hold at a time, named by the number."""
    if line.lifecycle == "closed":
        return HOLDS_CLOSED
    if line.opens_ms > now_ms:
        return HOLDS_NOT_OPEN
    if not line.active.live(number, now_ms):
        return PASS_ENDED
    code = line.stock.hold(now_ms, number, category, units)
    if code == OK:
        line.active.extend(number, line.stock.holds[number].expires_ms)
        line.unheld.remove(number)
        line.quiet_until_ms = 0
    return code


def begin_paying(line: SimulatedLine, now_ms: int, number: int) -> str:
    """The buyer is about to be charged: hold and session last as long as they may."""
    code = line.stock.begin_paying(now_ms, number)
    if code == OK:
        line.active.extend(number, line.stock.holds[number].latest_ms)
    return code
