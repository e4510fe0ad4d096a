"""Whether a sale is in motion: whether time alone will change something that people wait for.

A sale in which nobody waits, is called, is inside or holds anything stands still until a request or
the clock moves it, and needs no steps until then.
"""

from typing import Final

from holdfast_lua.calls.line_status import DrawState, LineStatus
from holdfast_queue.line.estimate import measured_per_minute
from holdfast_queue.line.status import SaleState, sale_state

SLOW_PER_MINUTE: Final = 0.5
"""A rate below it is shown as none."""


def in_motion(line: LineStatus, now_ms: int) -> bool:
    """By the sale's status at that moment; what a closed sale's line still holds stays as it is."""
    if line.outstanding > 0 or line.active > 0 or line.held + line.apart_held > 0:
        return True
    if sale_state(line, now_ms) is SaleState.CLOSED:
        return False
    return (
        line.waiting > 0
        or line.deferred > 0
        or line.present > 0
        or (line.frozen and line.draw is DrawState.TO_COME)
        or measured_per_minute(line, now_ms) >= SLOW_PER_MINUTE
    )


def next_change_ms(times_ms: tuple[int, ...], now_ms: int) -> int:
    """When the clock alone changes the state of a sale with these times next; 0 for never."""
    return min((at for at in times_ms if at > now_ms), default=0)
