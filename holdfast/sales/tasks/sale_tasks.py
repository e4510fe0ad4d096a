"""The periodic tasks of one sale that is awake: each a task of its own, so that none of them waits.

Every worker steps the sale, a few times a second: the script is harmless to repeat, and its answer
is the worker's own fresh status document. The same step tells of changed settings, which a task
beside it takes over from the ledger. Housekeeping (overdue holds, stuck orders, checkpoints, what
an operator's death left between ledger and store) is the leader's.

Invariants: nothing here waits for another sale, and a step never for the ledger, except to mend
this very sale; whatever hangs is broken off (see periodic).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from holdfast.config import Config
from holdfast.processes.leadership import Leadership
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.sale import Sale
from holdfast.sales.store.change_reconciler import ChangeReconciler, differs_from_ledger
from holdfast.sales.tasks.liveness import in_motion
from holdfast.sales.tasks.periodic import periodic
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line_status import LineStatus
from holdfast_lua.errors import EpochChanged, StoreBehind
from holdfast_tasks import KeyedTasks, Periodic

RECONCILE_SECONDS: Final = 1.0
SHOW_SECONDS: Final = 1.0
AWAKE_SECONDS: Final = 10.0
"""how long a sale is stepped after the last request for it, at least"""
RECOVERIES: Final = 2
"""rounds of recovery that a sale has at least after all is still: a stray block takes two"""

Observe = Callable[[str, SaleRef, LineStatus, int], None]
"""Shows a sale's status at a moment (name, ref, status, ms of store time) to who watches."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Worker:
    """What the periodic tasks of a worker share."""

    config: Config
    builder: SaleBuilder
    directory: SaleDirectory
    leadership: Leadership
    observe: Observe
    work: KeyedTasks = field(default_factory=lambda: KeyedTasks("work on sale"))
    """What is to be done once for a sale, beside its steps."""

    @property
    def awake_seconds(self) -> float:
        """How long a sale stays awake when nothing moves in it any more."""
        return max(AWAKE_SECONDS, RECOVERIES * self.config.recovery_ms / 1000)


class SaleTasks:
    """Keeps the sale of one name going until it comes to rest or is gone."""

    def __init__(self, name: str, worker: Worker, ended: Callable[[str], None]) -> None:
        self.name = name
        self._worker = worker
        self._ended = ended
        self._reconciler = ChangeReconciler(worker.builder)
        self._clock = asyncio.get_running_loop().time
        self._asked_at = self._moved_at = self._heard_at = self._shown_at = -float("inf")
        self._shown_revision = -1
        self._changed = True
        self._tasks = tuple(self._periodics())

    def start(self) -> None:
        """Begin with a step; a sale that needs no more than that is spared the rest."""
        for at, task in enumerate(self._tasks):
            task.start(at_once=at == 0)

    async def stop(self) -> None:
        """End all of it."""
        await asyncio.gather(*(task.stop() for task in self._tasks))

    def hear(self) -> None:
        """Somebody else has to do with the sale: stay awake to keep house."""
        self._heard_at = self._clock()

    def note_change(self) -> None:
        """The sale has changed in the ledger: compare it with the store."""
        self._changed = True

    def marked(self) -> str | None:
        """The uid if somebody has asked this worker for the sale lately."""
        sale = self._worker.directory.awake(self.name)
        return None if sale is None or not self._is_recent(self._asked_at) else sale.uid

    def _periodics(self) -> list[Periodic]:
        config = self._worker.config

        def task(what: str, seconds: float, work: Callable[[], Awaitable[None]]) -> Periodic:
            return periodic(f"{what} of sale {self.name}", seconds, work)

        builder, leading = self._worker.builder, self._leading
        return [
            task("admission", config.tick_ms / 1000, self._step),
            task("reconciling changes", RECONCILE_SECONDS, leading(self._reconcile)),
            task("sweep", config.sweep_ms / 1000, leading(self._sweep)),
            task("recovery", config.recovery_ms / 1000, leading(self._recover)),
            task("checkpoint", config.checkpoint_ms / 1000, leading(builder.checkpoint)),
        ]

    def _leading(self, work: Callable[[Sale], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def when_leading() -> None:
            sale = self._worker.directory.awake(self.name)
            if sale is not None and self._worker.leadership.held():
                await work(sale)

        return when_leading

    async def _step(self) -> None:
        directory = self._worker.directory
        sale = await directory.find(self.name)
        if sale is None:
            self._end()
            return
        try:
            await sale.room.tick()
        except (StoreBehind, EpochChanged) as fault:
            logger.info("sale %s: %s", sale.name, fault)
            await directory.recover(sale, fault)
            return
        self._show(sale)
        if sale.room.document.line.settings_version != sale.record.settings_version:
            self._worker.work.start(f"{self.name}: settings", self._refresh)
        if not self._stays_awake(sale):
            directory.rest(sale)
            self._end()

    def _show(self, sale: Sale) -> None:
        """While nothing changes, once a second."""
        document, now = sale.room.document, self._clock()
        if document.revision != self._shown_revision or now - self._shown_at >= SHOW_SECONDS:
            self._shown_revision, self._shown_at = document.revision, now
            self._worker.observe(sale.name, sale.ref, document.line, document.now_ms)

    def _stays_awake(self, sale: Sale) -> bool:
        document = sale.room.document
        if sale.asked:
            sale.asked = False
            self._asked_at = self._clock()
        if in_motion(document.line, document.now_ms):
            self._moved_at = self._clock()
        return self._is_recent(max(self._asked_at, self._moved_at, self._heard_at))

    def _is_recent(self, at: float) -> bool:
        return self._clock() - at <= self._worker.awake_seconds

    def _end(self) -> None:
        """Called by a step, which ends with it."""
        self._ended(self.name)
        for task in self._tasks:
            task.cancel()

    async def _refresh(self) -> None:
        sale = self._worker.directory.awake(self.name)
        if sale is not None:
            await self._worker.directory.refresh(sale)

    async def _sweep(self, sale: Sale) -> None:
        if _holds(sale):
            await self._worker.builder.sweep(sale)

    async def _recover(self, sale: Sale) -> None:
        """Where nobody holds anything and nobody asks there is nothing half done; see discovery."""
        if _holds(sale) or self._is_recent(max(self._asked_at, self._heard_at)):
            await self._worker.builder.recover_orders(sale)

    async def _reconcile(self, sale: Sale) -> None:
        line = sale.room.document.line
        if self._changed or differs_from_ledger(line, sale.record, sale.opens_ms):
            self._changed = False
            record = await self._worker.builder.ledger.sales.read(sale.name)
            if record is not None:
                await self._reconciler.reconcile(sale, record)
            return
        await self._worker.builder.finish_push(sale)


def _holds(sale: Sale) -> bool:
    line = sale.room.document.line
    return line.held + line.apart_held > 0
