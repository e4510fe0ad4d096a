"""When a running sale will be sold out and its line be over: the sale is held to its end by the
simulator, several times.

Each simulation begins where the sale stands, with dice of its own: what is known of its buyers from
what they have done is drawn anew, within what that shows. `RUNS` simulations and the sale itself
are alike, as far as is known, so the end of the sale is as likely to be the first of all, the last,
or any between: it lies between the first and the last of nine simulations eight times in ten.

A large sale is made smaller in proportion, and where one takes hours, time goes faster.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from math import ceil, inf
from random import Random
from typing import Final

from holdfast_simulator.running.arrivals import RunningArrivals
from holdfast_simulator.running.conduct import KnownConduct, measure_conduct, units_an_order
from holdfast_simulator.running.history import HistoryPoint, Interval, intervals_of
from holdfast_simulator.running.inside import draw_inside
from holdfast_simulator.running.sale import RunningSale, scaled
from holdfast_simulator.running.simulation import Present, RunningSimulation

RUNS: Final = 9
PEOPLE: Final = 3_000
"""who are let in during a simulation, about"""
SLOTS_LEAST: Final = 50
"""in the shop of a smaller sale, where there are as many"""
FINE_SECONDS: Final = 1_800
"""what takes longer is simulated in steps that are coarser in proportion"""
ARRIVALS_MOST: Final = 3 * PEOPLE
NOBODY: Final = RunningArrivals(0.0, inf)
DIRECT_SHARE: Final = 0.5
LONGEST_SECONDS: Final = 7 * 24 * 3600
"""What would take longer is not known."""
LONGER: Final = 6.0
"""a simulation goes on for so many times as long as is expected,"""
LAPSES: Final = 12
"""and for so many holds, one after the other, that run out"""


@dataclass(frozen=True, slots=True)
class Projection:
    """Seconds until something happens; `latest` is None where it may never happen."""

    earliest: float
    expected: float
    latest: float | None


@dataclass(frozen=True, slots=True)
class Projections:
    """Both of a sale; None where it is more likely that it never happens."""

    sold_out: Projection | None = None
    line_over: Projection | None = None


@dataclass(frozen=True, slots=True)
class _Course:
    """How long it may take, and how many people that concerns; both only about."""

    seconds: float
    people: float


@dataclass(frozen=True, slots=True)
class _Rest:
    """A sale and its history, made smaller by `share`, in which time goes `pace` times as fast."""

    sale: RunningSale
    intervals: Sequence[Interval]
    pace: int
    share: float

    def begin(
        self, known: KnownConduct, until_s: float, seed: int
    ) -> Generator[None, None, RunningSimulation]:
        """Begins a simulation with random numbers of its own."""
        random, sale = Random(seed), self.sale  # noqa: S311 - people, not secrets
        conduct = known.draw(random).faster(self.pace)
        inside = []
        for visitor in draw_inside(sale, self.intervals, conduct.buyers, random):
            inside.append(visitor)
            yield
        claim_s = sale.terms.claim_ms / 1000
        came = sum(one.admitted for one in self.intervals if one.begun <= claim_s) * self.share
        arrivals = conduct.arrivals if sale.joinable else NOBODY
        times = arrivals.times(self.share, until_s, ARRIVALS_MOST, random)
        present = Present(inside, round(came))
        run = RunningSimulation(sale, conduct, seed, until_s)
        yield from run.begin(sale, present, times)
        return run


def project(
    sale: RunningSale, points: Sequence[HistoryPoint], seed: int
) -> Generator[None, None, Projections]:
    """Simulates the rest of a sale from its last point; yields after each bit of work, so that
    others have their turn. With one seed all projections of a sale vary little.
    """
    if sale.free + sale.held <= 0:
        return Projections()
    units = units_an_order(points)
    intervals = intervals_of(points, units)
    if _is_direct(intervals):
        sale, intervals = _as_direct(sale, intervals)
    known = yield from measure_conduct(sale, points, intervals, units)
    course = _course(sale, known)
    pace = max(1, ceil(course.seconds / FINE_SECONDS))
    share = min(1.0, max(PEOPLE / max(1.0, course.people), SLOTS_LEAST / sale.terms.cap))
    rest = _Rest(scaled(sale, share, pace), [one.faster(pace) for one in intervals], pace, share)
    ends_s = inf if sale.ends_ms is None else sale.ends_ms / 1000
    longest_s = LONGER * course.seconds + LAPSES * sale.hold_ms / 1000
    until_s = min(LONGEST_SECONDS, longest_s, ends_s) / pace
    sold_out, line_over = [], []
    for run_seed in range(RUNS * seed, RUNS * (seed + 1)):
        run = yield from rest.begin(known, until_s, run_seed)
        while not run.over:
            run.step()
            yield
        sold_out.append(run.seconds_to(run.sold_out_ms) * pace)
        line_over.append(run.seconds_to(run.line_over_ms) * pace)
    return Projections(between(sold_out), between(line_over) if sale.waiting > 0 else None)


def _is_direct(intervals: Sequence[Interval]) -> bool:
    """Whether those who hold do so by the shop's key, without coming through the line."""
    came, held = sum(one.admitted for one in intervals), sum(one.holders for one in intervals)
    return came < DIRECT_SHARE * held


def _as_direct(
    sale: RunningSale, intervals: Sequence[Interval]
) -> tuple[RunningSale, list[Interval]]:
    """The sale as one that lets everybody pass, to which come those who hold something."""
    alone = replace(
        sale, terms=replace(sale.terms, through=True), waiting=0, outstanding=0, deferred=0,
        active=0, unheld=0,
    )  # fmt: skip
    came = [
        replace(one, joined=one.holders, called=one.holders, admitted=one.holders)
        for one in intervals
    ]
    return alone, came


def _course(sale: RunningSale, known: KnownConduct) -> _Course:
    """From what is most likely: those who wait at the pace of the line, then those who come."""
    hold, pay = known.most_likely
    needed = sale.free / (hold.share * pay.share * known.units)
    wait = sale.waiting * known.come_share
    session_s = sale.stays_ms / 1000 / sale.stays if sale.stays else hold.seconds + pay.seconds
    a_second = inf if sale.terms.through else min(sale.terms.rate / 60, sale.terms.cap / session_s)
    arriving = known.arrivals.per_second * known.come_share if sale.joinable else 0.0
    people, seconds = min(needed, wait), min(needed, wait) / a_second
    if needed > wait and arriving:
        later = min(needed - wait, arriving * LONGEST_SECONDS)
        people, seconds = people + later, seconds + later / min(a_second, arriving)
    seconds += hold.seconds + pay.seconds + sale.hold_ms / 1000
    return _Course(min(seconds, LONGEST_SECONDS), people + sale.active + sale.outstanding)


def between(seconds: Sequence[float]) -> Projection | None:
    """The first, the middle and the last of simulated ends; None where the middle one never is."""
    ordered = sorted(seconds)
    expected = ordered[len(ordered) // 2]
    if expected > LONGEST_SECONDS:
        return None
    latest = ordered[-1]
    return Projection(ordered[0], expected, latest if latest <= LONGEST_SECONDS else None)
