"""The people of a simulation: when each comes, which number they get, what they want and do."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import Final

from holdfast_simulator.arrivals import arrival_times
from holdfast_simulator.rules.stock import SimulatedStock
from holdfast_simulator.world import World

ORIGIN_MS: Final = 1_000_000_000
"""of simulated time; 0 means none in the rules"""
MAX_TRIES: Final = 6
"""at finding something to hold"""


class SimulatedCrowd:
    """Everybody of a world, in the order in which they come, and what each does when it matters.

    Times, in seconds from the opening and in order, are those of the world's arrivals where none
    are given. Traits are drawn when they are asked for; `number` is of whom. A subclass may know
    them instead.
    """

    def __init__(
        self, world: World, stock: Mapping[str, int], times: Sequence[float] | None = None
    ) -> None:
        self._random = random = Random(world.seed)  # noqa: S311 - people, not secrets
        if times is None:
            times = arrival_times(world.arrivals, random)
        early_ms = max(0, -int(1000 * times[0])) + 1 if times[0] < 0 else 0
        self.opens_ms = ORIGIN_MS + early_ms
        opens_ms = self.opens_ms
        self.arrive_ms = array("q", (opens_ms + int(1000 * time) for time in times))
        self.buyers = buyers = world.buyers
        self._look, self._pay = buyers.look_seconds.draws(random), buyers.pay_seconds.draws(random)
        self._limit = world.sale.max_units_per_buyer
        self._order: array[int] | None = None
        self._drawn = world.sale.queueing_method == "random"
        taste = world.buyers.taste or stock
        wanted = {name: float(weight) for name, weight in taste.items() if name in stock and weight}
        self.categories = list(wanted)
        self._taste = list(accumulate(wanted.values()))
        self._sizes = list(world.buyers.group_sizes)
        self._weights = list(accumulate(world.buyers.group_sizes.values()))

    @property
    def has_lobby(self) -> bool:
        """Whether anybody comes before the opening."""
        return self.opens_ms > ORIGIN_MS

    @property
    def random(self) -> Random:
        """The generator of every draw."""
        return self._random

    def open_lobby(self, entrants: int) -> None:
        """Gives the places of the lobby their numbers, by a draw where the sale has one."""
        if self._drawn:
            order = list(range(entrants))
            self._random.shuffle(order)
            self._order = array("q", order)

    def index(self, number: int) -> int:
        """The place of who has this number among those who come, from 0."""
        at = number - 1
        if self._order is not None and at < len(self._order):
            return self._order[at]
        return at

    def arrived_ms(self, number: int) -> int:
        """When who has this number came."""
        return self.arrive_ms[self.index(number)]

    # what each of them does

    def has_left(self, number: int, waited_ms: int) -> bool:
        """Whether somebody has lost patience by now."""
        buyers, random = self.buyers, self._random.random
        if random() >= buyers.leaves:
            return False
        return 1000 * buyers.patience_seconds * random() < waited_ms

    def comes_not(self, number: int) -> bool:
        """Whether a called visitor does not claim."""
        return self._random.random() < self.buyers.no_show

    def looks_only(self, number: int) -> bool:
        """Whether somebody inside buys nothing."""
        return self._random.random() < self.buyers.looks_only

    def look_ms(self, number: int) -> int:
        """How long somebody looks before a try to hold something."""
        return int(1000 * self._look())

    def choice(self, number: int) -> tuple[str, int]:
        """The category and the units that somebody wants."""
        random, tastes, weights = self._random.random, self._taste, self._weights
        at = bisect_right(tastes, random() * tastes[-1])
        category = self.categories[min(at, len(tastes) - 1)]
        at = bisect_right(weights, random() * weights[-1])
        return category, min(self._limit, self._sizes[min(at, len(weights) - 1)])

    def takes_other(self, number: int) -> bool:
        """Whether somebody whose category is gone takes another one."""
        return self._random.random() < self.buyers.takes_other

    def lapses(self, number: int) -> bool:
        """Whether somebody who holds lets the hold run out."""
        return self._random.random() < self.buyers.lapses

    def releases(self, number: int) -> bool:
        """Whether somebody who holds and could pay gives the hold back."""
        return self._random.random() < self.buyers.releases

    def pay_ms(self, number: int) -> int:
        """How long somebody takes from the hold to the payment, or to giving it back."""
        return int(1000 * self._pay())

    def ends_pass(self, number: int) -> bool:
        """Whether somebody who is done tells the shop."""
        return self._random.random() < self.buyers.ends_pass

    def other_category(self, stock: SimulatedStock, units: int) -> str | None:
        """What somebody takes instead, by what there is; None where nothing is."""
        free = [(name, n) for name, n in stock.free_of.items() if n >= units]
        if not free:
            return None
        weights = [n for _, n in free]
        return self._random.choices([name for name, _ in free], weights)[0]
