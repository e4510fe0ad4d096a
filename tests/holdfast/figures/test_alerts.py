from dataclasses import replace
from typing import Any

import msgspec
import pytest
from support.line.status import line_status
from support.points import point

from holdfast.figures.alerts import CRITICAL, OK, WARNING, SaleAlert, Situation, find_alerts, worst
from holdfast_lua.calls.line_status import LineStatus
from holdfast_queue.line.status import SaleState

LINE = line_status(
    free=500,
    issued=300,
    ceiling=1000,
    serving=200,
    called_from=201,
    active=20,
    called=200,
    claimed=200,
    admitted=200,
    rate_per_minute=60,
    cap=100,
)
MOVING = [
    point(step, waiting=100, called=180 + step, rate_set=60, rate_realised=60) for step in range(21)
]
WELL = Situation(SaleState.OPEN, LINE, MOVING, {"store": "ok", "ledger": "ok"}, 0)


def codes(situation: Situation) -> list[str]:
    return [alert.code for alert in find_alerts(situation)]


def _points(count: int, **figures: Any) -> list[Any]:
    return [msgspec.structs.replace(one, **figures) for one in MOVING[:count]]


def test_nothing_is_wrong_when_all_is_well() -> None:
    assert codes(WELL) == []
    assert codes(replace(WELL, points=[])) == []
    assert worst([]) == OK


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"checks": {"store": "read_only"}}, "store_unavailable"),
        ({"checks": {"ledger": "unavailable"}}, "ledger_read_only"),
        ({"points": _points(21, called=200)}, "line_stalled"),
        ({"points": _points(21, rate_realised=40)}, "rate_off"),
        ({"points": _points(1, refund_required=2)}, "payment_without_seat"),
        ({"points": _points(1, overdue_s=30)}, "sweep_lag"),
        ({"skew_ms": -1500}, "clock_skew"),
    ],
)
def test_each_is_found_alone(changed: dict[str, Any], code: str) -> None:
    assert codes(replace(WELL, **changed)) == [code]


@pytest.mark.parametrize(
    "line",
    [
        replace(LINE, rate_per_minute=0),
        replace(LINE, free=0),
        replace(LINE, active=100),
        replace(LINE, serving=300),
        replace(LINE, claimed=150),
    ],
    ids=["no rate", "no stock", "no slot", "nobody waits", "the called may still come"],
)
def test_line_that_has_a_reason_to_stand_is_not_stalled(line: LineStatus) -> None:
    assert codes(replace(WELL, line=line, points=_points(21, called=200))) == []


def test_paused_line_is_not_stalled() -> None:
    assert codes(replace(WELL, state=SaleState.PAUSED, points=_points(21, called=200))) == []


def test_waits_that_are_far_off_are_told() -> None:
    points = [
        point(step, waiting=50, joined=10 * step, called=10 * (step - 12), wait_s=20)
        for step in range(12, 40)
    ]
    points[0] = msgspec.structs.replace(points[0], called=0)
    well = [msgspec.structs.replace(one, wait_s=120) for one in points]
    assert codes(replace(WELL, state=SaleState.PAUSED, points=points)) == ["wait_estimate_off"]
    assert codes(replace(WELL, state=SaleState.PAUSED, points=well)) == []


def test_the_worst_comes_first() -> None:
    both = replace(WELL, skew_ms=5000, checks={"store": "away"})
    found = find_alerts(both)
    assert [alert.code for alert in found] == ["store_unavailable", "clock_skew"]
    assert worst(found) == CRITICAL
    assert worst([SaleAlert("a", WARNING, "")]) == WARNING
