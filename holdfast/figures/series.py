"""The history of a sale's figures as evenly spaced series, with None where nothing was recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from holdfast_lua.history import Point, StoredHistory
from holdfast_web.timestamps import timestamp

Values = list[float | None]

NAMES: Final = {
    "waiting": "waiting",
    "present": "present",
    "active": "active",
    "joined": "joined",
    "called": "called",
    "admitted": "admitted",
    "held_once": "held_once",
    "paying": "paying",
    "confirmed": "confirmed",
    "free": "free",
    "held": "held",
    "booked": "booked",
    "revenue": "revenue",
    "refunded": "refunded",
    "rate_set": "rate_set",
    "rate_realised": "rate_realised",
    "estimated_seconds": "wait_s",
}
"""The series by their names in the API, and the fields of a point that they are made of."""


@dataclass(frozen=True, slots=True)
class EvenSeries:
    """Series by name, `step_ms` apart from `since_ms` on."""

    since_ms: int
    step_ms: int
    series: dict[str, Values]
    free_by_category: dict[str, Values]

    def members(self) -> dict[str, object]:
        """As the API shows them; the free units by category only of a whole sale."""
        shown: dict[str, object] = {
            "step_seconds": self.step_ms / 1000,
            "since": timestamp(self.since_ms) if self.since_ms else None,
            "series": self.series,
        }
        if self.free_by_category:
            shown["free_by_category"] = self.free_by_category
        return shown


def even_series(history: StoredHistory, *, by_category: bool = False) -> EvenSeries:
    """The points of a history, each at its place; a gap keeps its places empty."""
    points, step_ms = history.points, history.step_ms
    if not points:
        return EvenSeries(0, step_ms, {name: [] for name in NAMES}, {})
    since_ms = points[0].at_ms // step_ms * step_ms
    places = [(point.at_ms - since_ms) // step_ms for point in points]
    length = places[-1] + 1

    def spread(values: Sequence[float | None]) -> Values:
        spaced: Values = [None] * length
        for place, value in zip(places, values, strict=True):
            spaced[place] = value
        return spaced

    names = {name for point in points for name in point.free_by_category} if by_category else ()
    return EvenSeries(
        since_ms,
        step_ms,
        {
            name: spread([getattr(point, member) for point in points])
            for name, member in NAMES.items()
        },
        {
            name: spread([point.free_by_category.get(name) for point in points])
            for name in sorted(names)
        },
    )


def point_members(point: Point) -> dict[str, object]:
    """One point, by the names of the series."""
    values = {name: getattr(point, member) for name, member in NAMES.items()}
    return {"time": timestamp(point.at_ms), **values}
