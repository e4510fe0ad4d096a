"""The one list of metrics: name, kind, unit, labels, buckets, meaning, and what each is good for.

docs/metrics.md is generated from this list and a test keeps both equal; `Metrics` makes every
instrument from it, and an instrument that is not listed cannot be made. Labels are bounded on
purpose: sales, routes (the pattern, never the path), scripts and outcomes; never a visitor, a buyer
or a seat.
"""

from typing import Final

from holdfast_metrics.definitions.definition import Definition
from holdfast_metrics.definitions.inventory_metrics import INVENTORY_METRICS
from holdfast_metrics.definitions.line_metrics import LINE_METRICS
from holdfast_metrics.definitions.service_metrics import SERVICE_METRICS
from holdfast_metrics.definitions.storage_metrics import STORAGE_METRICS

MANIFEST: Final[tuple[Definition, ...]] = (
    *LINE_METRICS,
    *INVENTORY_METRICS,
    *SERVICE_METRICS,
    *STORAGE_METRICS,
)
