"""The people of a simulation: when each comes, which number they get, what they want and do."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from random import Random
from typing import Final

from holdfast_simulator.arrivals import arrival_times
from holdfast_simulator.rules.stock import SimulatedStock
from holdfast_simulator.world import World

ORIGIN_MS: Final = 1_000_000_000
"""of simulated time; 0 means none in the rules"""
MAX_TRIES: Final = 4
"""at finding something to hold"""


class SimulatedCrowd:
    """Everybody of a world, in the order in which they come."""

    def __init__(self, world: World, stock: Mapping[str, int]) -> None:
        self._random = random = Random(world.seed)  # noqa: S311 - people, not secrets
        times = arrival_times(world.arrivals, random)
        early_ms = max(0, -int(1000 * times[0])) + 1 if times[0] < 0 else 0
        self.opens_ms = ORIGIN_MS + early_ms
        opens_ms = self.opens_ms
        self.arrive_ms = array("q", (opens_ms + int(1000 * time) for time in times))
        self.buyers = world.buyers
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
        """What everybody's dice are rolled with."""
        return self._random

    def open_lobby(self, entrants: int) -> None:
        """Gives the places of the lobby their numbers, by a draw where the sale has one."""
        if self._drawn:
            order = list(range(entrants))
            self._random.shuffle(order)
            self._order = array("q", order)

    def arrived_ms(self, number: int) -> int:
        """When who has this number came."""
        at = number - 1
        if self._order is not None and at < len(self._order):
            at = self._order[at]
        return self.arrive_ms[at]

    def waits_since_ms(self, number: int) -> int:
        """From when on a wait counts: not before the opening."""
        return max(self.opens_ms, self.arrived_ms(number))

    def has_left(self, waited_ms: int) -> bool:
        """Whether somebody has lost patience by now."""
        buyers, random = self.buyers, self._random.random
        if random() >= buyers.leaves:
            return False
        return 1000 * buyers.patience_seconds * random() < waited_ms

    def happens(self, share: float) -> bool:
        """True for this share of all."""
        return self._random.random() < share

    def group(self) -> int:
        """How many units somebody wants."""
        weights = self._weights
        at = bisect_right(weights, self._random.random() * weights[-1])
        return min(self._limit, self._sizes[min(at, len(weights) - 1)])

    def category(self) -> str:
        """What somebody wants."""
        weights = self._taste
        at = bisect_right(weights, self._random.random() * weights[-1])
        return self.categories[min(at, len(weights) - 1)]

    def other_category(self, stock: SimulatedStock, units: int) -> str | None:
        """What somebody takes instead, by what there is; None where nothing is."""
        free = [(name, n) for name, n in stock.free_of.items() if n >= units]
        if not free:
            return None
        weights = [n for _, n in free]
        return self._random.choices([name for name, _ in free], weights)[0]
