"""The gauges of one sale in one process, each written only when its value has changed.

A worker sets some thirty of them several times a second for every active sale, and a write goes to
a file. What does not change costs one comparison.

Invariant: a worker writes every value that differs from the last one that it wrote itself, so when
nothing changes any more, all workers have written the same and the most recent of them is right.
"""

from prometheus_client import Gauge


class SaleSeries:
    """Sets the gauges of one sale; `currency` is that of its amounts, once known."""

    def __init__(self, name: str, uid: str) -> None:
        self.name = name
        self.uid = uid
        self.currency = ""
        self._written: dict[tuple[Gauge, tuple[str, ...]], tuple[Gauge, float]] = {}

    def set(self, gauge: Gauge, value: float, *labels: str) -> None:
        """Sets the gauge of this sale, with the values of its further labels."""
        known = self._written.get((gauge, labels))
        if known is None:
            child = gauge.labels(self.name, *labels)
        elif known[1] == value:
            return
        else:
            child = known[0]
        child.set(value)
        self._written[gauge, labels] = child, value
