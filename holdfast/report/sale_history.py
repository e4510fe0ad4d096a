"""The history of a whole sale as evenly spaced series, with gaps where no point was recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.report.event_pass import CalledRange
from holdfast.sales.sale import Sale
from holdfast_lua.history import HistoryCalls, StoredHistory
from holdfast_web.timestamps import timestamp

MEMBERS: Final = {
    "waiting": "waiting",
    "present": "present",
    "active": "active",
    "joined": "joined",
    "called": "called",
    "admitted": "admitted",
    "free": "free",
    "held": "held",
    "booked": "booked",
    "rate_set": "rate_set",
    "rate_realised": "rate_realised",
    "promised_seconds": "wait_s",
}
"""the series of a report, by the member of a point that each is of"""
LENGTH_MAX: Final = 600


@dataclass(frozen=True, slots=True)
class SaleHistory:
    """Series by name, `step_ms` apart from `start_ms` on; None where nothing is known."""

    start_ms: int
    step_ms: int
    series: Mapping[str, Sequence[float | None]]

    def of(self, name: str) -> Sequence[float | None]:
        """A series; empty when the history has none of this name."""
        return self.series.get(name, ())

    def calls(self) -> list[CalledRange]:
        """The numbers that were called from one point to the next, as far as points tell."""
        found: list[CalledRange] = []
        before = 0
        for at, called in enumerate(self.of("called")):
            if called is not None and called > before:
                at_ms = self.start_ms + at * self.step_ms
                found.append(CalledRange(at_ms, before + 1, int(called)))
                before = int(called)
        return found

    def members(self) -> dict[str, object]:
        """For JSON."""
        return {
            "start": timestamp(self.start_ms),
            "step_seconds": self.step_ms / 1000,
            "series": self.series,
        }


class HistoryReader:
    """Reads the histories of sales."""

    def __init__(self, calls: HistoryCalls) -> None:
        self._calls = calls

    async def read(self, sale: Sale) -> SaleHistory | None:
        """The history of a sale, None where there is none."""
        return evenly_spaced(await self._calls.whole(sale.uid))


def evenly_spaced(stored: StoredHistory) -> SaleHistory | None:
    """The points on a grid of `LENGTH_MAX` steps at most: after a long rest a coarser one than that
    of the store, in which the last point of a step stands for it.
    """
    points, step_ms = stored.points, stored.step_ms
    if not points:
        return None
    while points[-1].at_ms // step_ms - points[0].at_ms // step_ms >= LENGTH_MAX:
        step_ms *= 2
    first = points[0].at_ms // step_ms
    length = points[-1].at_ms // step_ms - first + 1
    series: dict[str, list[float | None]] = {name: [None] * length for name in MEMBERS}
    for point in points:
        at = point.at_ms // step_ms - first
        for name, member in MEMBERS.items():
            series[name][at] = getattr(point, member)
    return SaleHistory(first * step_ms, step_ms, series)
