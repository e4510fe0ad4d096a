"""The periodic tasks of one active sale, each a task of its own, so that none waits for another.

Every worker ticks the sale a few times a second: the script is harmless to repeat, and its answer
is the worker's status document. The tick also shows that settings have changed, which a task beside
it takes over from the ledger. Only the leader does the housekeeping: overdue holds, stuck orders,
checkpoints, and changes that a worker's death left between ledger and store.

Invariants: nothing here waits for another sale, and a tick never waits for the ledger, except to
repair this very sale; a round that hangs is cancelled (see holdfast_tasks.periodic).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from holdfast.config import Config
from holdfast.processes.leadership import Leadership
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.sale import Sale
from holdfast.sales.store.change_reconciler import ChangeReconciler, differs_from_ledger
from holdfast.sales.tasks.activity import needs_ticks
from holdfast.sales.tasks.periodic import periodic
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line_status import LineStatus
from holdfast_lua.errors import EpochChanged, StoreBehind
from holdfast_tasks import KeyedTasks, Periodic

RECONCILE_SECONDS: Final = 1.0
OBSERVE_SECONDS: Final = 1.0
RECORD_SECONDS: Final = 1.0
ACTIVE_SECONDS: Final = 10.0
"""how long a sale stays active after the last request for it, at least"""
RECOVERIES: Final = 2
"""rounds of recovery that an active sale gets after its last change: a stray block needs two"""


class SaleObserver(Protocol):
    """Is told how sales stand, and which are gone."""

    def observe(
        self, name: str, ref: SaleRef, line: LineStatus, now_ms: int, *, test: bool
    ) -> None:
        """The sale's status at a moment of the store's time."""

    def forget(self, name: str, uid: str) -> None:
        """The sale was deleted."""

    async def record(self, sale: Sale) -> None:
        """The sale is active, and this worker leads; called every RECORD_SECONDS."""


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskContext:
    """What the periodic tasks of a worker share."""

    config: Config
    builder: SaleBuilder
    directory: SaleDirectory
    leadership: Leadership
    observer: SaleObserver
    work: KeyedTasks = field(default_factory=lambda: KeyedTasks("work on sale"))
    """Work that is done once for a sale, beside its ticks."""

    @property
    def active_seconds(self) -> float:
        """How long a sale stays active after the last change in it."""
        return max(ACTIVE_SECONDS, RECOVERIES * self.config.recovery_ms / 1000)


class SaleTasks:
    """Runs the tasks of one sale until it becomes idle or is gone."""

    def __init__(self, name: str, context: TaskContext, ended: Callable[[str], None]) -> None:
        self.name = name
        self._context = context
        self._ended = ended
        self._reconciler = ChangeReconciler(context.builder)
        self._clock = asyncio.get_running_loop().time
        self._requested_at = self._requested_elsewhere_at = -float("inf")
        self._needed_at = self._observed_at = -float("inf")
        self._observed_revision = -1
        self._changed = True
        self._tasks = tuple(self._periodics())

    def start(self) -> None:
        """Starts the tasks, with a tick at once; where that ends them the others never run."""
        for at, task in enumerate(self._tasks):
            task.start(at_once=at == 0)

    async def stop(self) -> None:
        """Ends the tasks and waits until they have ended."""
        await asyncio.gather(*(task.stop() for task in self._tasks))

    def note_request_elsewhere(self) -> None:
        """Another worker was asked for the sale: keep it active for the housekeeping."""
        self._requested_elsewhere_at = self._clock()

    def note_change(self) -> None:
        """The sale has changed in the ledger: the next round compares it with the store."""
        self._changed = True

    def requested_uid(self) -> str | None:
        """The sale's uid if it was requested of this worker lately."""
        sale = self._context.directory.active(self.name)
        return None if sale is None or not self._is_recent(self._requested_at) else sale.uid

    def _periodics(self) -> list[Periodic]:
        config = self._context.config

        def task(what: str, seconds: float, work: Callable[[], Awaitable[None]]) -> Periodic:
            return periodic(f"{what} of sale {self.name}", seconds, work)

        builder, leading = self._context.builder, self._leading
        return [
            task("ticking", config.tick_ms / 1000, self._tick),
            task("reconciling changes", RECONCILE_SECONDS, leading(self._reconcile)),
            task("sweep", config.sweep_ms / 1000, leading(self._sweep)),
            task("recovery", config.recovery_ms / 1000, leading(self._recover)),
            task("recording figures", RECORD_SECONDS, leading(self._context.observer.record)),
            task("checkpoint", config.checkpoint_ms / 1000, leading(builder.checkpoint)),
        ]

    def _leading(self, work: Callable[[Sale], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def when_leading() -> None:
            sale = self._context.directory.active(self.name)
            if sale is not None and self._context.leadership.held():
                await work(sale)

        return when_leading

    async def _tick(self) -> None:
        directory = self._context.directory
        sale = await directory.activate(self.name)
        if sale is None:
            self._end()
            return
        try:
            await sale.room.tick()
        except (StoreBehind, EpochChanged) as fault:
            logger.info("sale %s: %s", sale.name, fault)
            await directory.repair(sale, fault)
            return
        self._observe(sale)
        if sale.room.document.line.settings_version != sale.record.settings_version:
            self._context.work.start(f"{self.name}: settings", self._refresh)
        if not self._stays_active(sale):
            directory.deactivate(sale)
            self._end()

    def _observe(self, sale: Sale) -> None:
        """Reports the status when it has changed, else once in `OBSERVE_SECONDS`."""
        document, now = sale.room.document, self._clock()
        is_due = now - self._observed_at >= OBSERVE_SECONDS
        if is_due or document.revision != self._observed_revision:
            self._observed_revision, self._observed_at = document.revision, now
            self._context.observer.observe(
                sale.name, sale.ref, document.line, document.now_ms, test=sale.spec.test
            )

    def _stays_active(self, sale: Sale) -> bool:
        document = sale.room.document
        if sale.requested:
            sale.requested = False
            self._requested_at = self._clock()
        if needs_ticks(document.line, document.now_ms):
            self._needed_at = self._clock()
        return self._is_recent(
            max(self._requested_at, self._needed_at, self._requested_elsewhere_at)
        )

    def _is_recent(self, at: float) -> bool:
        return self._clock() - at <= self._context.active_seconds

    def _end(self) -> None:
        """Ends the tasks from within a tick, which is cancelled with them."""
        self._ended(self.name)
        for task in self._tasks:
            task.cancel()

    async def _refresh(self) -> None:
        sale = self._context.directory.active(self.name)
        if sale is not None:
            await self._context.directory.refresh(sale)

    async def _sweep(self, sale: Sale) -> None:
        if _holds(sale):
            await self._context.builder.sweep(sale)

    async def _recover(self, sale: Sale) -> None:
        """Settles orders, where something is held or the sale was requested lately."""
        if _holds(sale) or self._is_recent(max(self._requested_at, self._requested_elsewhere_at)):
            await self._context.builder.recover_orders(sale)

    async def _reconcile(self, sale: Sale) -> None:
        line = sale.room.document.line
        if self._changed or differs_from_ledger(line, sale.record, sale.opens_ms):
            self._changed = False
            record = await self._context.builder.ledger.sales.read(sale.name)
            if record is not None:
                await self._reconciler.reconcile(sale, record)
            return
        await self._context.builder.finish_push(sale)


def _holds(sale: Sale) -> bool:
    line = sale.room.document.line
    return line.held + line.allotted_held > 0
