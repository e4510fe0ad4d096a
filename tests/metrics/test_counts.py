import pytest
from prometheus_client import CollectorRegistry, Counter

from holdfast_metrics.counts import Count

FIRST, SECOND = 0.081369, 0.362156
"""SECOND is less than FIRST and the difference to it, by what the sum is rounded"""


def test_seconds_that_stand_still_between_two_flushes_are_no_fault() -> None:
    """Processor time is no integer: the sum of its growths may be more than it is."""
    assert FIRST + (SECOND - FIRST) > SECOND
    series = Counter("seconds", "Seconds.", registry=CollectorRegistry())
    count = Count(series)
    for value in (FIRST, SECOND, SECOND):
        count.value = value
        count.flush()
    assert next(iter(series.collect())).samples[0].value == pytest.approx(SECOND)
