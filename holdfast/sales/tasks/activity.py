"""Whether a sale needs ticks: whether time alone will change something that people wait for."""

from typing import Final

from holdfast_lua.calls.line_status import DrawState, LineStatus
from holdfast_queue.line.estimate import measured_per_minute
from holdfast_queue.line.status import SaleState, sale_state

SLOW_PER_MINUTE: Final = 0.5
"""the rate below which status documents show none"""


def needs_ticks(line: LineStatus, now_ms: int) -> bool:
    """Whether a sale with this status changes by itself; the line of a closed one does not."""
    if line.outstanding > 0 or line.active > 0 or line.held + line.allotted_held > 0:
        return True
    if sale_state(line, now_ms) is SaleState.CLOSED:
        return False
    return (
        line.waiting > 0
        or line.deferred > 0
        or line.called_from <= line.serving  # numbers of a gap, which nobody counts
        or line.present > 0
        or (line.frozen and line.draw is DrawState.TO_COME)
        or measured_per_minute(line, now_ms) >= SLOW_PER_MINUTE
    )


def next_change_ms(times_ms: tuple[int, ...], now_ms: int) -> int:
    """The next of these times, at which the clock changes the sale's state; 0 for none."""
    return min((at for at in times_ms if at > now_ms), default=0)
