"""Projects the sales that somebody looks at, beside everything else that a worker does.

A projection simulates the rest of a sale several times, which takes about a second of processor
time. It is made in slices of SLICE_SECONDS, which take no more than PART of the event loop's time,
one sale after the other. A new one is begun when the history has a new point, and at once when an
operator has changed something; until it is made, the last one is shown.
"""

import asyncio
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import msgspec

from holdfast.figures.recorder import counts_of
from holdfast.figures.running_sale import running_sale
from holdfast.figures.stock import Stock
from holdfast.sales.sale import Sale
from holdfast_lua.calls.records import Point
from holdfast_queue.line.status import SaleState
from holdfast_simulator.running.projection import Projections, project
from holdfast_tasks import end_tasks, start_task

SLICE_SECONDS: Final = 0.002
PART: Final = 0.1
KEPT_MS: Final = 120_000
"""a projection that is older is not shown"""
MOVING: Final = (SaleState.OPEN, SaleState.DRAINING)
NOTHING: Final = Projections()


@dataclass(frozen=True, slots=True)
class MadeProjections:
    """The projections of a sale, which count from `at_ms` of the store's time."""

    at_ms: int
    projections: Projections = NOTHING


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a projection is made from: `settings` are what an operator can change."""

    at_ms: int
    point_ms: int
    settings: object
    work: Generator[None, None, Projections]


class SaleProjections:
    """The projections of a worker, made one after the other."""

    def __init__(self) -> None:
        self._made: dict[str, MadeProjections] = {}
        self._wanted: dict[str, _Wanted] = {}
        self._known: dict[str, _Wanted] = {}
        """from what the last one of each sale is, or is being made"""
        self._task: asyncio.Task[None] | None = None

    def newest(self, sale: Sale) -> MadeProjections:
        """The last that was made of a sale, of nothing where there is none that still holds."""
        now_ms = sale.room.document.now_ms
        made = self._made.get(sale.uid)
        if made is None or now_ms - made.at_ms > KEPT_MS or sale.room.document.state not in MOVING:
            return MadeProjections(now_ms)
        return made

    def want(self, sale: Sale, stock: Stock, points: Sequence[Point]) -> None:
        """Begins a projection unless there is one, or will be, of this point and settings."""
        document = sale.room.document
        if document.state not in MOVING or not points or not document.line.booked:
            self._made.pop(sale.uid, None)
            return
        line = document.line
        settings = (sale.room.settings, sale.inventory.settings, line.rate_per_minute, line.cap)
        point_ms, known = points[-1].at_ms, self._known.get(sale.uid)
        if known and (known.point_ms, known.settings) == (point_ms, settings):
            return
        self._forget_old(document.now_ms)
        seed = crc32(sale.uid.encode())
        work = project(running_sale(sale, stock), [*points, _now(points[-1], sale)], seed)
        wanted = _Wanted(document.now_ms, point_ms, settings, work)
        self._known[sale.uid] = self._wanted[sale.uid] = wanted
        if self._task is None or self._task.done():
            self._task = start_task(self._run(), name="projections")

    async def stop(self) -> None:
        """Ends what is being made."""
        await end_tasks([self._task])

    async def _run(self) -> None:
        while self._wanted:
            uid = next(iter(self._wanted))
            wanted = self._wanted.pop(uid)
            projections = await self._finish(uid, wanted)
            if projections is not None:
                self._made[uid] = MadeProjections(wanted.at_ms, projections)

    async def _finish(self, uid: str, wanted: _Wanted) -> Projections | None:
        """In slices; None once it is out of date: the settings are others, or nobody looks."""
        while (known := self._known.get(uid)) and known.settings == wanted.settings:
            begun = time.perf_counter()
            projections = _work_until(begun + SLICE_SECONDS, wanted.work)
            # Also after the last slice: many that are soon made would have no pause between them.
            await asyncio.sleep((time.perf_counter() - begun) * (1 / PART - 1))
            if projections is not None:
                return projections
        return None

    def _forget_old(self, now_ms: int) -> None:
        """Forgets the sales that nobody has looked at for KEPT_MS."""
        for uid, known in list(self._known.items()):
            if now_ms - known.at_ms > KEPT_MS and uid not in self._wanted:
                self._known.pop(uid)
                self._made.pop(uid, None)


def _work_until(end: float, work: Generator[None, None, Projections]) -> Projections | None:
    """Continues the work until `end`; returns the projections once they are made."""
    while time.perf_counter() < end:
        try:
            next(work)
        except StopIteration as done:
            made: Projections = done.value
            return made
    return None


def _now(newest: Point, sale: Sale) -> Point:
    """The newest point with the counts of the newest status, and orders in proportion."""
    line = sale.room.document.line
    orders = newest.confirmed * line.booked / newest.booked if newest.booked else 0
    return msgspec.structs.replace(
        newest,
        at_ms=max(newest.at_ms, sale.room.document.now_ms),
        confirmed=round(orders),
        **counts_of(line),
    )
