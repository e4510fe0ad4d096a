"""What a simulation came to, as a result."""

from __future__ import annotations

import msgspec

from holdfast_simulator.costs import Cores, cores_for
from holdfast_simulator.crowd import SimulatedCrowd
from holdfast_simulator.result import Funnel, Peaks, Result, SeatCounts, summarise
from holdfast_simulator.simulation import LONGEST_SECONDS, People, Progress, Simulation
from holdfast_simulator.world import World


class SimulatedLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What the sale asks of the service and of the shop behind it."""

    requests: dict[str, int]
    """in all, by kind"""
    per_second: dict[str, float]
    """of each kind in its busiest second"""
    busiest: Cores
    """processors in use in the second with most to do"""
    average: Cores
    entering_per_s: float
    """visitors who come to the shop in the busiest second"""
    shop_cores: float | None = None
    """of the shop in that second, where the world says what a visit costs it"""


class SimulationResult(Result, frozen=True, kw_only=True):
    """The common result, and what only a simulation knows."""

    seed: int
    rate: int
    """new_users_per_minute"""
    burst: int
    cap: int
    """total_active_users"""
    no_shows: int
    load: SimulatedLoad


def simulate(
    world: World,
    *,
    scenario: str = "",
    progress: Progress | None = None,
    until_s: float = LONGEST_SECONDS,
    people: People = SimulatedCrowd,
) -> SimulationResult:
    """Simulates a world once, for so long at most; equal worlds give equal results."""
    run = Simulation(world, until_s, people).run(progress)
    recording, stock, line, sale = run.recording, run.stock, run.line, world.sale
    most, opened_ms = recording.most, run.opened_ms
    sold_out = None if run.sold_out_ms is None else (run.sold_out_ms - opened_ms) / 1000
    total = stock.free + stock.held + stock.booked
    return SimulationResult(
        kind="simulation",
        scenario=scenario,
        sale=scenario,
        seconds=(run.now_ms - opened_ms) / 1000,
        funnel=_funnel(run),
        waits=summarise(recording.waits),
        admission_waits=summarise(recording.admission_waits),
        sold_out_after_s=sold_out,
        peaks=Peaks(
            waiting=recording.most_waiting,
            active=recording.most_active,
            polls_per_s=most["poll"],
            joins_per_s=most["join"],
        ),
        seats=SeatCounts(
            total=total, booked=stock.booked, lapsed=stock.lapsed, resold=stock.resold
        ),
        series=recording.series(),
        seed=world.seed,
        rate=sale.new_users_per_minute,
        burst=sale.burst,
        cap=line.terms.cap,
        no_shows=recording.counts.get("no_show", 0),
        load=_load(run),
    )


def _funnel(run: Simulation) -> Funnel:
    count = run.recording.counts.get
    waiting_left, waiting_want = _still_waiting(run)
    late = len(run.crowd.arrive_ms) - run.line.issued
    turned_away = sum(_wants(run, run.line.issued + at) for at in range(1, late + 1))
    empty = count("found_nothing", 0) + count("sold_out", 0) + count("lapsed", 0)
    return Funnel(
        arrived=len(run.crowd.arrive_ms),
        joined=run.line.issued,
        called=run.line.called,
        admitted=run.line.admitted,
        held=count("held", 0),
        paying=count("paying", 0),
        confirmed=count("confirmed", 0),
        left=count("left", 0) + waiting_left,
        empty_handed=empty + waiting_want + turned_away,
    )


def _still_waiting(run: Simulation) -> tuple[int, int]:
    """How many of those who were not called had left, and how many wanted to buy."""
    left = want = 0
    for number in range(run.line.serving + 1, run.line.issued + 1):
        if run.crowd.has_left(number, run.now_ms - run.crowd.arrived_ms(number)):
            left += 1
        else:
            want += _wants(run, number)
    return left, want


def _wants(run: Simulation, number: int) -> bool:
    """Whether somebody would have come and bought."""
    return not run.crowd.comes_not(number) and not run.crowd.looks_only(number)


def _load(run: Simulation) -> SimulatedLoad:
    recording, costs, visit_ms = run.recording, run.costs, run.world.shop_visit_ms
    most = dict(recording.most)
    entering = most.pop("entering")
    seconds = max(1.0, (run.now_ms - run.opened_ms) / 1000)
    average = {kind: n / seconds for kind, n in recording.requests.items()}
    return SimulatedLoad(
        requests={kind: round(n) for kind, n in recording.requests.items()},
        per_second={kind: round(rate, 1) for kind, rate in most.items()},
        busiest=cores_for(recording.busiest, costs),
        average=cores_for(average, costs),
        entering_per_s=entering,
        shop_cores=None if visit_ms is None else entering * visit_ms / 1000,
    )
