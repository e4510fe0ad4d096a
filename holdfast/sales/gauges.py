"""Sets the Prometheus gauges of a sale from one status document."""

from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line_status import LineStatus
from holdfast_metrics.metrics import Metrics
from holdfast_queue.line.estimate import measured_per_minute


def observe_sale(metrics: Metrics, name: str, ref: SaleRef, line: LineStatus, now_ms: int) -> None:
    """Set the sale's gauges from its status at this moment."""
    metrics.waiting.labels(name).set(line.waiting)
    if line.present >= 0:
        metrics.present.labels(name).set(line.present)
    metrics.active.labels(name).set(line.active)
    metrics.clock_skew.labels(name).set(ref.clock.skew_ms() / 1000)
    metrics.set_rate.labels(name).set(line.rate_per_minute)
    metrics.realised_rate.labels(name).set(measured_per_minute(line, now_ms))
    metrics.set_units(
        name,
        free=line.free,
        held=line.held + line.apart_held,
        booked=line.booked,
        blocked=line.blocked,
        withheld=line.apart_free,
    )
    metrics.expired_holds.labels(name).set(line.expired)
    metrics.unused_sessions.labels(name).set(line.unused)
