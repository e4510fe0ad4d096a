"""A simulation that begins where another one was stopped stands where that one stood."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from support.simulator.stopped_sale import StoppedSale, finish, small_world

from holdfast_simulator.rules.stock import PAYING
from holdfast_simulator.running.arrivals import RunningArrivals
from holdfast_simulator.running.conduct import Conduct
from holdfast_simulator.running.history import intervals_of
from holdfast_simulator.running.inside import draw_inside
from holdfast_simulator.running.sale import RunningSale, scaled
from holdfast_simulator.running.simulation import Present, RunningSimulation

UNITS = 2.5
WORLDS: dict[str, Any] = {
    "rate": {},
    "cap": {"new_users_per_minute": 600, "total_active_users": 25},
    "nobody waits": {"new_users_per_minute": 60_000, "burst": 5_000},
    "passthrough": {"queueing_method": "passthrough"},
    "drawn": {"queueing_method": "random"},
}


def _stopped(sold: float = 0.2, **sale: Any) -> StoppedSale:
    stopped = StoppedSale(small_world(1, **sale))
    assert stopped.run_until(sold)
    return stopped


def _resumed(stopped: StoppedSale, sale: RunningSale, came: int = 0) -> RunningSimulation:
    buyers = stopped.world.buyers
    intervals = intervals_of([*stopped.points, stopped.point()], UNITS)
    inside = list(draw_inside(sale, intervals, buyers, Random(3)))
    conduct = Conduct(buyers, RunningArrivals(0, 1))
    run = RunningSimulation(sale, conduct, seed=1, until_s=9_999)
    finish(run.begin(sale, Present(inside, came), [1.0, 2.5]))
    return run


def _held_of(run: RunningSimulation) -> dict[str, int]:
    held = dict.fromkeys(run.stock.free_of, 0)
    for hold in run.stock.holds.values():
        if hold.status <= PAYING:
            held[hold.category] += hold.units
    return held


def test_who_wants_nothing_any_more_has_the_session_that_such_visitors_have() -> None:
    """Whoever has paid keeps it for longer than who has let a hold run out."""
    real = drawn = 0
    for seed in range(1, 7):
        stopped = StoppedSale(small_world(seed, **WORLDS["cap"]))
        assert stopped.run_until(0.5)
        sale, line = stopped.running(), stopped.line
        later_ms = stopped.now_ms + sale.terms.session_ms
        real += sum(line.active.live(number, later_ms) for number in range(1, line.serving + 1))
        intervals = intervals_of(stopped.all_points(), UNITS)
        inside = draw_inside(sale, intervals, stopped.world.buyers, Random(seed))
        drawn += sum(one.session_ms > sale.terms.session_ms for one in inside)
    assert drawn == pytest.approx(real, rel=0.3), real


@pytest.mark.parametrize("settings", WORLDS.values(), ids=WORLDS)
def test_every_count_is_taken_over(settings: Any) -> None:
    stopped = _stopped(**settings)
    sale = stopped.running()
    run = _resumed(stopped, sale, came=40)
    line, stock = run.line, run.stock
    assert (line.waiting, line.outstanding) == (sale.waiting, sale.outstanding)
    assert len(line.deferred) == sale.deferred
    assert line.active.count(run.now_ms) == sale.active
    assert line.unheld.count(run.now_ms) == sale.unheld
    assert (stock.free_of, _held_of(run)) == (sale.free_of, sale.held_of)
    assert (stock.free, stock.held, stock.booked) == (sale.free, sale.held, sale.booked)
    assert line.terms == stopped.line.terms
    assert line.share == stopped.line.share
    assert line.room(run.now_ms)[1:] == stopped.line.room(run.now_ms)[1:]
    assert not stock.sold_out


@pytest.mark.parametrize("settings", WORLDS.values(), ids=WORLDS)
def test_nobody_and_nothing_is_lost_to_the_end(settings: Any) -> None:
    stopped = _stopped(**settings)
    sale = stopped.running()
    run = _resumed(stopped, sale)
    whole = sale.free + sale.held + sale.booked
    while not run.over:
        run.step()
        line, stock = run.line, run.stock
        assert stock.free + stock.held + stock.booked == whole
        assert line.called == line.claimed + line.lapsed + line.outstanding
    assert run.line.issued >= run.line.serving
    assert run.stock.booked > sale.booked


def test_pace_and_bucket_go_on() -> None:
    """Where the rate is what is short, no more are let in than it earns from now on."""
    stopped = _stopped(0.1, areas={"floor": 1_500}, burst=60)
    sale = stopped.running()
    run = _resumed(stopped, sale)
    admitted = run.line.admitted
    assert sale.waiting > 100
    for _ in range(4 * 60):
        run.step()
    assert run.line.admitted - admitted == pytest.approx(sale.terms.rate, abs=3)


def test_who_found_no_room_comes_again() -> None:
    stopped = _stopped(0.1, areas={"floor": 1_500})
    sale = replace(stopped.running(), waiting=0, outstanding=4, deferred=4)
    run = _resumed(stopped, sale, came=60)
    claimed = run.line.claimed
    for _ in range(4 * 5):
        run.step()
    assert run.line.claimed - claimed >= 4


def test_who_was_called_just_now_comes_as_the_share_says() -> None:
    """A third of the claim window is not over for them: 34 of 100 calls."""
    stopped = _stopped(0.1, areas={"floor": 1_500}, claim_window_seconds=6, burst=60)
    sale = replace(stopped.running(), waiting=0, outstanding=40, deferred=0)
    run = _resumed(stopped, sale, came=60)
    claimed = run.line.claimed
    for _ in range(4 * 5):
        run.step()
    assert 24 <= run.line.claimed - claimed <= 36


def test_line_remembers_which_share_comes() -> None:
    stopped = _stopped()
    sale = stopped.running()
    came = 60
    run = _resumed(stopped, sale, came=came)
    missing = sale.outstanding - sale.deferred
    notice_ms = 3 * run.line.poll_ms
    share, _ = run.line.ranges.estimate(notice_ms, run.line.clock_ms(run.now_ms))
    assert share == pytest.approx((came + 10) / (came + missing + 10), abs=0.06)


def test_smaller_sale_is_in_proportion() -> None:
    sale = _stopped().running()
    small = scaled(sale, 0.25)
    share = small.terms.rate / sale.terms.rate
    assert share == pytest.approx(0.25, abs=0.01)
    assert abs(small.free - sale.free * share) <= 0.5
    assert abs(small.held - sale.held * share) <= 0.5
    assert abs(small.waiting - sale.waiting * share) <= 0.5
    assert small.terms.cap == 100
    assert small.terms.session_ms == sale.terms.session_ms
    for name, units in small.free_of.items():
        assert abs(units - sale.free_of[name] * share) < 1


def test_rate_that_cannot_be_made_smaller_keeps_the_sale_as_it_is() -> None:
    sale = _stopped(new_users_per_minute=1, burst=200).running()
    assert scaled(sale, 0.1).free == sale.free


def test_faster_sale_has_shorter_times_and_a_higher_rate() -> None:
    sale = _stopped().running()
    fast = scaled(sale, 1.0, pace=4)
    assert fast.terms.rate == 4 * sale.terms.rate
    assert fast.hold_ms * 4 == sale.hold_ms
    assert fast.terms.session_ms * 4 == sale.terms.session_ms
    assert (fast.free, fast.waiting, fast.terms.cap) == (sale.free, sale.waiting, sale.terms.cap)
