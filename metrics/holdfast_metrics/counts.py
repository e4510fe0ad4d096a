"""Counting into plain integers, flushed into Prometheus counters a few times a second.

On the fast path `count.value += 1` costs some 30 ns; a labelled Prometheus increment in
multiprocess mode costs about a hundred times that, since it finds its child, takes a lock and
writes to a mapped file. So every counter of the service is counted this way, and a scrape sees
another worker's counts at most one flush interval late.

Invariant: a count only grows, and a flush moves exactly the growth since the last one, so nothing
is counted twice when a flush is repeated and nothing is lost when it is skipped. All of it runs on
the event-loop thread of one process.
"""

from prometheus_client import Counter


class Count:
    """One series: hold on to it and add to `value`."""

    __slots__ = ("_flushed", "_series", "value")

    def __init__(self, series: Counter) -> None:
        self.value = 0
        self._flushed = 0
        self._series = series

    def flush(self) -> None:
        growth = self.value - self._flushed
        if growth:
            self._series.inc(growth)
            self._flushed += growth


class CountedBy:
    """A counter of the manifest: one `Count` for each combination of label values, made at first
    use.
    """

    def __init__(self, counter: Counter, label_count: int) -> None:
        self.label_count = label_count
        self._counter = counter
        self._counts: dict[tuple[str, ...], Count] = {}

    def labels(self, *values: str) -> Count:
        """The series of these label values, in the order of the manifest."""
        count = self._counts.get(values)
        if count is None:
            count = self._counts[values] = Count(self._counter.labels(*values))
        return count

    def add(self, *values: str, n: int = 1) -> None:
        self.labels(*values).value += n

    def flush(self) -> None:
        for count in self._counts.values():
            count.flush()
