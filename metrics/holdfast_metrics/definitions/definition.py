"""How a metric is declared: its definition, and the kind of instrument that it is made into.

Several workers write to files of their own and a scrape adds them up; `over_workers` says how. What
each worker counts for itself is a sum. A gauge of a sale is the same value in every worker, so the
most recent one of a living worker is shown. A count that the store or the parent process keeps is
the same in every worker but for its age, and only grows: the largest is shown, as a counter that
neither the death of a worker nor a change of the leader moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import product
from typing import Final, Generic, TypeVar, overload

from prometheus_client import Gauge

from holdfast_metrics.counts import LabelledCounter, LabelledHistogram

SALE: Final = "sale"
T = TypeVar("T", LabelledCounter, LabelledHistogram, Gauge)


class MetricKind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class OverWorkers(Enum):
    """How the values of several workers become one; the values are the library's names."""

    SUM = "livesum"
    LATEST = "livemostrecent"
    LARGEST = "livemax"


@dataclass(frozen=True)
class Definition:
    """What the manifest says of a metric. The name of a counter includes Prometheus's `_total`.

    `values` are the values that the labels other than `sale` can have, in the order of `labels`:
    these series exist at 0 from the start of the service or the creation of the sale. Where it is
    empty, they are not known before.
    """

    name: str
    kind: MetricKind
    help: str
    why: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()
    values: tuple[tuple[str, ...], ...] = ()
    over_workers: OverWorkers = OverWorkers.LATEST

    @property
    def of_sale(self) -> bool:
        """Whether each sale has series of its own, which go with it."""
        return self.labels[:1] == (SALE,)

    @property
    def kept_elsewhere(self) -> bool:
        """Whether it is a counter whose value is read, not counted here."""
        return self.kind is MetricKind.COUNTER and self.over_workers is OverWorkers.LARGEST


class Metric(Generic[T]):
    """A metric as a member of a class: of the class its definition, of an object its instrument.

    `Metrics` sets the instruments in each object, where they are found before this.
    """

    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    @overload
    def __get__(self, metrics: None, owner: type) -> Definition: ...
    @overload
    def __get__(self, metrics: object, owner: type) -> T: ...
    def __get__(self, metrics: object, owner: type) -> Definition | T:
        return self.definition


@dataclass(frozen=True)
class MetricBuilder:
    """Declares metrics whose series all have these labels, and the further ones that are given.

    A further label is given with the values that it can have; with none they are not known before.
    """

    labels: tuple[str, ...] = ()

    def counter(
        self, name: str, help: str, why: str, unit: str = "", **further: tuple[str, ...]
    ) -> Metric[LabelledCounter]:
        """What each worker counts for itself."""
        return Metric(self._define(MetricKind.COUNTER, name, help, why, unit=unit, further=further))

    def kept_counter(
        self, name: str, help: str, why: str, unit: str, **further: tuple[str, ...]
    ) -> Metric[Gauge]:
        """A count that the store or the parent process keeps, and workers read."""
        made = self._define(MetricKind.COUNTER, name, help, why, unit=unit, further=further)
        return Metric(replace(made, over_workers=OverWorkers.LARGEST))

    def gauge(
        self, name: str, help: str, why: str, unit: str = "", **further: tuple[str, ...]
    ) -> Metric[Gauge]:
        """A value that is the same for all workers, or of one of them alone."""
        return Metric(self._define(MetricKind.GAUGE, name, help, why, unit=unit, further=further))

    def added_gauge(self, name: str, help: str, why: str, unit: str) -> Metric[Gauge]:
        """A value of each worker, of which the sum is shown."""
        made = self._define(MetricKind.GAUGE, name, help, why, unit=unit, further={})
        return Metric(replace(made, over_workers=OverWorkers.SUM))

    def histogram(
        self,
        name: str,
        help: str,
        why: str,
        unit: str,
        buckets: tuple[float, ...],
        **further: tuple[str, ...],
    ) -> Metric[LabelledHistogram]:
        """What each worker observes for itself."""
        made = self._define(MetricKind.HISTOGRAM, name, help, why, unit=unit, further=further)
        return Metric(replace(made, buckets=buckets))

    def _define(
        self,
        kind: MetricKind,
        name: str,
        help: str,
        why: str,
        *,
        unit: str,
        further: Mapping[str, tuple[str, ...]],
    ) -> Definition:
        values = tuple(product(*further.values())) if further else ()
        return Definition(name, kind, help, why, (*self.labels, *further), unit, values=values)


OF_SALE: Final = MetricBuilder((SALE,))
OF_SERVICE: Final = MetricBuilder()
