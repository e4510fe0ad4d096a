"""Compares what was predicted with what a run has measured, figure by figure.

A figure with a tolerance may be off by two things: by what the simulator leaves out, a fixed share,
and by chance, which is twice the standard deviation over the seeds of the prediction. So a crowd of
thirty is not held to what only a crowd of thousands can keep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import pstdev
from typing import Final

import msgspec

from holdfast_loadtest.rehearse.prediction import Prediction
from holdfast_simulator.result import Result

SOLD_OUT_TOLERANCE: Final = 0.10
WAITS_TOLERANCE: Final = 0.15
SHOWN_FROM: Final = 0.005
CHANCE_DEVIATIONS: Final = 2.0
"""standard deviations, which nineteen of twenty runs stay within"""


class ComparedFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of both. `deviation` is a share of the measured one; None where one of them has no
    such figure. `tolerance` has `chance` in it, the share that is put down to chance. `held` is
    None for figures without a tolerance.
    """

    name: str
    unit: str
    predicted: float | None
    measured: float | None
    deviation: float | None
    tolerance: float | None
    chance: float = 0.0
    held: bool | None


@dataclass(frozen=True, slots=True)
class _Figure:
    """What is read of a result, and how far a prediction may be off."""

    name: str
    unit: str
    read: Callable[[Result], float | None]
    tolerance: float | None = None


FIGURES: Final[tuple[_Figure, ...]] = (
    _Figure("sold out after", "s", lambda one: one.sold_out_after_s, SOLD_OUT_TOLERANCE),
    _Figure("wait, half of all", "s", lambda one: one.waits.p50, WAITS_TOLERANCE),
    _Figure("wait, nine in ten", "s", lambda one: one.waits.p90, WAITS_TOLERANCE),
    _Figure("admitted after, half of all", "s", lambda one: one.admission_waits.p50),
    _Figure("admitted after, nine in ten", "s", lambda one: one.admission_waits.p90),
    _Figure("waiting at most", "", lambda one: one.peaks.waiting),
    _Figure("inside at most", "", lambda one: one.peaks.active),
    _Figure("polls a second at most", "", lambda one: one.peaks.polls_per_s),
    _Figure("joins a second at most", "", lambda one: one.peaks.joins_per_s),
    _Figure("arrived", "", lambda one: one.funnel.arrived),
    _Figure("called", "", lambda one: one.funnel.called),
    _Figure("admitted", "", lambda one: one.funnel.admitted),
    _Figure("orders", "", lambda one: one.funnel.confirmed),
    _Figure("empty-handed", "", lambda one: one.funnel.empty_handed),
    _Figure("units sold", "", lambda one: one.seats.booked),
    _Figure("units lapsed or given back", "", lambda one: one.seats.lapsed),
)


def compare(prediction: Prediction, measured: Result) -> list[ComparedFigure]:
    """Every figure that both results have, in the order of `FIGURES`."""
    return [_compared(figure, prediction, measured) for figure in FIGURES]


def agrees(figures: Sequence[ComparedFigure]) -> bool:
    """Whether no figure with a tolerance is off by more."""
    return all(figure.held is not False for figure in figures)


def _compared(figure: _Figure, prediction: Prediction, measured: Result) -> ComparedFigure:
    expected, found = figure.read(prediction.typical), figure.read(measured)
    seeds = [figure.read(one) for one in prediction.seeds]
    deviation = _deviation(expected, found)
    chance = 0.0 if figure.tolerance is None else _chance(seeds)
    tolerance = None if figure.tolerance is None else figure.tolerance + chance
    return ComparedFigure(
        name=figure.name,
        unit=figure.unit,
        predicted=expected,
        measured=found,
        deviation=deviation,
        tolerance=tolerance,
        chance=chance,
        held=None if tolerance is None else _held(tolerance, expected, found, seeds),
    )


def _chance(seeds: Sequence[float | None]) -> float:
    """How far a run is off by chance, as a share of the usual figure."""
    found = [one for one in seeds if one is not None]
    if len(found) < 2 or not (usual := sum(found) / len(found)):
        return 0.0
    return CHANCE_DEVIATIONS * pstdev(found) / usual


def _deviation(expected: float | None, found: float | None) -> float | None:
    if expected is None or found is None:
        return None
    if found == 0:
        return 0.0 if expected == 0 else None
    return (expected - found) / found


def _held(
    tolerance: float, expected: float | None, found: float | None, seeds: Sequence[float | None]
) -> bool:
    """A figure that neither has agrees, as does one that a run has or lacks like some of the seeds;
    anything for nothing does not.
    """
    if found is None:
        return expected is None or None in seeds
    if expected is None:
        have = (one for one in seeds if one is not None)
        expected = min(have, key=lambda one: abs(one - found), default=None)
    deviation = _deviation(expected, found)
    return deviation is not None and abs(deviation) <= tolerance


def figure_text(value: float | None, unit: str = "") -> str:
    """A figure as text: whole where it is large."""
    if value is None:
        return "never" if unit == "s" else "unknown"
    text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"
    return f"{text} {unit}".rstrip()


def tolerated(figure: ComparedFigure, *, missed: str = "missed") -> str:
    """By how much it may be off, how much of that by chance, and whether it was; empty for any."""
    if figure.tolerance is None:
        return ""
    chance = f", {figure.chance:.0%} by chance" if figure.chance >= SHOWN_FROM else ""
    return f"{figure.tolerance:.0%}{chance}: {'kept' if figure.held else missed}"


def percent(figure: ComparedFigure) -> str:
    """By how much of the measured figure the prediction is off."""
    if figure.deviation is None:
        return ""
    return f"{figure.deviation:+.0%}".replace("+0%", "0%").replace("-0%", "0%")
