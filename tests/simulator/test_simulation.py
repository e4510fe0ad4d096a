"""Simulated sales: nobody and nothing is lost, limits hold, and what must follow follows."""

from __future__ import annotations

import gc
from typing import Any

import msgspec
import pytest

from holdfast_simulator.simulation import Simulation
from holdfast_simulator.summary import SimulationResult, simulate
from holdfast_simulator.world import World, parse_world

BASE: dict[str, Any] = {
    "arrivals": {"shape": "flash", "visitors": 3_000, "seconds": 120},
    "sale": {
        "areas": {"floor": 400, "balcony": 200},
        "new_users_per_minute": 600,
        "total_active_users": 300,
        "hold_seconds": 240,
    },
}
EVERYBODY_BUYS = {
    "group_sizes": {1: 1},
    **dict.fromkeys(("leaves", "no_show", "looks_only", "lapses", "releases"), 0.0),
    "takes_other": 1,
    "ends_pass": 1,
}


def _world(seed: int = 1, **tables: Any) -> World:
    table = {name: {**BASE.get(name, {}), **tables.get(name, {})} for name in {*BASE, *tables}}
    return parse_world({**table, "seed": seed}, World)


def _simulate(seed: int = 1, **tables: Any) -> SimulationResult:
    return simulate(_world(seed, **tables))


LOBBY = {"shape": "lobby", "lobby_seconds": 120}
WORLDS: dict[str, Any] = {
    "plain": {},
    "lobby": {"arrivals": LOBBY},
    "draw": {"arrivals": LOBBY, "sale": {"queueing_method": "random"}},
    "tight cap": {"sale": {"total_active_users": 60}},
    "plenty": {"sale": {"areas": {"floor": 20_000}}},
    "passthrough": {"sale": {"queueing_method": "passthrough"}},
    "slow": {"sale": {"new_users_per_minute": 60, "claim_window_seconds": 10}},
    "quiet": {"arrivals": {"shape": "steady", "visitors": 300, "seconds": 1_800}},
}


@pytest.mark.parametrize("tables", WORLDS.values(), ids=WORLDS)
def test_nobody_and_nothing_is_lost(tables: Any) -> None:
    world = _world(**tables)
    run = Simulation(world).run()
    result = simulate(world)
    line, stock, total = run.line, run.stock, sum(world.sale.stock().values())
    assert stock.free + stock.held + stock.booked == total
    assert sum(stock.free_of.values()) == stock.free
    assert result.funnel.arrived == world.arrivals.visitors
    assert result.funnel.joined >= result.funnel.called >= result.funnel.admitted
    assert result.funnel.admitted >= result.funnel.held >= result.funnel.confirmed
    assert line.called == line.claimed + line.lapsed + line.outstanding
    # Who has left does not learn of the call.
    assert result.waits.count == result.funnel.called - run.recording.counts.get("left", 0)
    assert result.admission_waits.count == result.funnel.admitted
    assert result.seats.total == total
    assert result.seats.booked <= total
    assert result.seats.resold <= result.seats.lapsed
    if world.sale.queueing_method != "passthrough":
        assert result.peaks.active <= world.sale.total_active_users
    assert (result.sold_out_after_s is not None) == (result.seats.booked == total)
    for name in ("at_s", "arrived", "called", "admitted", "booked"):
        values = [getattr(point, name) for point in result.series]
        assert values == sorted(values), name
    assert result.series[-1].booked == result.seats.booked
    assert result.series[-1].admitted == result.funnel.admitted


def test_equal_worlds_give_equal_results_and_other_seeds_others() -> None:
    assert _simulate() == _simulate()
    assert _simulate().waits != _simulate(seed=2).waits


def test_no_more_are_admitted_than_the_rate_allows() -> None:
    result = _simulate(sale={"burst": 30})
    for at, later in zip(result.series, result.series[60:], strict=False):
        span_s = later.at_s - at.at_s
        assert later.admitted - at.admitted <= 30 + 10 * span_s + 1e-9


def test_everybody_who_buys_one_sells_as_many_as_the_rate_lets_in() -> None:
    """600 a minute, one unit each, done after a minute: 1,000 units in 100 seconds and that."""
    sale = {"areas": {"floor": 1_000}, "total_active_users": 10_000}
    buyers = {**EVERYBODY_BUYS, "look_seconds": {"mean": 40, "spread": 0}}
    buyers["pay_seconds"] = {"mean": 20, "spread": 0}
    result = _simulate(sale=sale, buyers=buyers)
    assert result.sold_out_after_s == pytest.approx(100 + 60, abs=4)
    assert result.seats.lapsed == 0
    # The 500th is called after 48 seconds, and came after 7.
    assert result.waits.p50 == pytest.approx(40, abs=4)


def test_cap_decides_where_it_is_tighter_than_the_rate() -> None:
    """20 slots of a minute each, and of two seconds until the next visitor comes."""
    buyers = {**EVERYBODY_BUYS, "look_seconds": {"mean": 40, "spread": 0}}
    buyers["pay_seconds"] = {"mean": 20, "spread": 0}
    sale = {"areas": {"floor": 200}, "total_active_users": 20}
    result = _simulate(sale=sale, buyers=buyers)
    assert result.sold_out_after_s is not None
    assert 10 * 60 <= result.sold_out_after_s <= 10 * 64
    assert result.peaks.active == 20


def test_lapsed_holds_are_sold_again() -> None:
    result = _simulate(buyers={"lapses": 0.4})
    assert result.seats.resold > 50
    assert result.sold_out_after_s is not None


def test_draw_gives_the_lobby_another_order() -> None:
    sale = {"queueing_method": "random", "areas": {"floor": 1_500}}
    drawn, plain = _simulate(arrivals=LOBBY, sale=sale), _simulate(arrivals=LOBBY)
    run = Simulation(_world(arrivals=LOBBY, sale=sale)).run()
    order = [run.crowd.arrived_ms(number) for number in range(1, run.line.lobby + 1)]
    assert order != sorted(order)
    assert sorted(order) == list(run.crowd.arrive_ms[: run.line.lobby])
    assert drawn.peaks.polls_per_s == pytest.approx(plain.peaks.polls_per_s, rel=0.1)


def test_pages_that_count_down_all_ask_when_the_sale_opens() -> None:
    result = _simulate(arrivals={**LOBBY, "early_share": 1.0})
    assert result.peaks.polls_per_s == pytest.approx(3_000, rel=0.05)


def test_waiting_pages_ask_as_the_service_tells_them() -> None:
    """Far back every 30 seconds at most, near the front every two."""
    result = _simulate(sale={"new_users_per_minute": 60}, buyers={"leaves": 0})
    waiting = result.peaks.waiting
    assert waiting / 30 < result.peaks.polls_per_s < waiting / 10


def test_load_follows_from_requests_and_costs() -> None:
    result = _simulate()
    load = result.load
    assert load.requests["join"] == 3_000
    assert load.requests["confirm"] == result.funnel.confirmed
    assert load.requests["claim"] >= result.admission_waits.count - 30
    assert 0 < load.average.workers <= load.busiest.workers < 1
    assert load.shop_cores is None
    world = msgspec.structs.replace(_world(), shop_visit_ms=500.0)
    assert simulate(world).load.shop_cores == load.entering_per_s / 2


def test_who_comes_when_all_is_sold_goes_empty_handed() -> None:
    arrivals = {"shape": "steady", "visitors": 3_000, "seconds": 3_600}
    sale = {"areas": {"floor": 100}, "total_active_users": 5_000}
    result = _simulate(arrivals=arrivals, sale=sale, buyers=EVERYBODY_BUYS)
    assert result.funnel.arrived == 3_000
    assert result.funnel.empty_handed == 3_000 - result.funnel.confirmed
    assert result.funnel.joined < 400


def test_progress_goes_from_nothing_to_all() -> None:
    told: list[float] = []
    Simulation(_world(sale={"new_users_per_minute": 60})).run(told.append)
    assert told == sorted(told)
    assert told[0] < 0.1
    assert gc.isenabled()
