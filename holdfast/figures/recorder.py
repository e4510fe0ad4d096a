"""Records the figures of active sales: a point of history each STEP_MS.

The leader does it, in a task of each active sale. What a point needs beyond the status document is
read here once for everybody: how old holds are, what the ledger has sold, how much of each category
is left. A sale in which nothing happens is not recorded, so its history has a gap.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from holdfast.figures.alerts import Situation, find_alerts
from holdfast.figures.stock import count_stock
from holdfast.figures.waits import waits_ended
from holdfast.sales.sale import Sale
from holdfast_ledger import Ledger, OrderStatus, OrderTotals
from holdfast_lua.calls.hold_terms import HoldAges
from holdfast_lua.calls.line_status import LineStatus
from holdfast_lua.calls.records import Point
from holdfast_lua.history import HOUR_MAX, STEP_MS, HistoryCalls
from holdfast_metrics.metrics import Metrics
from holdfast_metrics.sale_series import SaleSeries
from holdfast_queue.line.estimate import forecast, measured_per_minute

SOLD: Final = (OrderStatus.SOLD, OrderStatus.PARTLY_REFUNDED, OrderStatus.REFUNDED)


@dataclass(slots=True)
class _Recorded:
    """What this process remembers of a sale that it records."""

    points: list[Point] = field(default_factory=list)
    totals: OrderTotals | None = None
    totals_revision: int = -1


class Recorder:
    """Records sales, and sets the gauges that need more than a status document."""

    def __init__(self, calls: HistoryCalls, ledger: Ledger, metrics: Metrics) -> None:
        self._calls = calls
        self._ledger = ledger
        self._metrics = metrics
        self._sales: dict[str, _Recorded] = {}

    async def record(self, sale: Sale) -> None:
        """Records the sale unless its newest point is of this step."""
        at_ms = sale.room.document.now_ms // STEP_MS * STEP_MS
        known = await self._known(sale)
        if known.points and known.points[-1].at_ms >= at_ms:
            return
        ages = await self._calls.hold_ages(sale.ref)
        totals = await self._totals(sale, known)
        point = make_point(sale, at_ms, totals, await _free_by_category(sale), ages)
        known.points = with_alerts(sale, [*known.points[1 - HOUR_MAX :], point])
        point = known.points[-1]
        if await self._calls.record(sale.ref, point):
            self._observe_waits(sale.name, known.points)
        self._show(sale, ages, point, totals)

    def forget(self, uid: str) -> None:
        """Forgets a sale that is not active any more."""
        self._sales.pop(uid, None)

    async def _known(self, sale: Sale) -> _Recorded:
        known = self._sales.get(sale.uid)
        if known is None:
            stored = await self._calls.hour(sale.uid)
            known = self._sales.setdefault(sale.uid, _Recorded(list(stored.points)))
        return known

    async def _totals(self, sale: Sale, known: _Recorded) -> OrderTotals:
        """The totals of the ledger, read again only when something has changed in the sale."""
        revision = sale.room.document.revision
        if known.totals is None or revision != known.totals_revision:
            known.totals = await self._ledger.orders.totals(sale.uid)
            known.totals_revision = revision
        return known.totals

    def _observe_waits(self, name: str, points: list[Point]) -> None:
        before_ms = points[-2].at_ms if len(points) > 1 else points[-1].at_ms
        tally = self._metrics.wait_estimate_error.labels(name)
        for wait in waits_ended(points, before_ms):
            if wait.error_seconds is not None:
                tally.observe(wait.error_seconds)

    def _show(self, sale: Sale, ages: HoldAges, point: Point, totals: OrderTotals) -> None:
        metrics = self._metrics
        series = metrics.sale(sale.name, sale.uid, sale.spec.currency)
        series.set(metrics.oldest_hold, ages.oldest_ms / 1000)
        series.set(metrics.sweep_lag, ages.overdue_ms / 1000)
        series.set(metrics.pending_orders, totals.by_status[OrderStatus.PENDING].orders)
        series.set(metrics.funnel, point.paying, "paying")
        series.set(metrics.funnel, point.confirmed, "confirmed")
        saved = sale.checkpoint
        age_ms = 0 if saved is None else sale.room.document.now_ms - saved.taken_ms
        series.set(metrics.checkpoint_age, max(0, age_ms) / 1000)


def show_untouched(metrics: Metrics, series: SaleSeries) -> None:
    """Sets what a recorder would, for a sale that nobody has joined or held anything of: the leader
    has yet to see it.
    """
    for gauge in (metrics.oldest_hold, metrics.sweep_lag, metrics.pending_orders):
        series.set(gauge, 0)
    for stage in ("paying", "confirmed"):
        series.set(metrics.funnel, 0, stage)
    series.set(metrics.checkpoint_age, 0)


def with_alerts(sale: Sale, points: list[Point]) -> list[Point]:
    """The points, of which the newest says what is wrong by all of them."""
    document = sale.room.document
    situation = Situation(document.state, document.line, points, {}, sale.ref.clock.skew_ms())
    codes = tuple(alert.code for alert in find_alerts(situation))
    return [*points[:-1], msgspec.structs.replace(points[-1], alerts=codes)]


def make_point(
    sale: Sale, at_ms: int, totals: OrderTotals, free_by_category: dict[str, int], ages: HoldAges
) -> Point:
    """The figures of a sale by its newest status."""
    document = sale.room.document
    line = document.line
    return Point(
        at_ms=at_ms,
        waiting=line.waiting,
        present=max(0, line.present),
        active=line.active,
        **counts_of(line),
        paying=sum(total.orders for total in totals.by_status.values()),
        confirmed=sum(totals.by_status[status].orders for status in SOLD),
        free=line.free,
        revenue=totals.confirmed,
        refunded=totals.refunds.of_sold,
        rate_set=line.rate_per_minute,
        rate_realised=round(measured_per_minute(line, document.now_ms), 1),
        wait_s=told_wait(line),
        free_by_category=free_by_category,
        refund_required=totals.by_status[OrderStatus.LOST].orders,
        overdue_s=ages.overdue_ms // 1000,
    )


def counts_of(line: LineStatus) -> dict[str, Any]:
    """The members of a point that are counts of visitors and units in the status of the line."""
    return {
        "joined": line.issued,
        "called": line.called,
        "admitted": line.admitted,
        "held_once": line.first_holds,
        "held": line.held + line.allotted_held,
        "booked": line.booked,
    }


def told_wait(line: LineStatus) -> int | None:
    """The seconds that a visitor is told who joins now; None while that cannot be known."""
    known = forecast(line)
    wait = None if known is None else known.wait(line.waiting)
    return None if wait is None else wait.p50


async def _free_by_category(sale: Sale) -> dict[str, int]:
    stock = count_stock(await sale.inventory.seat_map())
    return {name: units["free"] for name, units in stock.categories.items()}
