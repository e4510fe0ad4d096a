"""Lets sides do the same work in turns, and compares what each of them took.

The speed of a shared machine changes within minutes, so a comparison alternates its sides within
one run, and ratios are taken round by round.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bench.kit.clocks import Sample
from bench.kit.results import Aim, Compared, SideFigures
from bench.kit.spread import Spread

Turn = Callable[[], Sample | Awaitable[Sample]]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Side:
    """One way to do the work."""

    name: str
    turn: Turn
    size: float | None = None
    """where sides differ in nothing but a size: of a line, a plan, a number of workers"""


@dataclass(frozen=True)
class Comparison:
    """The same work by several sides, of which one is the yardstick.

    A ratio says how fast a side is beside the yardstick, so more is better: its operations a second
    by the yardstick's, and the yardstick's processor time for an operation by the side's, of the
    parts that are `counted`.
    """

    name: str
    yardstick: str
    sides: Sequence[Side]
    counted: tuple[str, ...] = ("service",)
    aims: Sequence[Aim] = field(default_factory=tuple)
    unit: str = "requests"

    def __post_init__(self) -> None:
        names = [side.name for side in self.sides]
        if self.yardstick not in names or len(set(names)) < len(names):
            raise ValueError(f"{self.name}: the yardstick {self.yardstick} among {names}")
        for aim in self.aims:
            if aim.side not in names or aim.side == self.yardstick:
                raise ValueError(f"{self.name}: an aim for {aim.side}")


def by_size(
    name: str, sides: Sequence[Side], slack: float, *, counted: str = "service", unit: str = "calls"
) -> Comparison:
    """The same work at every size; others may cost `slack` times what the first costs."""
    aims = [Aim(side.name, 1 / slack) for side in sides[1:]]
    return Comparison(name, sides[0].name, sides, (counted,), aims, unit)


async def take_turns(
    comparison: Comparison, rounds: int, warm_up: int = 1, progress: Progress = lambda _: None
) -> Compared:
    """Every side once a round, each round in the other order; rounds of warm-up are dropped."""
    samples: dict[str, list[Sample]] = {side.name: [] for side in comparison.sides}
    for number in range(-warm_up, rounds):
        for side in comparison.sides[:: -1 if number % 2 else 1]:
            shown = f"round {number + 1} of {rounds}" if number >= 0 else "warm-up"
            progress(f"{comparison.name}: {shown}, {side.name}")
            made = side.turn()
            sample = await made if inspect.isawaitable(made) else made
            if number >= 0:
                samples[side.name].append(sample)
    progress("")
    return compared(comparison, samples)


def compared(comparison: Comparison, samples: dict[str, list[Sample]]) -> Compared:
    """Medians, intervals and ratios of what every side did in the same rounds."""
    beside = samples[comparison.yardstick]
    return Compared(
        comparison.name,
        comparison.yardstick,
        comparison.unit,
        comparison.counted,
        [_figures(comparison, side, samples[side.name], beside) for side in comparison.sides],
        list(comparison.aims),
    )


def _figures(
    comparison: Comparison, side: Side, ours: list[Sample], beside: list[Sample]
) -> SideFigures:
    is_yardstick = side.name == comparison.yardstick
    pairs = list(zip(ours, beside, strict=True))

    def micros(sample: Sample) -> float:
        return sum(sample.micros(part) for part in comparison.counted)

    return SideFigures(
        name=side.name,
        size=side.size,
        done=sum(sample.done for sample in ours),
        refused=sum(sample.refused for sample in ours),
        rate=Spread.of([sample.rate for sample in ours]),
        cpu_us={part: Spread.of([s.micros(part) for s in ours]) for part in ours[0].used},
        by_rate=None if is_yardstick else Spread.of([a.rate / b.rate for a, b in pairs]),
        # A part so cheap that its clock does not move costs a side nothing, and has no ratio.
        by_cpu=None
        if is_yardstick or not all(micros(sample) > 0 for sample in (*ours, *beside))
        else Spread.of([micros(b) / micros(a) for a, b in pairs]),
    )
