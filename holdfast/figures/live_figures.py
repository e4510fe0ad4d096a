"""The live document of a sale: everything that its operator looks at, made once a second.

However many look, a worker makes the document of a sale at most once in CACHE_SECONDS: from the
status document that its ticks keep, one reading of the seats, and the history that the leader
records, which is read when it can have a new point. Sums of money and orders are those of the
newest point, up to ten seconds old. While the store is away, the document has what was last known,
and says so in `health`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from holdfast.figures.alerts import Situation, find_alerts, worst
from holdfast.figures.headline import headline
from holdfast.figures.projections import MadeProjections, SaleProjections
from holdfast.figures.recorder import told_wait
from holdfast.figures.series import even_series, point_members
from holdfast.figures.stock import Stock, count_stock
from holdfast.figures.waits import quantile, waits_ended
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.gauges import units_by_state
from holdfast.sales.sale import Sale
from holdfast_lua.calls.records import Point
from holdfast_lua.errors import StoreError
from holdfast_lua.history import STEP_MS, HistoryCalls, StoredHistory
from holdfast_queue.line.estimate import measured_per_minute
from holdfast_simulator.running.projection import Projection
from holdfast_web.timestamps import timestamp

CACHE_SECONDS: Final = 1.0
SALES_KEPT: Final = 256
WAITS_MS: Final = 600_000
"""the waits that ended lately are those of so long"""

Checks = Callable[[], Awaitable[Mapping[str, str]]]
"""Asks how store and ledger are: `ok`, or what is wrong, by their names."""


@dataclass(frozen=True, slots=True)
class LiveDocument:
    """The document as it was made: `body` with the history, `brief` with its newest point only."""

    body: bytes
    brief: bytes


@dataclass(slots=True)
class _Kept:
    """What a worker keeps of a sale whose document was asked for."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    document: LiveDocument | None = None
    made_at: float = float("-inf")
    history: StoredHistory = field(default_factory=lambda: StoredHistory(STEP_MS, ()))
    stock: Stock | None = None


class LiveFigures:
    """Makes and keeps the live documents of a worker."""

    def __init__(self, directory: SaleDirectory, calls: HistoryCalls, checks: Checks) -> None:
        self._directory = directory
        self._calls = calls
        self._checks = checks
        self._kept: dict[str, _Kept] = {}
        self._projections = SaleProjections()

    async def stop(self) -> None:
        """Ends what is done beside the requests."""
        await self._projections.stop()

    async def document(self, name: str) -> LiveDocument:
        """The document of a sale, no older than CACHE_SECONDS; 404 `unknown_sale`."""
        sale = await self._directory.get(name)
        kept = self._keep(sale.uid)
        async with kept.lock:
            if kept.document is None or time.monotonic() - kept.made_at >= CACHE_SECONDS:
                kept.made_at = time.monotonic()
                kept.document = await self._make(sale, kept)
            return kept.document

    async def whole(self, name: str) -> bytes:
        """The document with the history of the whole sale instead of the last hour's."""
        document = await self.document(name)
        history = await self._calls.whole((await self._directory.get(name)).uid)
        members = {"history": even_series(history, by_category=True).members()}
        return document.brief[:-1] + b"," + msgspec.json.encode(members)[1:]

    def _keep(self, uid: str) -> _Kept:
        """What is kept of a sale; of too many, the one is dropped that was made first."""
        kept = self._kept.get(uid)
        if kept is None:
            if len(self._kept) >= SALES_KEPT:
                del self._kept[min(self._kept, key=lambda one: self._kept[one].made_at)]
            kept = self._kept[uid] = _Kept()
        return kept

    async def _make(self, sale: Sale, kept: _Kept) -> LiveDocument:
        checks = await self._checks()
        try:
            kept.stock = count_stock(await sale.inventory.seat_map())
            newest = kept.history.points[-1].at_ms if kept.history.points else 0
            if sale.room.document.now_ms >= newest + STEP_MS:
                kept.history = await self._calls.hour(sale.uid)
        except StoreError:
            checks = {"store": "unavailable", **checks}
        points, made = kept.history.points, self._projections
        if kept.stock is not None:
            made.want(sale, kept.stock, points)
        members = live_members(sale, kept.stock, points, checks, made.newest(sale))
        brief, history = msgspec.json.encode(members), even_series(kept.history).members()
        whole = brief[:-1] + b"," + msgspec.json.encode({"history": history})[1:]
        return LiveDocument(whole, brief)


def live_members(
    sale: Sale,
    stock: Stock | None,
    points: Sequence[Point],
    checks: Mapping[str, str],
    made: MadeProjections,
) -> dict[str, object]:
    """The document without the history."""
    document = sale.room.document
    line, state = document.line, document.state
    per_minute = measured_per_minute(line, document.now_ms)
    sold_out, line_over = made.projections.sold_out, made.projections.line_over
    skew_ms = sale.ref.clock.skew_ms()
    alerts = find_alerts(Situation(state, line, points, checks, skew_ms))
    newest = points[-1] if points else None
    return {
        "sale": sale.name,
        "uid": sale.uid,
        "name": sale.spec.name,
        "test": sale.spec.test,
        "time": timestamp(document.now_ms),
        "state": state.value,
        "lifecycle": line.lifecycle,
        "currency": sale.spec.currency,
        "headline": headline(state, line, per_minute, _seconds(sold_out, made, document.now_ms)),
        "line": _line(sale, per_minute),
        "waits": _waits(sale, points),
        "funnel": _funnel(sale, newest),
        "stock": _stock(sale, stock),
        "revenue": _revenue(sale, newest),
        "forecast": {
            "sold_out_at": _interval(sold_out, made.at_ms),
            "waiting_over_at": _interval(line_over, made.at_ms),
        },
        "health": {"status": worst(alerts), "alerts": alerts},
        "point": None if newest is None else point_members(newest),
    }


def _line(sale: Sale, per_minute: float) -> dict[str, object]:
    line = sale.room.document.line
    return {
        "waiting": line.waiting,
        "present": line.present if line.present >= 0 else None,
        "active": line.active,
        "active_max": line.cap,
        "called": line.called,
        "lapsed": line.lapsed,
        "deferred": line.deferred,
        "rate_set": line.rate_per_minute,
        "rate_realised": round(per_minute, 1),
    }


def _waits(sale: Sale, points: Sequence[Point]) -> dict[str, object]:
    """What is told to who joins now, and the waits that ended in the last ten minutes."""
    since_ms = sale.room.document.now_ms - WAITS_MS
    ended = waits_ended(points, since_ms)
    real = [wait.seconds for wait in ended]
    errors = [wait.error_seconds for wait in ended if wait.error_seconds is not None]
    return {
        "estimated_seconds": told_wait(sale.room.document.line),
        "p50_seconds": quantile(real, 0.5),
        "p90_seconds": quantile(real, 0.9),
        "estimate_error_seconds": quantile(errors, 0.5),
    }


def _funnel(sale: Sale, newest: Point | None) -> dict[str, int]:
    """Visitors up to `held`, orders from `paying` on."""
    line = sale.room.document.line
    return {
        "joined": line.issued,
        "called": line.called,
        "admitted": line.admitted,
        "held": line.first_holds,
        "paying": 0 if newest is None else newest.paying,
        "confirmed": 0 if newest is None else newest.confirmed,
    }


def _stock(sale: Sale, stock: Stock | None) -> dict[str, object]:
    units = units_by_state(sale.room.document.line)
    names = {area.id: area.name for area in sale.inventory.settings.areas}
    categories = {} if stock is None else stock.categories
    areas = {} if stock is None else stock.areas
    return {
        **units,
        "total": sum(units.values()),
        "categories": [{"category": name, **counts} for name, counts in categories.items()],
        "areas": [{"id": id_, "name": names[id_], **counts} for id_, counts in areas.items()],
    }


def _revenue(sale: Sale, newest: Point | None) -> dict[str, object]:
    """Minor units; None while something is sold and the first point is yet to come."""
    unknown = None if sale.room.document.line.booked else 0
    return {
        "confirmed": unknown if newest is None else newest.revenue,
        "refunded": unknown if newest is None else newest.refunded,
        "currency": sale.spec.currency,
    }


def _seconds(projection: Projection | None, made: MadeProjections, now_ms: int) -> float | None:
    """From now until what is projected is expected."""
    if projection is None:
        return None
    return max(0.0, projection.expected - (now_ms - made.at_ms) / 1000)


def _interval(projection: Projection | None, at_ms: int) -> dict[str, str | None] | None:
    if projection is None:
        return None

    def moment(seconds: float | None) -> str | None:
        return None if seconds is None else timestamp(at_ms + round(seconds * 1000))

    return {name: moment(getattr(projection, name)) for name in ("earliest", "expected", "latest")}
