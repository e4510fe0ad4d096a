"""Which rate, burst and cap meet a goal: the least rate that does, found by simulating.

More speed sells sooner and lets people wait less, so the least rate that meets a goal is searched
by halving, on a crowd made smaller in proportion where it is large. What is found is then tried at
full size with other seeds: how often it held is the answer's certainty, as a 95% interval of the
share (Wilson 1927, "Probable inference", J. Am. Stat. Assoc. 22).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Final

import msgspec

from holdfast_simulator.goals import Goal
from holdfast_simulator.simulation import LONGEST_SECONDS
from holdfast_simulator.summary import SimulationResult, simulate
from holdfast_simulator.world import World

RATE_MAX: Final = 6_000_000
BURST_MAX: Final = 1_000_000
CAP_MAX: Final = 10_000_000
SEARCHED_VISITORS: Final = 6_000
"""a larger crowd is searched by one as large as this"""
SEARCHED_SLOTS: Final = 100
"""in the shop at once, at least, where a goal limits them"""
STEPS: Final = 11
"""halvings of the range of rates, on a logarithmic scale"""
SEARCH_SEEDS: Final = 3
LARGER: Final = (1.0, 1.07, 1.15, 1.3)
"""how much more than the least rate is tried, until it holds in nearly all seeds"""
FEW_SEEDS: Final = 4
"""a rate for which the goal does not hold in all of these is not tried with all seeds"""
SURE: Final = 0.9
"""a rate is recommended when the goal holds in this share of the seeds"""
BURST_SECONDS: Final = 2
"""of rate that a burst holds: as long as a called visitor takes to come"""
BURST_LEAST: Final = 20
_Z: Final = 1.96
CAP_BOUND: Final = (
    "The cap stands in the way: with so few in the shop at once, slots do not come free soon "
    "enough at any rate. A higher cap would do."
)
HOLDS_BOUND: Final = (
    "Holds that run out stand in the way: their units come back after {hold_s} seconds, some of "
    "them again and again. A shorter hold_seconds would do."
)
PEOPLE_BOUND: Final = (
    "People stand in the way: even if everybody is let in at once, arriving, looking and paying "
    "take longer. No setting of the line changes that."
)
DEMAND_BOUND: Final = (
    "Demand stands in the way: at any rate the people of this world buy {sold:.0%} of the units, "
    "so it is never sold out."
)

Notify = Callable[[str], None]
Runs = Callable[[Iterable[World], float], list[SimulationResult]]
"""Simulates worlds, each for so many seconds at most."""


@dataclass(frozen=True, slots=True)
class Certainty:
    """In how many of so many seeds a goal held, and the 95% interval of that share."""

    held: int
    seeds: int

    @property
    def interval(self) -> tuple[float, float]:
        """The shares between which the true one lies, nineteen times in twenty."""
        n, share = self.seeds, self.held / self.seeds
        middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Settings that meet a goal; where none do, `bound` says what stands in the way."""

    world: World
    results: Sequence[SimulationResult]
    certainty: Certainty
    bound: str = ""


def with_settings(
    world: World, *, rate: int | None = None, burst: int | None = None, cap: int | None = None
) -> World:
    """The world with other settings of its line."""
    given = {"new_users_per_minute": rate, "burst": burst, "total_active_users": cap}
    changes = {name: value for name, value in given.items() if value is not None}
    sale = msgspec.structs.replace(world.sale, **changes)
    return msgspec.structs.replace(world, sale=sale)


def seeds_of(world: World, count: int) -> list[World]:
    """The world with so many seeds, its own first."""
    return [msgspec.structs.replace(world, seed=world.seed + at) for at in range(count)]


def scaled(world: World, share: float) -> World:
    """A smaller world in proportion: people, units, rate, burst and slots."""
    if share >= 1:
        return world
    sale, units = world.sale, world.sale.stock()

    def part(amount: float) -> int:
        return max(1, round(amount * share))

    small = msgspec.structs.replace(
        sale,
        plan=None,
        seats={name: part(n) for name, n in units.items()},
        areas={},
        new_users_per_minute=part(sale.new_users_per_minute),
        burst=part(sale.burst),
        total_active_users=part(sale.total_active_users),
    )
    arrivals = world.arrivals
    changes: dict[str, object] = {"visitors": part(arrivals.visitors)}
    if arrivals.usual_per_second is not None:
        # Of the rounded number, so that a surge is as long as it was.
        share = part(arrivals.visitors) / arrivals.visitors
        changes["usual_per_second"] = arrivals.usual_per_second * share
    return msgspec.structs.replace(
        world, sale=small, arrivals=msgspec.structs.replace(arrivals, **changes)
    )


def recommend(
    world: World, goal: Goal, seeds: int, notify: Notify, runs: Runs | None = None
) -> Recommendation:
    """The least rate that meets the goal, with a burst and a cap that go with it."""
    search = _Search(world, goal, notify, runs or _one_by_one)
    cap = goal.active_max or CAP_MAX
    fastest = with_settings(world, rate=RATE_MAX, burst=BURST_MAX, cap=cap)
    if not search.holds(fastest):
        return search.unreachable(fastest)
    rate = search.least_rate(cap)
    for more in LARGER[:-1]:
        few = search.tried(round(rate * more), cap, min(seeds, FEW_SEEDS))
        if few.certainty.held == few.certainty.seeds:
            found = search.tried(round(rate * more), cap, seeds)
            if found.certainty.held >= SURE * seeds:
                return found
    return search.tried(round(rate * LARGER[-1]), cap, seeds)


class _Search:
    """Tries settings of one world."""

    def __init__(self, world: World, goal: Goal, notify: Notify, runs: Runs) -> None:
        self._world, self._goal, self._notify, self._runs = world, goal, notify, runs
        visitors, slots = world.arrivals.visitors, goal.active_max or CAP_MAX
        share = max(SEARCHED_VISITORS / visitors, SEARCHED_SLOTS / slots) if visitors else 1.0
        self._share = min(1.0, share)
        self._until_s = min(LONGEST_SECONDS, goal.until_s + 1)

    def holds(self, world: World) -> bool:
        """Whether the goal is met, in most of a few seeds, at the size of the search."""
        worlds = seeds_of(scaled(world, self._share), SEARCH_SEEDS)
        results = self._runs(worlds, self._until_s)
        return 2 * sum(self._goal.in_time.holds(result) for result in results) > SEARCH_SEEDS

    def least_rate(self, cap: int) -> int:
        """The least rate that meets the goal, by bisection from one a minute to the whole crowd."""
        high = float(min(RATE_MAX, 60 * max(1_000, self._world.arrivals.visitors)))
        low = self._too_slow()
        for _ in range(STEPS):
            rate = max(1, round(sqrt(low * high)))
            self._notify(f"{rate:,} a minute")
            holds = self.holds(self._settings(rate, cap))
            low, high = (low, rate) if holds else (rate, high)
        return _rounded(high)

    def _too_slow(self) -> float:
        """A rate at which not even buyers who all take as much as they may could buy it all."""
        sale = self._world.sale
        buyers = sum(sale.stock().values()) / sale.max_units_per_buyer
        return max(1.0, 0.5 * buyers / (self._until_s / 60))

    def tried(self, rate: int, cap: int, seeds: int) -> Recommendation:
        """Simulates at full size; a cap that no goal sets is what was needed and a tenth."""
        self._notify(f"{rate:,} a minute, with {seeds} seeds")
        world = self._settings(rate, cap)
        results = self._runs(seeds_of(world, seeds), LONGEST_SECONDS)
        held = sum(self._goal.holds(result) for result in results)
        if self._goal.active_max is None:
            most = max(result.peaks.active for result in results)
            world = with_settings(world, cap=min(CAP_MAX, _rounded(most * 1.1)))
        return Recommendation(world, results, Certainty(held, seeds))

    def unreachable(self, fastest: World) -> Recommendation:
        """Why not even the highest rate meets the goal: the limit that prevents it."""
        free = with_settings(fastest, cap=CAP_MAX)
        if self._goal.active_max is not None and self.holds(free):
            return self._bound(fastest, CAP_BOUND)
        if self.holds(_without_lapses(free)):
            hold_s = self._world.sale.hold_seconds
            return self._bound(free, HOLDS_BOUND.format(hold_s=hold_s))
        return self._bound(free, PEOPLE_BOUND)

    def _bound(self, world: World, why: str) -> Recommendation:
        results = self._runs(seeds_of(scaled(world, self._share), SEARCH_SEEDS), LONGEST_SECONDS)
        best = min(results, key=lambda one: one.sold_out_after_s or inf)
        if best.sold_out_after_s is not None:
            minutes = best.sold_out_after_s / 60
            why += f" In the best of {SEARCH_SEEDS} seeds it is sold out after {minutes:.0f} min."
        elif why == PEOPLE_BOUND:
            why = DEMAND_BOUND.format(sold=best.seats.booked / best.seats.total)
        return Recommendation(world, [best], Certainty(0, SEARCH_SEEDS), why)

    def _settings(self, rate: int, cap: int) -> World:
        burst = min(BURST_MAX, cap, max(BURST_LEAST, ceil(rate * BURST_SECONDS / 60)))
        return with_settings(self._world, rate=max(1, rate), burst=burst, cap=cap)


def _one_by_one(worlds: Iterable[World], until_s: float) -> list[SimulationResult]:
    return [simulate(world, until_s=until_s) for world in worlds]


def _without_lapses(world: World) -> World:
    buyers = msgspec.structs.replace(world.buyers, lapses=0.0, releases=0.0)
    return msgspec.structs.replace(world, buyers=buyers)


def _rounded(amount: float) -> int:
    """Up, to two digits and a half: 1234 is 1250."""
    if amount < 20:
        return ceil(amount)
    step = 10 ** max(0, len(str(int(amount))) - 2) / 2
    return int(ceil(amount / max(1.0, step)) * max(1.0, step))
