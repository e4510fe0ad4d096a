"""Holds that were refused, as the workers of this node have counted them."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from holdfast_metrics import multiprocess
from holdfast_metrics.metrics import Metrics
from holdfast_web.errors import ErrorCode

COLLISIONS: Final = frozenset({ErrorCode.SEAT_UNAVAILABLE.value, ErrorCode.SOLD_OUT.value})


def hold_outcomes(metrics: Metrics, sale: str) -> Mapping[str, int]:
    """How often each outcome of a hold was counted for the sale. In a thread: merging the files of
    several workers blocks for milliseconds.
    """
    found: Counter[str] = Counter()
    for family in multiprocess.collected(metrics.registry).collect():
        for sample in family.samples:
            if sample.name == Metrics.holds.name and sample.labels.get("sale") == sale:
                found[sample.labels["outcome"]] += int(sample.value)
    return found
