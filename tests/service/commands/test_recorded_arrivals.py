"""Arrivals of a past sale, out of the history of its figures."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.cli.sale.recorded_arrivals import joined_times

SINCE = "2026-05-01T10:00:00.000Z"


def _history(*joined: int | None, step: int = 10) -> dict[str, Any]:
    return {"step_seconds": step, "since": SINCE, "series": {"joined": list(joined)}}


def test_those_of_a_step_are_spread_evenly() -> None:
    assert list(joined_times(_history(0, 2, 2, 6), None)) == [2.5, 7.5, 21.25, 23.75, 26.25, 28.75]


def test_times_count_from_the_opening() -> None:
    times = list(joined_times(_history(0, 1), "2026-05-01T10:01:00Z"))
    assert times == [-55.0]


def test_gap_is_one_long_step() -> None:
    assert list(joined_times(_history(0, None, None, 3), None)) == [5.0, 15.0, 25.0]


def test_who_was_there_at_the_first_point_came_before_it() -> None:
    assert list(joined_times(_history(2, 2), None)) == [-7.5, -2.5]


@pytest.mark.parametrize("joined", [(), (None, None), (0, 0)])
def test_nobody_is_nobody(joined: tuple[int | None, ...]) -> None:
    assert list(joined_times(_history(*joined), None)) == []
