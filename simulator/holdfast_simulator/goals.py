"""Goals in words: what a sale should come to, and whether a result meets it.

    sold out in 20 min             (the last unit: one that a hold has kept back counts as well)
    95% sold in 20 min
    at most 300 in the shop
    90% wait at most 10 min        (also 50% and 99%; from join, or opening, to the call)
    everybody waits at most 30 min

Several are joined by commas. Times are in s, min or h.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from holdfast_simulator.result import Result

_TIME: Final = r"(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>s|seconds?|min|minutes?|h|hours?)"
_SOLD_OUT: Final = re.compile(rf"sold out (?:in|within|after at most) {_TIME}")
_SOLD: Final = re.compile(rf"(?P<share>\d\d?)% sold (?:in|within) {_TIME}")
_ACTIVE: Final = re.compile(r"at most (?P<amount>[\d,_ ]*\d) (?:people |visitors )?in the shop")
_WAIT: Final = re.compile(rf"(?P<who>50%|90%|99%|everybody) waits? at most {_TIME}")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
EXAMPLES: Final = (
    "'sold out in 20 min', '95% sold in 10 min', 'at most 300 in the shop', "
    "'90% wait at most 10 min'"
)


class InvalidGoal(ValueError):
    """A part of a goal that is not understood."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of a goal: a figure of the result and its limit."""

    text: str
    limit: float
    measure: Callable[[Result], float]
    ends: bool = False
    """whether a sale that has gone on for longer than the limit cannot keep it any more"""

    def holds(self, result: Result) -> bool:
        """Whether the result keeps the limit."""
        return self.measure(result) <= self.limit


@dataclass(frozen=True, slots=True)
class Goal:
    """All of its conditions have to hold."""

    conditions: Sequence[Condition]
    active_max: int | None = None
    """how many may be in the shop, which a cap guarantees"""

    def holds(self, result: Result) -> bool:
        """Whether the result meets the goal."""
        return all(one.holds(result) for one in self.conditions)

    @property
    def until_s(self) -> float:
        """After so long a sale has met the goal or cannot meet it any more."""
        return min((one.limit for one in self.conditions if one.ends), default=inf)

    @property
    def in_time(self) -> Goal:
        """Without what a cap guarantees."""
        return Goal([one for one in self.conditions if one.measure is not _active], self.active_max)


def parse_goal(text: str) -> Goal:
    """The goal that is meant."""
    parts = [part.strip() for part in re.split(r",(?!\d{3}\b)|;| and ", text) if part.strip()]
    conditions = [_condition(part) for part in parts]
    if not conditions:
        raise InvalidGoal(f"a goal is something like {EXAMPLES}")
    caps = [int(one.limit) for one in conditions if one.measure is _active]
    if len(caps) == len(conditions):
        raise InvalidGoal(
            "a goal says by when as well: 'sold out in 20 min', '90% wait at most 5 min'"
        )
    return Goal(conditions, min(caps) if caps else None)


def _condition(part: str) -> Condition:
    words = " ".join(part.lower().split())
    if found := _SOLD_OUT.fullmatch(words):
        return Condition(part, _seconds(found), _sold_out, True)
    if found := _SOLD.fullmatch(words):
        share = int(found["share"]) / 100
        return Condition(part, _seconds(found), lambda result: _sold(result, share), True)
    if found := _ACTIVE.fullmatch(words):
        most = int(re.sub(r"[,_ ]", "", found["amount"]))
        if most < 1:
            raise InvalidGoal(f"{part!r}: nobody could buy anything")
        return Condition(part, most, _active)
    if found := _WAIT.fullmatch(words):
        return Condition(part, _seconds(found), _WAITS[found["who"]])
    raise InvalidGoal(f"{part!r} is not understood; a goal is something like {EXAMPLES}")


def _seconds(found: re.Match[str]) -> float:
    return float(found["amount"]) * _SECONDS[found["unit"][0]]


def _sold_out(result: Result) -> float:
    return inf if result.sold_out_after_s is None else result.sold_out_after_s


def _sold(result: Result, share: float) -> float:
    """When this share of all units was sold."""
    wanted = share * result.seats.total
    return next((point.at_s for point in result.series if point.booked >= wanted), inf)


def _active(result: Result) -> float:
    return result.peaks.active


_WAITS: Final[dict[str, Callable[[Result], float]]] = {
    "50%": lambda result: result.waits.p50 or 0.0,
    "90%": lambda result: result.waits.p90 or 0.0,
    "99%": lambda result: result.waits.p99 or 0.0,
    "everybody": lambda result: result.waits.max or 0.0,
}
