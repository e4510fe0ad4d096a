"""How a worker hears of sales that it does not step, and how the leader keeps them going.

Three questions are asked about once a second, whatever the number of sales: what has changed in the
ledger since the last look, which sales other workers are asked for, and, by the leader, which
entries of the catalogue are to be visited now. Now and then the ledger is asked, too, in which
sales something was left half done.

Invariant: work on one sale is a task of its own (see keyed_tasks), so no sale waits for another.

Rejected: to load every sale and step it. A hundred idle ones took a fifth of a core.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Final, Protocol

from holdfast.sales.catalogue import Catalogue, KnownSale
from holdfast.sales.sale import Sale
from holdfast.sales.store.change_reconciler import differs_from_ledger
from holdfast.sales.tasks.liveness import in_motion
from holdfast.sales.tasks.periodic import periodic
from holdfast.sales.tasks.sale_tasks import Worker
from holdfast_ledger import Position, SaleRecord
from holdfast_ledger.changes import CHANGES_MAX
from holdfast_lua.calls.asked import mark_requested
from holdfast_lua.calls.line_status import LineStatus
from holdfast_lua.errors import EpochChanged, StoreBehind

LOOK_SECONDS: Final = 1.0
VISIT_SECONDS: Final = 0.25
LEFTOVER_SECONDS: Final = 30.0

logger = logging.getLogger(__name__)


class AwakeSales(Protocol):
    """The tasks of the sales that are awake."""

    def marked(self) -> Collection[str]:
        """The uids of those that somebody has asked this worker for lately."""

    def hear(self, name: str) -> None:
        """Somebody else has to do with the sale."""

    def note_change(self, name: str) -> None:
        """The sale has changed in the ledger."""


class Discovery:
    """One per worker."""

    def __init__(self, worker: Worker, awake: AwakeSales) -> None:
        self.catalogue = Catalogue()
        self._worker = worker
        self._awake = awake
        self._position = Position()
        self._knows_all = asyncio.Event()
        self._since_ms = 0
        self._tasks = (
            periodic("reading changes of sales", LOOK_SECONDS, self._read_changes),
            periodic("hearing of sales asked for", LOOK_SECONDS, self._hear),
            periodic("visiting sales", VISIT_SECONDS, self._visit_some),
            periodic("finding leftovers", LEFTOVER_SECONDS, self._find_leftovers),
        )

    def start(self) -> None:
        """Begin."""
        for task in self._tasks:
            task.start()

    async def stop(self) -> None:
        """End all of it."""
        for task in self._tasks:
            await task.stop()
        await self._worker.work.stop()

    # what has changed in the ledger

    async def _read_changes(self) -> None:
        while True:
            page = await self._worker.builder.ledger.changes.after(self._position)
            for change in page:
                self._take(change.record)
                self._position = change.position
            if len(page) < CHANGES_MAX:
                self._knows_all.set()
                return

    def _take(self, record: SaleRecord) -> None:
        known = self._worker.directory.known(record.name)
        if known is not None and _is_past(known, record):
            self._start(f"{known.uid} leave", partial(self._leave, known))
        self._awake.note_change(record.name)
        if record.deleted:
            self.catalogue.forget(record.uid)
            return
        try:
            self.catalogue.note(record, self._worker.directory.clock.now_ms())
        except Exception as error:
            logger.warning("sale %s cannot be read: %r", record.name, error)

    async def _leave(self, sale: Sale) -> None:
        """Sales that were deleted or replaced: whoever did it may have died before the store knew.

        As a rule the store tells, by refusing the old epoch. This is every worker's own look, since
        only those who know a sale serve it.
        """
        if (await self._worker.builder.ledger.sales.read_uid(sale.uid)).deleted:
            await self._worker.builder.sale_calls.remove(sale.uid)
        if self._worker.directory.known(sale.name) is sale:
            await self._worker.directory.refresh(sale)

    # what others are asked for

    async def _hear(self) -> None:
        own = self._awake.marked()
        executor = self._worker.builder.installer.executor
        asked = await mark_requested(executor, self._since_ms, sorted(own))
        self._since_ms = asked.now_ms
        self._worker.directory.clock.hear(asked.now_ms)
        if not self._worker.leadership.held():
            return
        for uid in asked.uids.difference(own):
            sale = self.catalogue.get(uid)
            if sale is not None:
                self._keep_awake(sale)

    def _keep_awake(self, sale: KnownSale) -> None:
        if self._worker.directory.awake(sale.name) is not None:
            self._awake.hear(sale.name)
        else:
            self._start(f"{sale.ref.uid} load", partial(self._load, sale.name))

    async def _load(self, name: str) -> None:
        if await self._worker.directory.find(name) is not None:
            self._awake.hear(name)

    # what nobody asks for

    async def _visit_some(self) -> None:
        if not self._worker.leadership.held():
            return
        for sale in self.catalogue.pick(self._worker.directory.clock.now_ms()):
            if self._worker.directory.awake(sale.name) is None:
                self._start(f"{sale.ref.uid} visit", partial(self._visit, sale))

    async def _visit(self, sale: KnownSale) -> None:
        """Move it on, once; have it loaded when that shows that something goes on in it."""
        try:
            advanced = await self._worker.builder.services.calls.advance_line(sale.ref)
        except (StoreBehind, EpochChanged):
            await self._load(sale.name)
            return
        line, now_ms = advanced.status, advanced.now_ms
        self.catalogue.visited(sale, line, now_ms)
        if _has_been_used(line):
            self._worker.observe(sale.name, sale.ref, line, now_ms)
        wanted = in_motion(line, now_ms) or differs_from_ledger(line, sale, sale.opens_ms)
        if wanted or sale.releases or await self._is_unfinished(sale):
            await self._load(sale.name)
        sale.releases = sale.uninstalled = False

    async def _is_unfinished(self, sale: KnownSale) -> bool:
        """Whether the creator has died before noting that the store has it, by a second look."""
        if not sale.uninstalled:
            return False
        record = await self._worker.builder.ledger.sales.read_uid(sale.ref.uid)
        return record.installed_epoch != record.epoch

    async def _find_leftovers(self) -> None:
        """Orders and blocks of which the store was not told by who died: recovery tells it."""
        await self._knows_all.wait()
        if not self._worker.leadership.held():
            return
        ledger, now_ms = self._worker.builder.ledger, self._worker.directory.clock.now_ms()
        due = await ledger.orders.sales_due(now_ms=now_ms)
        for uid in {*due, *await ledger.blocks.sales_untold()}:
            sale = self.catalogue.get(uid)
            if sale is not None:
                self._keep_awake(sale)

    def _start(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        self._worker.work.start(key, work)


def _is_past(known: Sale, record: SaleRecord) -> bool:
    if record.deleted:
        return known.uid == record.uid
    return known.uid != record.uid or known.record.epoch < record.epoch


def _has_been_used(line: LineStatus) -> bool:
    """Only then are there numbers to show; ten thousand sales to come would be as many series."""
    return line.issued > 0 or line.booked > 0 or line.held + line.apart_held > 0
