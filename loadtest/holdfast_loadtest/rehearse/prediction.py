"""What the simulator says of a crowd: the median over several seeds, since a run is one of many.

The people of a run arrive when the world's seed says: those very times are simulated with every
seed. What differs from seed to seed is all else that people do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from statistics import median
from typing import Any, Final

import msgspec

from holdfast_simulator.arrivals import Arrivals, arrival_times
from holdfast_simulator.result import Result
from holdfast_simulator.summary import simulate
from holdfast_simulator.world import World

SEEDS: Final = 9


def predict(world: World, *, scenario: str, sale: str, seeds: int = SEEDS) -> Result:
    """The typical result of the world's seed and those after it, with the arrivals of its seed."""
    with _recorded_arrivals(world) as arrivals:
        found = [
            simulate(
                msgspec.structs.replace(world, arrivals=arrivals, seed=world.seed + at),
                scenario=scenario,
            )
            for at in range(seeds)
        ]
    return msgspec.structs.replace(typical(found), sale=sale)


@contextmanager
def _recorded_arrivals(world: World) -> Iterator[Arrivals]:
    """When the people of the world's seed arrive, as arrivals that were recorded."""
    times = arrival_times(world.arrivals, Random(world.seed))  # noqa: S311 - people, not secrets
    with tempfile.NamedTemporaryFile("w", suffix=".times") as file:
        file.write("\n".join(map(repr, times)))
        file.flush()
        yield Arrivals(shape="recorded", times_file=file.name)


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
