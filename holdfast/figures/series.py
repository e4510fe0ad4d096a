"""The history of a sale's figures as evenly spaced series, with None where nothing was recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast_lua.calls.records import Point
from holdfast_lua.history import StoredHistory
from holdfast_web.timestamps import timestamp

Values = list[float | None]

NAMES: Final = {
    **{name: name for name in ("waiting", "present", "active", "joined", "called", "admitted")},
    **{name: name for name in ("held_once", "paying", "confirmed", "free", "held", "booked")},
    **{name: name for name in ("revenue", "refunded", "rate_set", "rate_realised")},
    "estimated_seconds": "wait_s",
}
"""The series by their names in the API, and the members of a point that they are made of."""


@dataclass(frozen=True, slots=True)
class EvenSeries:
    """Series by name, `step_ms` apart from `since_ms` on."""

    since_ms: int
    step_ms: int
    series: dict[str, Values]
    free_by_category: dict[str, Values]

    def members(self) -> dict[str, object]:
        """The members that the API shows; free units by category only for a whole sale."""
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
    since_ms = points[0].at_ms // step_ms * step_ms if points else 0
    names = {name for point in points for name in point.free_by_category} if by_category else ()
    free = {name: [point.free_by_category.get(name) for point in points] for name in sorted(names)}
    values = members_of(points, NAMES)
    return EvenSeries(
        since_ms, step_ms, spread(points, step_ms, values), spread(points, step_ms, free)
    )


def members_of(points: Sequence[Point], names: Mapping[str, str]) -> dict[str, Values]:
    """The members of points as series, by the names that these have."""
    return {name: [getattr(point, member) for point in points] for name, member in names.items()}


def spread(
    points: Sequence[Point], step_ms: int, series: Mapping[str, Sequence[float | None]]
) -> dict[str, Values]:
    """Values of points, each at its place on an even grid that begins with the first point.

    Of several points within one step the last stands for it; a step without one has None.
    """
    places = [point.at_ms // step_ms - points[0].at_ms // step_ms for point in points]
    length = places[-1] + 1 if places else 0
    spaced: dict[str, Values] = {name: [None] * length for name in series}
    for name, values in series.items():
        for place, value in zip(places, values, strict=True):
            spaced[name][place] = value
    return spaced


def point_members(point: Point) -> dict[str, object]:
    """One point, by the names of the series."""
    values = {name: getattr(point, member) for name, member in NAMES.items()}
    return {"time": timestamp(point.at_ms), **values}
