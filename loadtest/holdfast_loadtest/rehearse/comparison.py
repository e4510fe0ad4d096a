"""Compares what was predicted with what a run has measured, figure by figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from holdfast_simulator.result import Result

SOLD_OUT_TOLERANCE: Final = 0.10
WAITS_TOLERANCE: Final = 0.15


class ComparedFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of both. `deviation` is a share of the measured one; None where one of them has no
    such figure. `held` is None for figures without a tolerance.
    """

    name: str
    unit: str
    predicted: float | None
    measured: float | None
    deviation: float | None
    tolerance: float | None
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


def compare(predicted: Result, measured: Result) -> list[ComparedFigure]:
    """Every figure that both results have, in the order of `FIGURES`."""
    return [_compared(figure, predicted, measured) for figure in FIGURES]


def agrees(figures: Sequence[ComparedFigure]) -> bool:
    """Whether no figure with a tolerance is off by more."""
    return all(figure.held is not False for figure in figures)


def _compared(figure: _Figure, predicted: Result, measured: Result) -> ComparedFigure:
    expected, found = figure.read(predicted), figure.read(measured)
    deviation = _deviation(expected, found)
    return ComparedFigure(
        name=figure.name,
        unit=figure.unit,
        predicted=expected,
        measured=found,
        deviation=deviation,
        tolerance=figure.tolerance,
        held=_held(figure.tolerance, expected, found, deviation),
    )


def _deviation(expected: float | None, found: float | None) -> float | None:
    if expected is None or found is None:
        return None
    if found == 0:
        return 0.0 if expected == 0 else None
    return (expected - found) / found


def _held(
    tolerance: float | None, expected: float | None, found: float | None, deviation: float | None
) -> bool | None:
    """Both without a figure agree; one without it, or anything for nothing, does not."""
    if tolerance is None:
        return None
    if expected is None and found is None:
        return True
    return deviation is not None and abs(deviation) <= tolerance


def figure_text(value: float | None, unit: str = "") -> str:
    """As people write it: whole where it is large."""
    if value is None:
        return "never" if unit == "s" else "unknown"
    text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"
    return f"{text} {unit}".rstrip()


def percent(figure: ComparedFigure) -> str:
    """By how much of the measured figure the prediction is off."""
    if figure.deviation is None:
        return ""
    return f"{figure.deviation:+.0%}".replace("+0%", "0%").replace("-0%", "0%")
