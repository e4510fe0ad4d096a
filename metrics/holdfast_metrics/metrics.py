"""The instruments of one process, made from the manifest.

There is one `Metrics` per process, which is passed to the code that counts, and no module-level
instrument, so that a test has its own registry and a forked worker its own files. Counters and
histograms count in plain numbers until they are flushed (see counts); gauges are the library's. No
custom collectors, exemplars, Info or Enum: multiprocess mode does not carry them.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge

from holdfast_metrics import multiprocess
from holdfast_metrics.counts import LabelledCounter, LabelledHistogram, Tally
from holdfast_metrics.definitions import inventory_metrics as inventory
from holdfast_metrics.definitions import line_metrics as line
from holdfast_metrics.definitions import service_metrics as service
from holdfast_metrics.definitions import storage_metrics as storage
from holdfast_metrics.definitions.definition import Definition
from holdfast_metrics.library import BulkHistogram
from holdfast_metrics.requests import RequestCounts
from holdfast_metrics.sale_series import SaleSeries

CURRENCY = "currency"


class Metrics:
    """All instruments of the manifest."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._counted: list[tuple[Definition, LabelledCounter | LabelledHistogram]] = []
        self._gauges: list[tuple[Definition, Gauge]] = []
        self._sales: dict[str, SaleSeries] = {}
        self._make_line()
        self._make_inventory()
        self._make_service()
        self._make_storage()
        self.responses = RequestCounts(self.requests, self.request_seconds)
        self._batch_tally: Tally = self.script_batch_size.labels()
        self._open_service_series()

    def _make_line(self) -> None:
        self.joins = self._counter(line.JOINS)
        self.passes = self._counter(line.PASSES)
        self.called = self._gauge(line.CALLED)
        self.lapsed = self._gauge(line.LAPSED)
        self.deferred = self._counter(line.DEFERRED)
        self.deferred_now = self._gauge(line.DEFERRED_NOW)
        self.waiting = self._gauge(line.WAITING)
        self.present = self._gauge(line.PRESENT)
        self.active = self._gauge(line.ACTIVE)
        self.active_max = self._gauge(line.ACTIVE_MAX)
        self.set_rate = self._gauge(line.SET_RATE)
        self.realised_rate = self._gauge(line.REALISED_RATE)
        self.wait_seconds = self._histogram(line.WAIT_SECONDS)
        self.wait_estimate_error = self._histogram(line.WAIT_ESTIMATE_ERROR)
        self.unused_sessions = self._gauge(line.UNUSED_SESSIONS)
        self.sale_state = self._gauge(line.SALE_STATE)
        self.sale_test = self._gauge(line.SALE_TEST)
        self.operator_changes = self._counter(line.OPERATOR_CHANGES)
        self.clock_skew = self._gauge(line.CLOCK_SKEW)

    def _make_inventory(self) -> None:
        self.units = self._gauge(inventory.UNITS)
        self.funnel = self._gauge(inventory.FUNNEL)
        self.holds = self._counter(inventory.HOLDS)
        self.expired_holds = self._gauge(inventory.EXPIRED_HOLDS)
        self.first_hold_seconds = self._histogram(inventory.FIRST_HOLD_SECONDS)
        self.oldest_hold = self._gauge(inventory.OLDEST_HOLD)
        self.orders = self._counter(inventory.ORDERS)
        self.orders_flagged = self._counter(inventory.ORDERS_FLAGGED)
        self.pending_orders = self._gauge(inventory.PENDING_ORDERS)
        self.revenue = self._counter(inventory.REVENUE)
        self.refunds = self._counter(inventory.REFUNDS)
        self.sweep_lag = self._gauge(inventory.SWEEP_LAG)
        self.checkpoint_age = self._gauge(inventory.CHECKPOINT_AGE)
        self.rebuilds = self._gauge(inventory.REBUILDS)

    def _make_service(self) -> None:
        self.requests = self._counter(service.REQUESTS)
        self.request_seconds = self._histogram(service.REQUEST_SECONDS)
        self.problems = self._counter(service.PROBLEMS)
        self.in_flight = self._gauge(service.IN_FLIGHT)
        self.in_flight_max = self._gauge(service.IN_FLIGHT_MAX)
        self.connections = self._gauge(service.CONNECTIONS)
        self.connections_max = self._gauge(service.CONNECTIONS_MAX)
        self.open_streams = self._gauge(service.OPEN_STREAMS)
        self.open_streams_max = self._gauge(service.OPEN_STREAMS_MAX)
        self.rejected = self._counter(service.REJECTED)
        self.refused = self._counter(service.REFUSED)
        self.loop_lag = self._histogram(service.LOOP_LAG)
        self.cpu_seconds = self._counter(service.CPU_SECONDS)
        self.resident_bytes = self._gauge(service.RESIDENT_BYTES)
        self.worker_restarts = self._gauge(service.WORKER_RESTARTS)
        self.build_info = self._gauge(service.BUILD_INFO)
        self.dropped_samples = self._counter(service.DROPPED_SAMPLES)

    def _make_storage(self) -> None:
        self.script_seconds = self._histogram(storage.SCRIPT_SECONDS)
        self.script_batch_size = self._histogram(storage.SCRIPT_BATCH_SIZE)
        self.executor_queue = self._gauge(storage.EXECUTOR_QUEUE)
        self.executor_queue_max = self._gauge(storage.EXECUTOR_QUEUE_MAX)
        self.store_up = self._gauge(storage.STORE_UP)
        self.store_memory = self._gauge(storage.STORE_MEMORY)
        self.store_memory_max = self._gauge(storage.STORE_MEMORY_MAX)
        self.store_keys = self._gauge(storage.STORE_KEYS)
        self.store_replicas = self._gauge(storage.STORE_REPLICAS)
        self.store_replication_lag = self._gauge(storage.STORE_REPLICATION_LAG)
        self.store_last_aof_write = self._gauge(storage.STORE_LAST_AOF_WRITE)
        self.ledger_seconds = self._histogram(storage.LEDGER_SECONDS)
        self.ledger_batch_size = self._histogram(storage.LEDGER_BATCH_SIZE)
        self.ledger_up = self._gauge(storage.LEDGER_UP)
        self.ledger_writable = self._gauge(storage.LEDGER_WRITABLE)
        self.pool_in_use = self._gauge(storage.POOL_IN_USE)
        self.pool_max = self._gauge(storage.POOL_MAX)

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

    # Instruments

    def _counter(self, definition: Definition) -> LabelledCounter:
        # prometheus-client adds the `_total` itself.
        name = definition.name.removesuffix("_total")
        counter = Counter(name, definition.help, definition.labels, registry=self.registry)
        made = LabelledCounter(counter, len(definition.labels))
        self._counted.append((definition, made))
        return made

    def _gauge(self, definition: Definition) -> Gauge:
        made = Gauge(
            definition.name,
            definition.help,
            definition.labels,
            registry=self.registry,
            multiprocess_mode=definition.over_workers.value,
        )
        self._gauges.append((definition, made))
        return made

    def _histogram(self, definition: Definition) -> LabelledHistogram:
        histogram = BulkHistogram(
            definition.name,
            definition.help,
            definition.labels,
            registry=self.registry,
            buckets=definition.buckets,
        )
        made = LabelledHistogram(histogram, definition.buckets)
        self._counted.append((definition, made))
        return made
