"""What the manifest says of one metric.

Several workers write to files of their own and a scrape adds them up; `over_workers` says how. What
each worker counts for itself is a sum. A gauge of a sale is the same value in every worker, so the
most recent one of a living worker is shown. A count that the store or the parent process keeps is
the same in every worker but for its age, and only grows: the largest is shown, as a counter that
neither the death of a worker nor a change of the leader moves.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

SALE: Final = "sale"


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
    """One metric. The `name` of a counter includes the `_total` that Prometheus shows.

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


def each(*values: str) -> tuple[tuple[str, ...], ...]:
    """The values of a metric's one label beside `sale`."""
    return tuple((value,) for value in values)
