"""The limits that a scenario sets: each with what was measured, and whether it was held.

A limit whose figure could not be measured is not kept, so that a run in which nobody joined does
not count as one in which joins were fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec


class StepLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many milliseconds, and at most this share of requests that fail."""

    p50_ms: float | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None
    failed_share: float | None = None


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[thresholds]` of a scenario; what is left out has no limit.

    All are the most that is allowed, but `goodput_per_s` and `waited_share`, which are the least.
    """

    steps: dict[str, StepLimits] = {}
    refused_share: float | None = None
    """refusals in requests"""
    failed_share: float | None = None
    """failed requests in requests"""
    wait_p50_s: float | None = None
    wait_p90_s: float | None = None
    """from join, with a lobby from the opening, to the call"""
    estimate_error_p50_s: float | None = None
    estimate_error_p90_s: float | None = None
    """between that wait and the estimate first shown, whichever way"""
    rate_error: float | None = None
    """passes against burst + rate x time while people waited, as a share, whichever way"""
    goodput_per_s: float | None = None
    """orders a second, from the first to the last"""
    waited_share: float | None = None
    """of the admitted, those who were not let in by the answer to their join"""
    sold_out_s: float | None = None
    """from the start of the run to the last unit sold"""


AT_LEAST: Final = frozenset({"goodput_per_s", "waited_share"})


class ThresholdResult(msgspec.Struct, frozen=True):
    """One limit: `measured` is None where the run had nothing to measure."""

    name: str
    limit: float
    measured: float | None
    held: bool


def judge_thresholds(
    thresholds: Thresholds, measured: dict[str, float | None]
) -> list[ThresholdResult]:
    """Each limit that is set, against the measured figure of the same name.

    The figure of a step is called `steps.<step>.<figure>`.
    """
    return [_judged(name, float(limit), measured.get(name)) for name, limit in _limits(thresholds)]


def _limits(thresholds: Thresholds) -> Iterator[tuple[str, float]]:
    for name in Thresholds.__struct_fields__:
        if name != "steps" and (limit := getattr(thresholds, name)) is not None:
            yield name, limit
    for step, limits in thresholds.steps.items():
        for name in StepLimits.__struct_fields__:
            if (limit := getattr(limits, name)) is not None:
                yield f"steps.{step}.{name}", limit


def _judged(name: str, limit: float, measured: float | None) -> ThresholdResult:
    return ThresholdResult(name, limit, measured, _holds(name, limit, measured))


def _holds(name: str, limit: float, measured: float | None) -> bool:
    if measured is None:
        return False
    return measured >= limit if name in AT_LEAST else measured <= limit
