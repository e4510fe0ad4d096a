"""What the simulator says of a crowd: the median over several seeds, since a run is one of many.

The people of a run are those that the scenario's seed draws, and arrive when it says: every seed
simulates these very people. What differs from seed to seed is when their pages ask, and the draw of
a lobby. How much that makes of a figure is what a run may be off by chance: much with thirty
people, little with thirty thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Final

import msgspec

from holdfast_loadtest.rehearse.known_crowd import KnownCrowd
from holdfast_loadtest.scenarios.people import People
from holdfast_loadtest.scenarios.scenario import Scenario
from holdfast_simulator.recommendation import seeds_of
from holdfast_simulator.result import Result
from holdfast_simulator.summary import simulate

SEEDS: Final = 9


@dataclass(frozen=True, slots=True)
class Prediction:
    """The typical result, and those of all seeds that it is the median of."""

    typical: Result
    seeds: Sequence[Result]


def predict(world: Scenario, *, scenario: str, sale: str, seeds: int = SEEDS) -> Prediction:
    """The results of the scenario's people with its seed and those after it."""
    people = People(world)
    profiles = [people.profile(person) for person in range(len(people))]
    crowd = partial(KnownCrowd, arrivals=people.arrivals, profiles=profiles)
    found = [simulate(one, scenario=scenario, people=crowd) for one in seeds_of(world, seeds)]
    return Prediction(msgspec.structs.replace(typical(found), sale=sale), found)


def typical(results: Sequence[Result]) -> Result:
    """Each figure is the median of all; the curves are those of the result that is nearest to the
    median of the longer waits.
    """
    tables = [msgspec.to_builtins(msgspec.structs.replace(one, series=())) for one in results]
    middle = msgspec.convert(_medians(tables), Result)
    nearest = min(results, key=lambda one: abs((one.waits.p90 or 0) - (middle.waits.p90 or 0)))
    return msgspec.structs.replace(middle, series=nearest.series)


def _medians(values: Sequence[Any]) -> Any:
    """Of numbers the median, of tables that of each member, of all else the first. A number that
    more than half do not have is None.
    """
    first = values[0]
    if isinstance(first, dict):
        return {name: _medians([value[name] for value in values]) for name in first}
    numbers = [value for value in values if isinstance(value, int | float)]
    if 2 * len(numbers) <= len(values):
        return first if not numbers else None
    found = median(numbers)
    whole = all(isinstance(number, int) for number in numbers)
    return round(found) if whole else found
