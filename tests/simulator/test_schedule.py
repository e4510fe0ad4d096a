"""Waits and polls: what the simulator reckons is what the service tells."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from holdfast_lua.calls.line_status import LineMode, LineStatus
from holdfast_queue.line.estimate import forecast
from holdfast_queue.line.presence import OWN_VIEW_SECONDS
from holdfast_queue.line.refresh_interval import RefreshIntervals
from holdfast_simulator import schedule
from holdfast_simulator.rules.line import PaceTerms, SessionTimes, SimulatedLine
from holdfast_simulator.rules.stock import SimulatedStock
from holdfast_simulator.schedule import PollSchedule, bands, expected_waits

NOW_MS = 1_000_000


def _line(random: Random) -> SimulatedLine:
    """A line in some state."""
    pick = random.choice
    terms = PaceTerms(rate=pick([0, 60, 600, 60_000]), cap=pick([10, 1_000]))
    terms = replace(terms, through=random.random() < 0.1)
    stock = SimulatedStock({"floor": pick([0, 5, 400, 90_000])}, 60_000, 60_000)
    line = SimulatedLine(terms, stock, NOW_MS)
    line.frozen = random.random() < 0.95
    line.opens_ms = 0 if line.frozen else NOW_MS + 1
    line.lifecycle = pick(["live"] * 8 + ["paused", "draining"])
    line.share = pick([1.0, 0.8, 0.3, 0.02])
    line.called = pick([0, 8, 100, 10_000])
    for number in range(pick([0, 3, 10, 40])):
        line.active.set(number, NOW_MS + 60_000)
    for number in range(pick([0, 0, 4])):
        line.deferred.set(number + 100, NOW_MS + 5_000)
    line.stays = SessionTimes(pick([0.0, 4.0, 50.0]), pick([0, 900_000]))
    return line


def _status(line: SimulatedLine) -> LineStatus:
    """The same state as the service has it."""
    nothing = ("prequeue_ms", "opens_ms", "ends_ms", "held", "booked", "lobby", "issued", "serving")
    more = ("ceiling", "called_from", "lapsed", "admitted", "claimed", "pace_ms", "pace_since_ms")
    zeros: dict[str, Any] = dict.fromkeys((*nothing, *more), 0)
    return LineStatus(
        lifecycle=line.lifecycle,
        phase="open" if line.is_open(NOW_MS) else "scheduled",
        **zeros,
        settings_version=1,
        free=line.stock.free,
        frozen=True,
        gaps=(),
        queue_all=False,
        pace=0.0,
        called=line.called,
        active=line.active.count(NOW_MS),
        deferred=len(line.deferred),
        rate_per_minute=line.terms.rate,
        cap=line.terms.cap,
        mode=LineMode.THROUGH if line.terms.through else LineMode.LINE,
        show_share=line.share,
        stays=line.stays.ended,
        stays_ms=line.stays.total_ms,
        stock=max(0, line.stock_for(NOW_MS)),
    )


@pytest.mark.parametrize("seed", range(40))
def test_wait_is_the_one_that_the_service_tells(seed: int) -> None:
    random = Random(seed)
    told = 0
    for _ in range(50):
        line = _line(random)
        service, waits = forecast(_status(line)), expected_waits(line, NOW_MS)
        for ahead in (0, 7, 300, 20_000):
            wait = service.wait(ahead) if service else None
            seconds = waits.seconds(ahead)
            if wait is None:
                # The service also leaves out what only nine in ten would keep within a day.
                assert seconds is None or seconds > schedule.LONGEST_SECONDS / 3
            else:
                assert seconds is not None
                assert round(seconds) == wait.p50
                told += 1
    assert told > 10


@pytest.mark.parametrize("window", [1, 6, 30, 120])
@pytest.mark.parametrize("wait", [None, 0.0, 15.0, 90.0, 5_000.0])
@pytest.mark.parametrize("jitter", [0.0, 0.4, 1.0])
def test_interval_is_the_one_that_the_service_tells(
    window: float, wait: float | None, jitter: float
) -> None:
    told = RefreshIntervals(window).seconds(wait, lambda: jitter)
    assert PollSchedule(window).told(wait, jitter) == pytest.approx(told, abs=0.051)


def test_pages_look_at_their_own_place_as_the_service_has_them() -> None:
    assert schedule.OWN_VIEW_SECONDS == OWN_VIEW_SECONDS


def test_bands_are_the_line() -> None:
    for waiting in (0, 1, 16, 17, 1_000, 999_999):
        parts = list(bands(waiting))
        assert sum(count for _, count in parts) == waiting
        assert [ahead for ahead, _ in parts] == [
            sum(count for _, count in parts[:at]) for at in range(len(parts))
        ]
        assert len(parts) < 60


def test_call_is_noticed_within_a_poll() -> None:
    random = Random(1)
    noticed = [PollSchedule(120).until_noticed(True, 60, random) for _ in range(2_000)]
    assert min(noticed) >= 0
    assert max(noticed) <= 2.6
    assert sum(noticed) / len(noticed) == pytest.approx(1.03, rel=0.05)
    unknown = [PollSchedule(120).until_noticed(False, 60, random) for _ in range(2_000)]
    assert 4 < max(unknown) <= 5


def test_who_is_called_soon_after_joining_notices_when_the_page_asks_again() -> None:
    """Not before the first rest is over, which lasts from 1.6 to 2.6 seconds."""
    random = Random(1)
    after = [0.3 + PollSchedule(120).until_noticed(True, 0.3, random) for _ in range(2_000)]
    assert 1.6 <= min(after) < 1.7
    assert 2.5 < max(after) <= 2.6
