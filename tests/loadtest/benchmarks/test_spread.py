"""Medians with their intervals: the arithmetic that every ratio goes through."""

import pytest

from bench.kit.spread import Spread


def test_median_lies_in_its_interval_and_the_interval_in_the_readings() -> None:
    readings = [1.0, 1.1, 0.9, 1.05, 5.0, 0.95, 1.02]
    spread = Spread.of(readings)
    assert spread.median == 1.02
    assert spread.quartiles == (0.975, 1.075)
    assert min(readings) < spread.low < spread.median < spread.high < max(readings)
    assert spread.readings == 7


def test_interval_narrows_with_more_readings_of_the_same_kind() -> None:
    few = [0.8, 0.9, 1.0, 1.1, 1.2]
    one, other = Spread.of(few), Spread.of(few * 20)
    assert other.high - other.low < one.high - one.low


def test_equal_readings_have_equal_intervals() -> None:
    """Catches dice without a seed: a document that is generated anew would differ."""
    readings = [0.5, 0.7, 0.4, 0.9, 0.6]
    assert Spread.of(readings) == Spread.of(readings)


def test_one_reading_is_its_own_interval_and_none_are_refused() -> None:
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0, (2.0, 2.0), 1)
    with pytest.raises(ValueError, match="no readings"):
        Spread.of([])


@pytest.mark.parametrize(
    ("later", "direction"),
    [((0.5, 0.7), -1), ((0.5, 0.8), 0), ((0.85, 0.95), 0), ((1.0, 1.2), 0), ((1.01, 1.2), 1)],
)
def test_intervals_that_touch_say_nothing(later: tuple[float, float], direction: int) -> None:
    kept = Spread(0.9, 0.8, 1.0, (0.85, 0.95), 9)
    low, high = later
    now = Spread((low + high) / 2, low, high, (low, high), 9)
    assert now.apart_from(kept) == direction
