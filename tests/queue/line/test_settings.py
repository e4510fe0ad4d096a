from typing import Any

import pytest

from holdfast_lua.calls.line_status import LineMode
from holdfast_queue.line.settings import InvalidSetting, LineSettings, QueueingMethod


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("new_users_per_minute", {"new_users_per_minute": -1}),
        ("burst", {"burst": 0}),
        ("total_active_users", {"total_active_users": -1}),
        ("session_duration", {"session_ms": 0}),
        ("claim_window_seconds", {"claim_window_ms": 10}),
        ("first_hold_seconds", {"first_hold_ms": 10**12}),
        ("stock_factor", {"stock_factor": 0.0}),
        ("stock_factor", {"stock_factor": float("nan")}),
        ("return_origins", {"return_origins": ("https://a.example",) * 51}),
        ("message", {"message": "x" * 1001}),
        ("prequeue_start_time", {"prequeue_start_ms": 5}),
        ("prequeue_start_time", {"prequeue_start_ms": 9, "event_start_ms": 8}),
        ("event_end_time", {"event_start_ms": 8, "event_end_ms": 8}),
    ],
)
def test_invalid_setting_is_named(field: str, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting) as caught:
        LineSettings(**settings)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({}, LineMode.LINE),
        ({"queueing_method": QueueingMethod.RANDOM}, LineMode.LINE),
        ({"queueing_method": QueueingMethod.PASSTHROUGH}, LineMode.THROUGH),
        ({"suspended": True}, LineMode.THROUGH),
        ({"queueing_method": QueueingMethod.REJECT}, LineMode.REJECT),
        ({"queueing_method": QueueingMethod.REJECT, "suspended": True}, LineMode.THROUGH),
    ],
)
def test_method_and_suspension_decide_the_mode(settings: dict[str, Any], mode: LineMode) -> None:
    assert LineSettings(**settings).terms.mode is mode


def test_suspended_room_holds_nobody_back() -> None:
    assert not LineSettings(queue_all=True, suspended=True).terms.queue_all


def test_factor_reaches_the_scripts_in_thousandths() -> None:
    assert LineSettings(stock_factor=1.25).terms.stock_permille == 1250
