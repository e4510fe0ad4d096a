"""Says how a sale stands in one sentence, and in the few figures that a list of sales has."""

from typing import Final

from holdfast.sales.spec import SaleSpec
from holdfast_lua.calls.line_status import LineStatus
from holdfast_lua.calls.records import Point
from holdfast_queue.line.estimate import measured_per_minute
from holdfast_queue.line.status import SaleState

MINUTE: Final = 60


def headline(state: SaleState, line: LineStatus, per_minute: float, out_s: float | None) -> str:
    """Such as: 4,120 waiting, 598 a minute, sold out in about 21 min: `out_s`, if known."""
    parts = [f"{line.waiting:,} waiting"]
    match state:
        case SaleState.SCHEDULED:
            parts = ["Not open yet"]
        case SaleState.LOBBY:
            parts = [f"{line.waiting:,} in the lobby"]
        case SaleState.PAUSED:
            parts += ["paused"]
        case SaleState.SOLD_OUT:
            parts += [f"sold out, {line.booked:,} sold"]
        case SaleState.CLOSED:
            parts = [f"Closed, {line.booked:,} sold"]
        case SaleState.OPEN | SaleState.DRAINING:
            parts += [f"{per_minute:,.0f} a minute", _ending(line, out_s)]
    return ", ".join(parts)


def _ending(line: LineStatus, out_s: float | None) -> str:
    if line.free <= 0:
        return "everything is held or sold"
    if out_s is None:
        return f"{line.free:,} left"
    return f"sold out in about {duration(out_s)}"


def duration(seconds: float) -> str:
    """About how long, in the largest unit that says it: 40 s, 21 min, 2 h 10 min."""
    minutes = round(seconds / MINUTE)
    if seconds < 2 * MINUTE:
        return f"{max(1, round(seconds))} s"
    if minutes < 2 * MINUTE:
        return f"{minutes} min"
    hours, rest = divmod(minutes, MINUTE)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def headline_figures(
    spec: SaleSpec | None, line: LineStatus | None, now_ms: int, newest: Point | None
) -> dict[str, object]:
    """The figures of a sale in a list; None for what is not known. `revenue` and `alerts` are those
    of the newest point.
    """
    figures: dict[str, object] = dict.fromkeys(_OF_LINE)
    if line is not None:
        held = line.held + line.allotted_held
        total = line.free + line.allotted_free + held + line.booked
        figures = {
            "waiting": line.waiting,
            "present": line.present if line.present >= 0 else None,
            "active": line.active,
            "free": line.free,
            "held": held,
            "sold": line.booked,
            "total": total,
            "sold_share": round(line.booked / total, 4) if total else None,
            "rate_set": line.rate_per_minute,
            "rate_realised": round(measured_per_minute(line, now_ms), 1),
        }
    start = None if spec is None else spec.event_start_time
    return {
        **figures,
        "event_start_time": start,
        "revenue": None if newest is None else newest.revenue,
        "currency": None if spec is None else spec.currency,
        "alerts": [] if newest is None else newest.alerts,
    }


_OF_LINE: Final = (
    *("waiting", "present", "active", "free", "held", "sold", "total", "sold_share"),
    *("rate_set", "rate_realised"),
)
