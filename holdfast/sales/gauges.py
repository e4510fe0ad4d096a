"""Sets the Prometheus gauges of sales, each from its status document."""

from holdfast.figures.recorder import Recorder, show_untouched
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.sale import Sale
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line_status import LineStatus
from holdfast_lua.clock import WorstSkew
from holdfast_metrics.metrics import Metrics
from holdfast_metrics.sale_series import SaleSeries
from holdfast_queue.line.estimate import measured_per_minute
from holdfast_queue.line.status import SaleState, sale_state


class SaleGauges:
    """The gauges of all sales of a worker, and the worst skew of their clocks."""

    def __init__(
        self, metrics: Metrics, directory: SaleDirectory, skew: WorstSkew, recorder: Recorder
    ) -> None:
        self._metrics = metrics
        self._recorder = recorder
        self._directory = directory
        self._skew = skew

    def observe(
        self, name: str, ref: SaleRef, line: LineStatus, now_ms: int, *, test: bool
    ) -> None:
        """Sets a sale's gauges from its status at this moment, and those of its counters that the
        store keeps. The first time, all series of the sale come to be.
        """
        self._skew.note(ref.clock.skew_ms())
        known = self._directory.loaded(name)
        series = self._metrics.sale(name, ref.uid, "" if known is None else known.spec.currency)
        series.set(self._metrics.sale_test, int(test))
        _show_line(self._metrics, series, ref, line, now_ms)
        _show_stock(self._metrics, series, line)
        if line.issued + line.held + line.allotted_held + line.booked == 0:
            show_untouched(self._metrics, series)
        current = sale_state(line, now_ms)
        for state in SaleState:
            series.set(self._metrics.sale_state, int(state is current), state.value)

    def forget(self, name: str, uid: str) -> None:
        """Removes the series of a sale that was deleted, wherever that was done."""
        self._metrics.forget_sale(name, uid)
        self._recorder.forget(uid)

    async def record(self, sale: Sale) -> None:
        """Records the figures of a sale that this worker does the housekeeping of."""
        await self._recorder.record(sale)


def _show_line(
    metrics: Metrics, sale: SaleSeries, ref: SaleRef, line: LineStatus, now_ms: int
) -> None:
    sale.set(metrics.waiting, line.waiting)
    sale.set(metrics.present, max(0, line.present))
    sale.set(metrics.active, line.active)
    sale.set(metrics.active_max, line.cap)
    sale.set(metrics.deferred_now, line.deferred)
    sale.set(metrics.clock_skew, ref.clock.skew_ms() / 1000)
    sale.set(metrics.set_rate, line.rate_per_minute)
    sale.set(metrics.realised_rate, measured_per_minute(line, now_ms))
    sale.set(metrics.unused_sessions, line.unused)
    sale.set(metrics.called, line.called)
    sale.set(metrics.lapsed, line.lapsed)
    sale.set(metrics.rebuilds, ref.epoch - 1)


def _show_stock(metrics: Metrics, sale: SaleSeries, line: LineStatus) -> None:
    sale.set(metrics.expired_holds, line.expired)
    stages = {"joined": line.issued, "called": line.called}
    stages |= {"admitted": line.admitted, "held": line.first_holds}
    for stage, count in stages.items():
        sale.set(metrics.funnel, count, stage)
    for state, units in units_by_state(line).items():
        sale.set(metrics.units, units, state)


def units_by_state(line: LineStatus) -> dict[str, int]:
    """Seats and area units by state; what is set aside for others is `withheld` while free."""
    return {
        "free": line.free,
        "held": line.held + line.allotted_held,
        "booked": line.booked,
        "blocked": line.blocked,
        "withheld": line.allotted_free,
    }
