"""Which values and times the axes of a chart name: round ones, and few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from holdfast_simulator.round_steps import round_seconds, round_step

VALUES_MAX: Final = 5
"""on the axis of values, zero among them"""
TIMES_MAX: Final = 5
"""on the axis of time: as many as fit the width of a phone"""


def round_values(most: float, least_step: float = 0.0) -> list[float]:
    """From zero in equal steps to the first that is not below `most`; at least one step.

    A step is one, two or five of a power of ten. Values that are not negative are assumed.
    """
    if not most > 0 or not math.isfinite(most):
        return [0.0, 1.0]
    step = max(least_step, round_step(most, VALUES_MAX - 1))
    return [step * number for number in range(math.ceil(most / step) + 1)]


def round_times(start: datetime, end: datetime) -> list[datetime]:
    """The times of the span that are whole multiples of a round step, counted from midnight.

    Midnight is that of the zone of `start`. At most `TIMES_MAX`.
    """
    length = (end - start).total_seconds()
    step = round_seconds(length, TIMES_MAX - 1)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (start - midnight).total_seconds()
    first = midnight + timedelta(seconds=math.ceil(passed / step) * step)
    count = int((end - first).total_seconds() // step) + 1 if first <= end else 0
    return [first + timedelta(seconds=step * number) for number in range(count)][:TIMES_MAX]


def time_labels(times: Sequence[datetime]) -> list[str]:
    """Each time as short as it may be: a date at midnight, else hours and minutes."""
    to_the_second = any(time.second for time in times)
    return [_time_label(time, to_the_second) for time in times]


def _time_label(time: datetime, to_the_second: bool) -> str:
    if (time.hour, time.minute, time.second) == (0, 0, 0):
        return f"{time:%m-%d}"
    return f"{time:%H:%M:%S}" if to_the_second else f"{time:%H:%M}"
