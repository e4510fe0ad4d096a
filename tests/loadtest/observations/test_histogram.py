"""Percentiles in little memory: right to one percent, and adding up over workers."""

import random

import pytest

from holdfast_loadtest.observations.histogram import (
    LEAST,
    MAX_BUCKETS,
    MOST,
    RELATIVE_ERROR,
    Histogram,
)


def filled(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
def test_percentiles_are_right_to_one_percent(share: float, spread: float) -> None:
    chance = random.Random(7)
    values = sorted(chance.lognormvariate(0, spread) for _ in range(5_001))
    exact = values[max(1, -(-int(share * 1_000) * len(values) // 1_000)) - 1]
    assert filled(values).percentile(share) == pytest.approx(exact, rel=RELATIVE_ERROR + 1e-6)


def test_nothing_has_no_percentile() -> None:
    assert Histogram().percentile(0.5) is None


def test_what_is_not_positive_is_zero() -> None:
    assert filled([0.0, -1.0, 0.0]).percentile(0.9) == 0.0


def test_largest_value_is_exact_and_no_percentile_exceeds_it() -> None:
    histogram = filled([1.0, 2.0, 3.3])
    assert histogram.largest == 3.3
    assert histogram.percentile(1.0) == pytest.approx(3.3, rel=RELATIVE_ERROR)
    assert (histogram.percentile(1.0) or 0) <= 3.3


def test_histograms_of_two_workers_are_that_of_both() -> None:
    chance = random.Random(3)
    values = [chance.expovariate(1) for _ in range(1_000)]
    merged, whole = filled(values[::2]), filled(values)
    merged.merge(filled(values[1::2]))
    assert merged == whole


def test_memory_does_not_grow_with_the_values() -> None:
    values = [LEAST / 10 * 1.0021**n for n in range(20_000)]
    assert values[-1] > MOST
    assert len(filled(values).buckets) <= MAX_BUCKETS
