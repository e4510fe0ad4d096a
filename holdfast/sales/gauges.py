"""What Prometheus is shown of a sale: the facts of its status document, from the same moment."""

from holdfast.sales.sale import Sale
from holdfast_metrics.metrics import Metrics
from holdfast_queue.estimate import measured_per_minute


def observe_sale(metrics: Metrics, sale: Sale) -> None:
    """Set the sale's gauges from its newest document."""
    document = sale.room.document
    line = document.line
    metrics.waiting.labels(sale.name).set(line.waiting)
    if line.present >= 0:
        metrics.present.labels(sale.name).set(line.present)
    metrics.active.labels(sale.name).set(line.active)
    metrics.clock_skew.labels(sale.name).set(sale.ref.clock.skew_ms() / 1000)
    metrics.set_rate.labels(sale.name).set(line.rate_per_minute)
    metrics.realised_rate.labels(sale.name).set(measured_per_minute(line, document.now_ms))
    metrics.set_units(
        sale.name,
        free=line.free,
        held=line.held + line.apart_held,
        booked=line.booked,
        blocked=line.blocked,
        withheld=line.apart_free,
    )
    metrics.expired_holds.labels(sale.name).set(line.expired)
    metrics.unused_sessions.labels(sale.name).set(line.unused)
