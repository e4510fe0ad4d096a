"""A dashboard as it is declared: rows of panels, each with queries and what healthy looks like."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final


class Drawing(Enum):
    """How a panel shows its series."""

    LINES = "lines"
    STACKED = "stacked"
    NUMBER = "number"
    NAMES = "names"
    BARS = "bars"
    STATES = "states"


class ValueFormat(Enum):
    """How the values of a panel are written: a unit, by Grafana's name for it."""

    COUNT = "short"
    SHARE = "percentunit"
    SECONDS = "s"
    DURATION = "dtdurations"
    PER_SECOND = "reqps"
    PER_MINUTE = "opm"
    BYTES = "bytes"
    YES_NO = "bool_yes_no"
    NONE = "none"


@dataclass(frozen=True)
class Threshold:
    """From `value` on (or below it, where `falling`) a panel's value is worth a look."""

    value: float
    falling: bool = False


@dataclass(frozen=True)
class Panel:
    """One panel.

    `queries` are PromQL expressions by their legends, which name series by their labels, as
    `{{label}}`. `may_be_empty` tells why they may have no answer while all is well; those of other
    panels always have one in a service with a sale. `names` are the words for values of
    `Drawing.STATES`, and of a number that is one. Values below 0 are expected where `from_zero` is
    false.
    """

    title: str
    meaning: str
    healthy: str
    queries: Mapping[str, str]
    unit: ValueFormat = ValueFormat.COUNT
    drawing: Drawing = Drawing.LINES
    width: int = 8
    height: int = 8
    threshold: Threshold | None = None
    names: tuple[str, ...] = ()
    from_zero: bool = True
    may_be_empty: str = ""

    @property
    def description(self) -> str:
        """What a reader of the panel is told about it."""
        return f"{self.meaning} Healthy: {self.healthy}"


number: Final = partial(Panel, drawing=Drawing.NUMBER, width=4)
quarter: Final = partial(Panel, width=6)
"""lines on a quarter of a dashboard's width, which has 24 columns"""
yes_or_no: Final = partial(number, unit=ValueFormat.YES_NO, threshold=Threshold(1, falling=True))


@dataclass(frozen=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """A dashboard. With `one_sale` its reader chooses a single sale, else any number of them."""

    name: str
    title: str
    description: str
    rows: tuple[Row, ...]
    one_sale: bool = False
    by_sale: bool = True

    def panels(self) -> Iterator[Panel]:
        """All panels, in reading order."""
        for row in self.rows:
            yield from row.panels
