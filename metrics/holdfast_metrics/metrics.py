"""The instruments of one process, made from the manifest.

There is one `Metrics` per process, which is passed to the code that counts, and no module-level
instrument, so that a test has its own registry and a forked worker its own files. Counters and
histograms count in plain numbers until they are flushed (see counts); gauges are the library's. No
custom collectors, exemplars, Info or Enum: multiprocess mode does not carry them.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge

from holdfast_metrics import multiprocess
from holdfast_metrics.counts import LabelledCounter, LabelledHistogram, Tally
from holdfast_metrics.definitions.definition import Definition, MetricKind
from holdfast_metrics.library import BulkHistogram
from holdfast_metrics.manifest import DeclaredMetrics, declared_metrics
from holdfast_metrics.requests import RequestCounts
from holdfast_metrics.sale_series import SaleSeries

CURRENCY = "currency"


class Metrics(DeclaredMetrics):
    """All instruments of the manifest."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._counted: list[tuple[Definition, LabelledCounter | LabelledHistogram]] = []
        self._gauges: list[tuple[Definition, Gauge]] = []
        self._sales: dict[str, SaleSeries] = {}
        for name, metric in declared_metrics():
            setattr(self, name, self._make(metric.definition))
        self.responses = RequestCounts(self.requests, self.request_seconds)
        self._batch_tally: Tally = self.script_batch_size.labels()
        self._open_service_series()

    # What is counted

    def observe_script(self, script: str, seconds: float, batch_size: int) -> None:
        """Observes a script call; the store's executor calls it."""
        self.script_seconds.labels(script).observe(seconds)
        self._batch_tally.observe(batch_size)

    def observe_transaction(self, outcome: str, batch_size: int, seconds: float) -> None:
        """Observes a transaction; the ledger's group commit calls it."""
        self.ledger_seconds.labels(outcome).observe(seconds)
        self.ledger_batch_size.labels().observe(batch_size)

    # The series of sales

    def sale(self, name: str, uid: str = "", currency: str = "") -> SaleSeries:
        """The gauges of a sale. At the first call all of its counters and histograms come to be
        at 0; those by currency once that is known. A sale of another uid has taken the name of one
        that was deleted, whose series are removed.
        """
        series = self._sales.get(name)
        if series is not None and uid and series.uid != uid:
            self.remove_sale(name)
            series = None
        if series is None:
            series = self._sales[name] = SaleSeries(name, uid)
            self._open_sale_series(name)
        if currency and currency != series.currency:
            series.currency = currency
            for instrument in (self.revenue, self.refunds):
                instrument.labels(name, currency)
        return series

    def forget_sale(self, name: str, uid: str) -> None:
        """As `remove_sale`, if the series are of the sale with this uid."""
        series = self._sales.get(name)
        if series is not None and series.uid == uid:
            self.remove_sale(name)

    def remove_sale(self, name: str) -> None:
        """Removes all series of a sale that was deleted, those of the node's other workers too."""
        self._drop_sale(name)
        multiprocess.remove_sale(name)

    def _open_sale_series(self, name: str) -> None:
        for definition, instrument in self._counted:
            if definition.of_sale and CURRENCY not in definition.labels:
                for values in definition.values or ((),):
                    instrument.labels(name, *values)

    def _drop_sale(self, name: str) -> None:
        self._sales.pop(name, None)
        for definition, counted in self._counted:
            if definition.of_sale:
                counted.remove(name)
        for definition, gauge in self._gauges:
            if definition.of_sale:
                gauge.remove_by_labels({"sale": name})

    def _open_service_series(self) -> None:
        """Makes the series whose labels are known."""
        for definition, instrument in self._counted:
            if not definition.labels:
                instrument.labels()
            elif not definition.of_sale:
                for values in definition.values:
                    instrument.labels(*values)

    def flush(self) -> None:
        """Moves the counts into the series that a scrape reads."""
        for name in multiprocess.take_removed_sales():
            self._drop_sale(name)
        self.dropped_samples.add(n=multiprocess.take_dropped_samples())
        for _, instrument in self._counted:
            instrument.flush()

    def _make(self, definition: Definition) -> LabelledCounter | LabelledHistogram | Gauge:
        name, help_and_labels = definition.name, (definition.help, definition.labels)
        counted: LabelledCounter | LabelledHistogram
        if definition.kind is MetricKind.HISTOGRAM:
            bounds = definition.buckets
            series = BulkHistogram(name, *help_and_labels, registry=self.registry, buckets=bounds)
            counted = LabelledHistogram(series, bounds)
        elif definition.kind is MetricKind.COUNTER and not definition.kept_elsewhere:
            # prometheus-client adds the `_total` itself.
            name = name.removesuffix("_total")
            counted = LabelledCounter(Counter(name, *help_and_labels, registry=self.registry))
        else:
            over = definition.over_workers
            gauge = Gauge(
                name, *help_and_labels, registry=self.registry, multiprocess_mode=over.value
            )
            self._gauges.append((definition, gauge))
            return gauge
        self._counted.append((definition, counted))
        return counted
