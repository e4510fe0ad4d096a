"""Counts in plain integers, flushed into Prometheus series twice a second.

`count.value += 1` costs less than 100 ns; a labelled increment of the library in multiprocess mode
costs twenty times that and an observation eighty times, since it finds its child, takes locks and
writes to a file. So every counter and histogram of the service counts this way, and a scrape sees
the counts of another worker at most one flush interval late.

Invariant: a count only grows, and a flush moves exactly the growth since the last one. All of it
runs on the event loop's thread of one process.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from prometheus_client import Counter

from holdfast_metrics.library import BulkHistogram


class Count:
    """One series of a counter; callers keep it and add to `value`."""

    __slots__ = ("_flushed", "_series", "value")

    def __init__(self, series: Counter) -> None:
        self.value: float = 0
        self._flushed: float = 0
        self._series = series

    def flush(self) -> None:
        # The value itself is kept: the sum of the growths may be a little more, as seconds are no
        # integers, and less than what was flushed is no growth.
        value = self.value
        if value > self._flushed:
            self._series.inc(value - self._flushed)
            self._flushed = value


class Tally:
    """One series of a histogram: observations by bucket since the last flush, and their sum."""

    __slots__ = ("_bounds", "_counts", "_series", "_total")

    def __init__(self, series: BulkHistogram, bounds: Sequence[float]) -> None:
        self._series = series
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        # A bound belongs to its bucket; what is above all of them goes into the last one, +Inf.
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def flush(self) -> None:
        if any(self._counts):
            self._series.observe_all(self._counts, self._total)
            self._counts = [0] * len(self._counts)
            self._total = 0.0


S = TypeVar("S", Count, Tally)


class _Labelled(Generic[S]):
    """A metric of the manifest: one series of counts for each combination of label values."""

    def __init__(self, metric: Counter | BulkHistogram, make: Callable[[Any], S]) -> None:
        self._metric = metric
        self._make: Callable[[Any], S] = make
        self._series: dict[tuple[str, ...], S] = {}

    def labels(self, *values: str) -> S:
        """The series of these label values, in the order of the manifest, made at its first use."""
        series = self._series.get(values)
        if series is None:
            child = self._metric.labels(*values) if values else self._metric
            series = self._series[values] = self._make(child)
        return series

    def remove(self, sale: str) -> None:
        """Forgets the series whose first label is this sale."""
        for values in [values for values in self._series if values[0] == sale]:
            del self._series[values]
            self._metric.remove(*values)

    def flush(self) -> None:
        for series in self._series.values():
            series.flush()


class LabelledCounter(_Labelled[Count]):
    """A counter of the manifest."""

    def __init__(self, counter: Counter) -> None:
        super().__init__(counter, Count)

    def add(self, *values: str, n: int = 1) -> None:
        self.labels(*values).value += n


class LabelledHistogram(_Labelled[Tally]):
    """A histogram of the manifest."""

    def __init__(self, histogram: BulkHistogram, bounds: Sequence[float]) -> None:
        super().__init__(histogram, partial(Tally, bounds=bounds))
