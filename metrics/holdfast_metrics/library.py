"""What is used of prometheus-client beyond its documented interface, all of it here.

tests/metrics/test_library.py says what is relied on, and pyproject.toml bounds the version. The
library offers no other way to add up many observations at once, to give multiprocess mode files
that need no memory mapping, or to say which worker a file belongs to.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, multiprocess, values
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key


class BulkHistogram(Histogram):
    """The library's histogram, with a way to add many observations at once."""

    def observe_all(self, counts: Sequence[int], total: float) -> None:
        """Adds `counts[i]` observations to bucket i; their values add up to `total`."""
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(total)


def make_values_with(factory: Callable[..., Any]) -> None:
    """Instruments that are made from now on get each of their numbers from `factory`."""
    values.ValueClass = factory


def series_key(metric: str, name: str, labels: Any, label_values: Any, help_text: str) -> str:
    """The key of a series in a file: `name` of `metric`, with its labels."""
    return mmap_key(metric, name, labels, label_values, help_text)


def sale_of(key: str) -> str | None:
    """The sale that a series is of, None for a series of the whole service."""
    sale: str | None = json.loads(key)[2].get("sale")
    return sale


def entries_of(path: Path) -> Iterable[tuple[str, float, float, int]]:
    """Key, value, timestamp and position of the value of each series in a file."""
    return MmapedDict.read_all_values_from_file(str(path))  # type: ignore[no-untyped-call,no-any-return]  # has no types


def registry_of(directory: Path) -> CollectorRegistry:
    """A registry that adds up the files of all workers in `directory`."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]  # has no types
    return registry


def drop_gauges_of(slot: int, directory: Path) -> None:
    """Removes the gauges' files of a worker that has died; raises OSError."""
    multiprocess.mark_process_dead(slot, str(directory))  # type: ignore[no-untyped-call]  # has no types


Family = Metric


def counter_family(family: Metric) -> Metric:
    """A family of gauges as counters; their names end with `_total` already."""
    shown = Metric(family.name.removesuffix("_total"), family.documentation, "counter")
    shown.samples = family.samples
    return shown


def choose_form(accept: str) -> tuple[Callable[[Any], bytes], str]:
    """How to write what a client accepts: OpenMetrics or Prometheus's text; and its media type."""
    return choose_encoder(accept)
