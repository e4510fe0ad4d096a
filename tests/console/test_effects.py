"""What a change of rate and cap would do to the waits."""

from typing import Any

import pytest

from holdfast_console.effects import Flow, Limit, predict


def live(**line: Any) -> dict[str, Any]:
    usual = {"waiting": 1200, "active": 100, "active_max": 1000, "rate_set": 600}
    return {"line": {**usual, "rate_realised": 590, **line}}


def test_rate_decides_while_slots_are_free() -> None:
    effect = predict(live(), rate=1200, cap=1000)
    assert effect.now == Flow(600, 120.0, Limit.RATE)
    assert effect.then == Flow(1200, 60.0, Limit.RATE)


def test_higher_rate_does_nothing_while_all_slots_are_taken() -> None:
    """A hundred of a thousand sessions end each minute."""
    effect = predict(live(active=1000, rate_realised=100), rate=6000, cap=1000)
    assert effect.now == effect.then == Flow(100, 720.0, Limit.SLOTS)


def test_higher_cap_is_filled_at_the_rate_and_lets_in_more_a_minute_then() -> None:
    """Of 600 a minute 100 to 150 replace a session that ends: 500 slots are taken in 63 seconds, by
    632 visitors; the other 568 come in at 150 a minute.
    """
    effect = predict(live(active=1000, rate_realised=100), rate=600, cap=1500)
    assert effect.then.per_minute == pytest.approx(150)
    assert effect.then.last_waits_seconds == pytest.approx(63.2 + 227.1, abs=0.1)
    assert effect.then.limit is Limit.SLOTS_SOON


def test_those_for_whom_a_higher_cap_has_slots_come_in_at_the_rate_and_no_faster() -> None:
    effect = predict(live(active=1000, rate_realised=100, waiting=300), rate=600, cap=1500)
    assert effect.then == Flow(600, 30.0, Limit.RATE)


def test_higher_cap_is_filled_at_the_rate_where_no_session_ends() -> None:
    effect = predict(live(active=1000, rate_realised=0), rate=600, cap=1600)
    assert effect.then == Flow(0.0, None, Limit.SLOTS_SOON)
    assert predict(live(active=1000, rate_realised=0, waiting=500), 600, 1600).then == Flow(
        600, 50.0, Limit.RATE
    )


def test_lower_cap_than_is_inside_sends_nobody_out() -> None:
    effect = predict(live(active=1000, rate_realised=100), rate=600, cap=400)
    assert effect.too_many == 600
    assert effect.then.per_minute == pytest.approx(40)


def test_lower_cap_where_no_session_is_known_to_end_lets_nobody_in() -> None:
    effect = predict(live(active=500), rate=600, cap=400)
    assert effect.then == Flow(0.0, None, Limit.SLOTS)


def test_nobody_waits_where_nobody_is_in_line() -> None:
    assert predict(live(waiting=0), rate=1, cap=1000).then.last_waits_seconds == 0.0


def test_figures_that_are_not_known_yet_break_nothing() -> None:
    unknown = {"line": {"waiting": None, "active": None, "active_max": 10, "rate_set": 60}}
    assert predict(unknown, rate=60, cap=10).then == Flow(60.0, 0.0, Limit.RATE)
