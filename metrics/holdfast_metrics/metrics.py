"""The instruments of one process, made from the manifest.

There is one `Metrics` per process, which is passed to the code that counts, and no module-level
instrument, so that a test has its own registry and a forked worker its own files. Counters and
histograms count in plain numbers until they are flushed (see counts); gauges are the library's. No
custom collectors, exemplars, Info or Enum: multiprocess mode does not carry them.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge

from holdfast_metrics import manifest, multiprocess
from holdfast_metrics.counts import LabelledCounter, LabelledHistogram, Tally
from holdfast_metrics.library import BulkHistogram
from holdfast_metrics.manifest import Definition
from holdfast_metrics.requests import RequestCounts


class Metrics:
    """All instruments of the manifest."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.joins = self._counter(manifest.JOINS)
        self.passes = self._counter(manifest.PASSES)
        self.holds = self._counter(manifest.HOLDS)
        self.orders = self._counter(manifest.ORDERS)
        self.rejected = self._counter(manifest.REJECTED)
        self.dropped_samples = self._counter(manifest.DROPPED_SAMPLES)
        self.requests = self._counter(manifest.REQUESTS)
        self.waiting = self._gauge(manifest.WAITING)
        self.present = self._gauge(manifest.PRESENT)
        self.expired_holds = self._gauge(manifest.EXPIRED_HOLDS)
        self.unused_sessions = self._gauge(manifest.UNUSED_SESSIONS)
        self.active = self._gauge(manifest.ACTIVE)
        self.clock_skew = self._gauge(manifest.CLOCK_SKEW)
        self.set_rate = self._gauge(manifest.SET_RATE)
        self.realised_rate = self._gauge(manifest.REALISED_RATE)
        self.units = self._gauge(manifest.UNITS)
        self.open_streams = self._gauge(manifest.OPEN_STREAMS)
        self.script_seconds = self._histogram(manifest.SCRIPT_SECONDS)
        self.script_batch_size = self._histogram(manifest.SCRIPT_BATCH_SIZE)
        self.ledger_seconds = self._histogram(manifest.LEDGER_SECONDS)
        self.ledger_batch_size = self._histogram(manifest.LEDGER_BATCH_SIZE)
        self.request_seconds = self._histogram(manifest.REQUEST_SECONDS)
        self.responses = RequestCounts(self.requests, self.request_seconds)
        self._batch_tally: Tally = self.script_batch_size.labels()

    def observe_script(self, script: str, seconds: float, batch_size: int) -> None:
        """Observes a script call; the store's executor calls it."""
        self.script_seconds.labels(script).observe(seconds)
        self._batch_tally.observe(batch_size)

    def observe_transaction(self, outcome: str, batch_size: int, seconds: float) -> None:
        """Observes a transaction; the ledger's group commit calls it."""
        self.ledger_seconds.labels(outcome).observe(seconds)
        self.ledger_batch_size.labels().observe(batch_size)

    def set_units(
        self, sale: str, *, free: int, held: int, booked: int, blocked: int, withheld: int = 0
    ) -> None:
        """Sets the gauges of a sale's units, by state."""
        counters = {"free": free, "held": held, "booked": booked, "blocked": blocked}
        counters["withheld"] = withheld
        for state, units in counters.items():
            self.units.labels(sale, state).set(units)

    def flush(self) -> None:
        """Moves the counts into the series that a scrape reads."""
        self.dropped_samples.add(n=multiprocess.take_dropped_samples())
        counters = (self.joins, self.passes, self.holds, self.orders, self.rejected, self.requests)
        service = (self.dropped_samples, self.request_seconds)
        scripts = (self.script_seconds, self.script_batch_size)
        transactions = (self.ledger_seconds, self.ledger_batch_size)
        for instrument in (*counters, *scripts, *transactions, *service):
            instrument.flush()

    def _counter(self, definition: Definition) -> LabelledCounter:
        # prometheus-client adds the `_total` itself.
        name = definition.name.removesuffix("_total")
        counter = Counter(name, definition.help, definition.labels, registry=self.registry)
        return LabelledCounter(counter, len(definition.labels))

    def _gauge(self, definition: Definition) -> Gauge:
        return Gauge(
            definition.name,
            definition.help,
            definition.labels,
            registry=self.registry,
            multiprocess_mode="livesum" if definition.summed else "livemostrecent",
        )

    def _histogram(self, definition: Definition) -> LabelledHistogram:
        histogram = BulkHistogram(
            definition.name,
            definition.help,
            definition.labels,
            registry=self.registry,
            buckets=definition.buckets,
        )
        return LabelledHistogram(histogram, definition.buckets)
