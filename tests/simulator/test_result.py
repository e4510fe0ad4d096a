"""Quantiles of waits."""

import pytest

from holdfast_simulator.result import Waits, quantile, summarise


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.99, 4), (1.0, 4)]
)
def test_quantile_is_the_smallest_value_that_covers_the_share(share: float, expected: int) -> None:
    assert quantile([1, 2, 3, 4], share) == expected


def test_waits_are_summarised_in_any_order() -> None:
    waits = summarise([float(n) for n in (*range(50, 101), *range(1, 50))])
    assert waits == Waits(count=100, p50=50, p90=90, p99=99, max=100)
    assert summarise([]) == Waits()
