"""What charts are drawn from: series of values, the span of time that they cover, and words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

Format = Callable[[float], str]
"""How a value is written."""

UNKNOWN: Final = "\N{EN DASH}"


def whole(value: float) -> str:
    """A count, or any value that is large enough: `4,120`."""
    return f"{value:,.0f}"


@dataclass(frozen=True, slots=True)
class Series:
    """Values under one name, evenly spaced in time; None where nothing is known."""

    name: str
    values: Sequence[float | None]

    @property
    def known(self) -> list[float]:
        """The values that are known, in order."""
        return [value for value in self.values if value is not None]


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """When the first value of a series was taken, and how many seconds lie between two.

    `start` carries the time zone in which times are written.
    """

    start: datetime
    step_seconds: float

    def end(self, points: int) -> datetime:
        """The time of the last of so many values."""
        return self.start + timedelta(seconds=self.step_seconds * max(1, points - 1))


@dataclass(frozen=True, slots=True)
class ChartWords:
    """The words of a chart's description, in the language of the page."""

    least: str = "least"
    most: str = "most"
    last: str = "last"
    no_data: str = "Nothing to show yet"

    def describe(self, series: Sequence[Series], number: Format) -> str:
        """Each series in one sentence, for whoever does not see the curve."""
        return ". ".join(self._describe(one, number) for one in series)

    def _describe(self, series: Series, number: Format) -> str:
        known = series.known
        if not known:
            return f"{series.name}: {UNKNOWN}"
        least, most, last = number(min(known)), number(max(known)), number(known[-1])
        return f"{series.name}: {self.least} {least}, {self.most} {most}, {self.last} {last}"


ENGLISH: Final = ChartWords()
