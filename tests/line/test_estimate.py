"""Measured rate, estimated waits and poll intervals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_harness import Crowd, Line

from holdfast_lua.line_status import LineStatus
from holdfast_queue.estimate import Wait, estimate_wait, measured_per_minute
from holdfast_queue.order import by_arrival
from holdfast_queue.refresh import JITTER, interval_seconds, shared_interval_seconds

LineFactory = Callable[..., Awaitable[Line]]


async def test_measured_rate_is_the_rate_of_passes(make_line: LineFactory) -> None:
    line = await make_line(rate_per_minute=600, burst=1)
    await line.fill(2000)
    crowd = Crowd(line, 0.8)
    await crowd.live(60)
    assert line.status is not None
    assert measured_per_minute(line.status, await line.now_ms()) == pytest.approx(600, rel=0.05)
    # and it decays when nobody is admitted any more
    assert measured_per_minute(line.status, await line.now_ms() + 120_000) < 15


async def test_measured_rate_is_right_from_the_first_seconds(make_line: LineFactory) -> None:
    line = await make_line(rate_per_minute=600, burst=1)
    await line.fill(2000)
    crowd = Crowd(line, 1.0, delay_ms=(0, 200))
    await crowd.live(10)
    assert line.status is not None
    assert measured_per_minute(line.status, await line.now_ms()) == pytest.approx(600, rel=0.15)


def test_wait_is_people_who_show_up_over_the_rate(status: LineStatus) -> None:
    wait = estimate_wait(120, status, 0)
    assert wait is not None
    assert wait.p50 == 60
    assert 65 <= wait.p90 <= 90


def test_nobody_ahead_is_no_wait(status: LineStatus) -> None:
    assert estimate_wait(0, status, 0) == Wait(0, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"lifecycle": "paused"},
        {"phase": "lobby"},
        {"queue_all": True},
        {"free": 0},
        {"rate_per_minute": 0},
    ],
)
def test_no_estimate_where_nobody_can_tell(status: LineStatus, change: dict[str, object]) -> None:
    assert estimate_wait(10, replace(status, **change), 0) is None  # type: ignore[arg-type]


def test_full_house_waits_at_the_measured_rate(status: LineStatus) -> None:
    # pace 15 in half a minute: 30 a minute, where 60 are set
    full = replace(status, active=100, pace=15.0, pace_ms=10**9, pace_since_ms=0)
    wait = estimate_wait(120, full, 10**9)
    assert wait is not None
    assert wait.p50 == 120


async def test_nine_in_ten_wait_no_longer_than_they_were_told(make_line: LineFactory) -> None:
    # Given a line of 900 of whom 70% come, at 600 a minute
    line = await make_line(rate_per_minute=600, claim_ms=30_000)
    await line.fill(900)
    crowd = Crowd(line, 0.7)
    # When everybody is told an estimate ten seconds in, and called some time later
    await crowd.live(10)
    assert line.status is not None
    told_ms = await line.now_ms()
    told = {
        number: estimate_wait(number - line.status.serving - 1, line.status, told_ms)
        for number in range(line.status.serving + 1, 901)
    }
    called: dict[int, float] = {}
    for _ in range(70):
        await crowd.live(1)
        now_ms = await line.now_ms()
        for number in told:
            if number <= line.status.serving:
                called.setdefault(number, (now_ms - told_ms) / 1000)
    # Then 80 to 100 in a hundred are called within their p90, and the median is near the middle
    kept = [
        called[number] <= wait.p90 for number, wait in told.items() if wait and number in called
    ]
    assert len(kept) > 600
    assert sum(kept) / len(kept) >= 0.8


@given(st.floats(0, 100_000) | st.none(), st.floats(1, 100_000))
def test_interval_leaves_two_polls_in_the_window(wait: float | None, window: float) -> None:
    for draw in (0.0, 0.999):
        interval = interval_seconds(wait, window, lambda draw=draw: draw)  # type: ignore[misc]
        assert 0.4 <= interval <= 30.0
        assert interval <= max(window / 3, 0.5) + 0.1


def test_interval_grows_with_the_distance_and_is_jittered() -> None:
    near, far = (interval_seconds(wait, 120, lambda: 0.0) for wait in (5.0, 200.0))
    assert (near, far) == (2.0, 20.0)
    assert interval_seconds(200.0, 120, lambda: 1.0) == pytest.approx(20 * (1 + JITTER))
    assert shared_interval_seconds(120) == 2.0


@given(st.integers(1, 500))
def test_arrival_order_is_a_bijection(size: int) -> None:
    assert {by_arrival(index, size) for index in range(size)} == set(range(1, size + 1))
    with pytest.raises(ValueError, match="no such place"):
        by_arrival(size, size)
