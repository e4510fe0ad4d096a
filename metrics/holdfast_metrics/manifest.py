"""The one list of metrics: name, kind, unit, labels, buckets, meaning, and what each is good for.

docs/metrics.md is generated from this list and a test keeps both equal. Labels are bounded on
purpose: sales, routes (the pattern, never the path), scripts and outcomes; never a visitor, a buyer
or a seat.
"""

from collections.abc import Iterator
from typing import Any, Final

from holdfast_metrics.definitions.definition import Definition, Metric
from holdfast_metrics.definitions.inventory_metrics import InventoryMetrics
from holdfast_metrics.definitions.line_metrics import LineMetrics
from holdfast_metrics.definitions.service_metrics import ServiceMetrics
from holdfast_metrics.definitions.storage_metrics import StorageMetrics


class DeclaredMetrics(LineMetrics, InventoryMetrics, ServiceMetrics, StorageMetrics):
    """All metrics that are declared, as members."""


def declared_metrics() -> Iterator[tuple[str, Metric[Any]]]:
    """The members of `DeclaredMetrics` by name, in the order of the manifest."""
    for declaring in DeclaredMetrics.__bases__:
        for name, member in vars(declaring).items():
            if isinstance(member, Metric):
                yield name, member


MANIFEST: Final[tuple[Definition, ...]] = tuple(one.definition for _, one in declared_metrics())
