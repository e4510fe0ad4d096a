"""The end of a stopped sale is foreseen by what the service would know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

import pytest
from support.simulator.stopped_sale import PastPoint, StoppedSale, finish, small_world

from holdfast_simulator.running.conduct import Conduct
from holdfast_simulator.running.projection import (
    LONGEST_SECONDS,
    RUNS,
    Projections,
    between,
    project,
)
from holdfast_simulator.running.sale import RunningSale
from holdfast_simulator.running.simulation import RunningSimulation

SEEDS = 10
"""so few tell an interval of three simulations from one of nine; LONG_SEEDS tell more"""
LONG_SEEDS = 60
PLENTY = {"areas": {"floor": 9_000}}


def _foreseen(sale: RunningSale, points: Sequence[PastPoint], seed: int = 1) -> Projections:
    return finish(project(sale, points, seed))


def _stopped(seed: int, sold: float = 0.5, **sale: Any) -> StoppedSale:
    stopped = StoppedSale(small_world(seed, **sale))
    assert stopped.run_until(sold)
    return stopped


def _hits(seeds: int, sold: float = 0.5, **sale: Any) -> int:
    """How often the sale was sold out between the earliest and the latest time."""
    hits = 0
    for seed in range(1, seeds + 1):
        stopped = _stopped(seed, sold, **sale)
        foreseen = _foreseen(stopped.running(), stopped.all_points(), seed).sold_out
        seconds = stopped.seconds_to_sold_out()
        assert foreseen is not None
        hits += foreseen.earliest <= seconds <= (foreseen.latest or inf)
    return hits


@pytest.mark.early
def test_interval_holds_about_four_times_in_five() -> None:
    assert 0.65 <= _hits(SEEDS) / SEEDS <= 0.95


@pytest.mark.torture
@pytest.mark.parametrize(
    "sale",
    [
        {},
        {"sold": 0.2},
        {"new_users_per_minute": 600, "total_active_users": 25},
        {"new_users_per_minute": 600, "hold_seconds": 120},
        {"queueing_method": "random"},
    ],
    ids=["half", "early", "cap", "fast", "drawn"],
)
def test_interval_holds_in_every_kind_of_sale(sale: Any) -> None:
    assert 0.68 <= _hits(LONG_SEEDS, **sale) / LONG_SEEDS <= 0.93


def test_change_of_the_rate_is_seen_at_once() -> None:
    stopped = _stopped(1, 0.1, areas={"floor": 1_000}, hold_seconds=900)
    sale, points = stopped.running(), stopped.all_points()
    slow = replace(sale, terms=replace(sale.terms, rate=sale.terms.rate // 4))
    as_before, slower = _foreseen(sale, points).sold_out, _foreseen(slow, points).sold_out
    assert as_before is not None
    assert slower is not None
    assert slower.earliest > as_before.earliest + 120
    assert slower.expected > as_before.expected + 200


def test_line_is_over_when_all_have_been_called() -> None:
    """120 a minute are admitted; with those who do not come, 136 a minute are called."""
    stopped = _stopped(1, 0.04, **PLENTY)
    sale = stopped.running()
    foreseen, now_ms = _foreseen(sale, stopped.all_points()), stopped.now_ms
    stopped.run()
    assert foreseen.sold_out is None
    assert foreseen.line_over is not None
    assert stopped.waited_ms is not None
    seconds = (stopped.waited_ms - now_ms) / 1000
    assert foreseen.line_over.expected == pytest.approx(seconds, rel=0.3)
    assert foreseen.line_over.earliest < foreseen.line_over.expected


def test_no_end_is_foreseen_where_too_few_want_it() -> None:
    stopped = _stopped(1, 0.01, **PLENTY)
    assert _foreseen(stopped.running(), stopped.all_points()).sold_out is None


def test_stopped_line_has_no_end() -> None:
    stopped = _stopped(1, 0.1, areas={"floor": 1_000})
    sale = replace(stopped.running(), stopped=True)
    foreseen = _foreseen(sale, stopped.all_points())
    assert foreseen == Projections(None, None)


def test_what_comes_after_the_end_of_the_sale_never_comes() -> None:
    stopped = _stopped(1)
    sale, points = stopped.running(), stopped.all_points()
    found = _foreseen(sale, points).sold_out
    assert found is not None
    ends_ms = round(1000 * found.earliest / 2)
    assert _foreseen(replace(sale, ends_ms=ends_ms), points).sold_out is None


def test_nobody_comes_to_a_sale_that_is_drained() -> None:
    stopped = _stopped(1, 0.3, areas={"floor": 600})
    sale, points = stopped.running(), stopped.all_points()
    emptied = replace(sale, waiting=0)
    assert _foreseen(replace(emptied, joinable=False), points).sold_out is None


def test_sold_out_sale_and_empty_line_have_nothing_to_come() -> None:
    stopped = _stopped(1)
    sale, points = stopped.running(), stopped.all_points()
    none = dict.fromkeys(sale.free_of, 0)
    assert _foreseen(replace(sale, free_of=none, held_of=none), points).sold_out is None
    assert _foreseen(replace(sale, waiting=0), points).line_over is None


def test_orders_by_the_shops_key_are_foreseen_without_a_line() -> None:
    """Two units every five seconds: 480 take twenty minutes, and longer where some holds lapse."""
    points = [PastPoint(10_000 * step, 0, 0, 0, 0, 2 * step, 20, 4 * step) for step in range(61)]
    sale = RunningSale(
        terms=_stopped(1).line.terms, hold_ms=240_000, hold_max_ms=600_000, max_units=6,
        free_of={"floor": 460}, held_of={"floor": 20}, booked=240,
    )  # fmt: skip
    foreseen = _foreseen(sale, points)
    assert foreseen.sold_out is not None
    assert 1_000 < foreseen.sold_out.earliest < foreseen.sold_out.expected < 2_200
    assert foreseen.line_over is None


def test_each_simulation_has_buyers_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []

    class Watched(RunningSimulation):
        def __init__(self, sale: RunningSale, conduct: Conduct, seed: int, until_s: float) -> None:
            shares.append(conduct.buyers.no_show)
            super().__init__(sale, conduct, seed, until_s)

    monkeypatch.setattr("holdfast_simulator.running.projection.RunningSimulation", Watched)
    stopped = _stopped(1)
    _foreseen(stopped.running(), stopped.all_points())
    assert len(set(shares)) == RUNS


def test_large_sale_costs_no_more_than_a_smaller_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of three simulations: the crowd is made smaller, and long sales go faster."""
    monkeypatch.setattr("holdfast_simulator.running.projection.RUNS", 3)
    stopped = _stopped(1, 0.1, areas={"floor": 3_000}, burst=200, new_users_per_minute=1_200)
    sale, points = stopped.running(), stopped.all_points()
    steps = sum(1 for _ in project(sale, points, 1))
    slow = replace(sale, terms=replace(sale.terms, rate=1), waiting=10**6)
    assert sum(1 for _ in project(slow, points, 1)) < 500_000 / 3
    assert steps < 200_000 / 3


def test_first_middle_and_last_are_the_interval() -> None:
    found = between([5, 1, 9, 3, 7])
    assert found is not None
    assert (found.earliest, found.expected, found.latest) == (1, 5, 9)
    open_ended = between([1, 2, inf])
    assert open_ended is not None
    assert open_ended.latest is None
    assert between([1, inf, inf]) is None
    assert between([LONGEST_SECONDS + 1] * 3) is None
