"""What a change of rate and cap would do to the waits, told before it is applied.

Visitors are let in at the set rate as long as slots are free. Once all are taken, they are let in
as sessions end, which grows with the cap. The prediction takes the sessions to end as fast as they
do now, for each slot. Slots that a higher cap adds are filled at the set rate, less the sessions
that end meanwhile: with `e` endings a minute for each slot the active sessions `a` grow by
`rate - e * a` a minute, so the cap is reached after `ln((rate / e - a) / (rate / e - cap)) / e`
minutes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

FULL_SHARE: Final = 0.98
"""From this share of the cap on, slots limit the rate."""
SECONDS_A_MINUTE: Final = 60.0


class Limit(StrEnum):
    """What the rate is limited by."""

    RATE = "rate"
    SLOTS = "slots"
    SLOTS_SOON = "slots_soon"
    """At first by the rate; before the last in line are let in, all slots are taken."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How fast visitors are let in, and how long the last in line waits; None: for ever, or not
    known.
    """

    per_minute: float
    last_waits_seconds: float | None
    limit: Limit


@dataclass(frozen=True, slots=True)
class Effect:
    """The flow now, and after a change; `too_many` sessions must end before anybody is admitted."""

    now: Flow
    then: Flow
    too_many: int = 0


def predict(live: Mapping[str, Any], rate: int, cap: int) -> Effect:
    """The effect of setting `rate` a minute and `cap` sessions, by the live figures of the sale."""
    line = live["line"]
    waiting, active = line.get("waiting") or 0, line.get("active") or 0
    now_rate, now_cap = line.get("rate_set") or 0, line.get("active_max") or 0
    ending = _ending_per_slot(line, active, now_cap)
    return Effect(
        _flow(waiting, active, now_rate, now_cap, ending),
        _flow(waiting, active, rate, cap, ending),
        max(0, active - cap),
    )


def _ending_per_slot(line: Mapping[str, Any], active: int, cap: int) -> float | None:
    """Sessions that end in a minute for each slot; None while slots are free, when it cannot be
    told from the rate.
    """
    realised = line.get("rate_realised")
    full = cap > 0 and active >= cap * FULL_SHARE
    return realised / active if full and active and realised is not None else None


def _flow(waiting: int, active: int, rate: int, cap: int, ending: float | None) -> Flow:
    if ending is None or ending * cap >= rate:
        nobody = ending is None and cap < active
        per_minute = 0.0 if nobody else float(rate)
        return Flow(per_minute, _wait(waiting, per_minute), Limit.SLOTS if nobody else Limit.RATE)
    filling = _minutes_to_fill(active, rate, cap, ending)
    if waiting <= rate * filling and filling > 0:
        return Flow(float(rate), _wait(waiting, rate), Limit.RATE)
    after = _wait(waiting - rate * filling, ending * cap)
    waits = None if after is None else filling * SECONDS_A_MINUTE + after
    return Flow(ending * cap, waits, Limit.SLOTS_SOON if filling > 0 else Limit.SLOTS)


def _minutes_to_fill(active: int, rate: int, cap: int, ending: float) -> float:
    """Minutes until all slots are taken, for a `rate` above that at which a full cap ends."""
    if active >= cap * FULL_SHARE:
        return 0.0
    if not ending:
        return (cap - active) / rate
    return math.log((rate / ending - active) / (rate / ending - cap)) / ending


def _wait(visitors: float, per_minute: float) -> float | None:
    if visitors <= 0:
        return 0.0
    return visitors / per_minute * SECONDS_A_MINUTE if per_minute > 0 else None
