"""Waits that follow from the history: the distance between who has joined and who was called."""

import pytest
from support.points import START_MS, point

from holdfast.figures.waits import quantile, waits_ended


def test_wait_is_the_time_from_the_join_to_the_call_of_that_number() -> None:
    """100 join in the first step; ten are called in each later one, so the 100th after 100 s."""
    points = [point(0), point(1, joined=100, waiting=100, wait_s=80)]
    points += [
        point(1 + step, joined=100, called=10 * step, waiting=100 - 10 * step)
        for step in range(1, 11)
    ]
    (wait,) = waits_ended(points, START_MS)
    assert wait.seconds == pytest.approx(100)
    assert wait.error_seconds == pytest.approx(20)


def test_call_between_two_points_is_placed_between_them() -> None:
    points = [point(0, joined=30, waiting=30), point(1, joined=30, called=40)]
    (wait,) = waits_ended(points, 0)
    assert wait.seconds == pytest.approx(7.5)
    assert wait.error_seconds is None  # nothing was told


def test_wait_counts_once_when_it_ends() -> None:
    points = [point(0, joined=10, waiting=10), *(point(step, joined=10) for step in range(1, 4))]
    points.append(point(4, joined=10, called=10))
    assert waits_ended(points[:-1], 0) == []
    assert len(waits_ended(points, points[-2].at_ms)) == 1
    assert waits_ended([*points, point(5, joined=10, called=10)], points[-1].at_ms) == []


def test_who_did_not_wait_or_was_called_before_the_first_point_is_left_out() -> None:
    assert waits_ended([point(0, joined=5, called=5), point(1, joined=5, called=5)], 0) == []
    early = [point(0, joined=5, called=9, waiting=1), point(1, joined=5, called=9)]
    assert waits_ended(early, 0) == []


def test_quantile() -> None:
    assert quantile([], 0.5) is None
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile([3, 1, 2], 1.0) == 3
