"""The history of a whole sale as evenly spaced series, with gaps where no point was recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.figures.series import members_of, spread
from holdfast.report.event_scan import CalledRange
from holdfast.sales.sale import Sale
from holdfast_lua.history import HistoryCalls, StoredHistory
from holdfast_web.timestamps import timestamp

NAMES: Final = {
    **{name: name for name in ("waiting", "present", "active", "joined", "called", "admitted")},
    **{name: name for name in ("free", "held", "booked", "rate_set", "rate_realised")},
    "promised_seconds": "wait_s",
}
"""the series of a report, and the members of a point that they are made of"""
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


async def read_history(calls: HistoryCalls, sale: Sale) -> SaleHistory | None:
    """The history of a sale, None where there is none."""
    return evenly_spaced(await calls.whole(sale.uid))


def evenly_spaced(stored: StoredHistory) -> SaleHistory | None:
    """The points on a grid of `LENGTH_MAX` steps at most: after a long rest a coarser one than that
    of the store, in which the last point of a step stands for it.
    """
    points, step_ms = stored.points, stored.step_ms
    if not points:
        return None
    while points[-1].at_ms // step_ms - points[0].at_ms // step_ms >= LENGTH_MAX:
        step_ms *= 2
    series = spread(points, step_ms, members_of(points, NAMES))
    return SaleHistory(points[0].at_ms // step_ms * step_ms, step_ms, series)
