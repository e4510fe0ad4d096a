"""Finds the sales that a worker does not tick but that have changed, are requested or are due.

About once a second a worker reads what has changed in the ledger and which sales are requested of
other workers, and the leader visits the entries of the catalogue that are due. Every
`LEFTOVER_SECONDS` it also reads from the ledger where an order or a block was left half done.

Invariant: work on one sale is a task of its own (see holdfast_tasks), so no sale waits for another.

Rejected: to load and tick every sale. A hundred idle ones took a fifth of a core.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Final, Protocol

from holdfast.sales.catalogue import Catalogue, CatalogueEntry
from holdfast.sales.sale import Sale
from holdfast.sales.store.change_reconciler import differs_from_ledger
from holdfast.sales.tasks.activity import needs_ticks
from holdfast.sales.tasks.periodic import periodic
from holdfast.sales.tasks.sale_tasks import TaskContext
from holdfast_ledger import ChangeCursor, SaleRecord
from holdfast_ledger.changes import CHANGES_MAX
from holdfast_lua.calls.line_status import LineStatus
from holdfast_lua.calls.requested_sales import mark_requested
from holdfast_lua.errors import EpochChanged, StoreBehind

LOOK_SECONDS: Final = 1.0
VISIT_SECONDS: Final = 0.25
LEFTOVER_SECONDS: Final = 30.0

logger = logging.getLogger(__name__)


class ActiveSales(Protocol):
    """The tasks of the active sales."""

    def requested_uids(self) -> Collection[str]:
        """The uids of the sales that were requested of this worker lately."""

    def note_request_elsewhere(self, name: str) -> None:
        """Another worker was asked for the sale."""

    def note_change(self, name: str) -> None:
        """The sale has changed in the ledger."""


class Discovery:
    """Looks for sales periodically, in one worker; `catalogue` has all sales that were read."""

    def __init__(self, context: TaskContext, active: ActiveSales) -> None:
        self.catalogue = Catalogue()
        self._context = context
        self._active = active
        self._cursor = ChangeCursor()
        self._catalogue_complete = asyncio.Event()
        self._since_ms = 0
        self._tasks = (
            periodic("reading changes of sales", LOOK_SECONDS, self._read_changes),
            periodic("exchanging requested sales", LOOK_SECONDS, self._exchange_requests),
            periodic("visiting sales", VISIT_SECONDS, self._visit_some),
            periodic("finding leftovers", LEFTOVER_SECONDS, self._find_leftovers),
        )

    def start(self) -> None:
        """Starts looking for sales."""
        for task in self._tasks:
            task.start()

    async def stop(self) -> None:
        """Ends the looking and the work on single sales, and waits until both have ended."""
        for task in self._tasks:
            await task.stop()
        await self._context.work.stop()

    # what has changed in the ledger

    async def _read_changes(self) -> None:
        while True:
            page = await self._context.builder.ledger.changes.after(self._cursor)
            for change in page:
                self._apply(change.record)
                self._cursor = change.cursor
            if len(page) < CHANGES_MAX:
                self._catalogue_complete.set()
                return

    def _apply(self, record: SaleRecord) -> None:
        known = self._context.directory.loaded(record.name)
        if known is not None and _is_past(known, record):
            self._start(f"{known.uid} unload", partial(self._unload, known))
        self._active.note_change(record.name)
        if record.deleted:
            self.catalogue.forget(record.uid)
            self._context.observer.forget(record.name, record.uid)
            return
        try:
            self.catalogue.note(record, self._context.directory.clock.now_ms())
        except Exception as error:
            logger.warning("sale %s cannot be read: %r", record.name, error)

    async def _unload(self, sale: Sale) -> None:
        """Unloads a sale that was deleted or replaced, and removes a deleted one from the store.

        As a rule the store has refused the old epoch; but whoever deleted the sale may have died
        before removing it there. Every worker does this for what it has loaded.
        """
        if (await self._context.builder.ledger.sales.read_uid(sale.uid)).deleted:
            await self._context.builder.sale_calls.remove(sale.uid)
        if self._context.directory.loaded(sale.name) is sale:
            await self._context.directory.refresh(sale)

    # what is requested of other workers

    async def _exchange_requests(self) -> None:
        own = self._active.requested_uids()
        executor = self._context.builder.installer.executor
        asked_at = time.monotonic()
        asked = await mark_requested(executor, self._since_ms, sorted(own))
        self._since_ms = asked.now_ms
        self._context.directory.clock.hear(asked.now_ms, asked_at)
        if not self._context.leadership.held():
            return
        for uid in asked.uids.difference(own):
            sale = self.catalogue.get(uid)
            if sale is not None:
                self._keep_active(sale)

    def _keep_active(self, sale: CatalogueEntry) -> None:
        if self._context.directory.active(sale.name) is not None:
            self._active.note_request_elsewhere(sale.name)
        else:
            self._start(f"{sale.ref.uid} load", partial(self._load, sale.name))

    async def _load(self, name: str) -> None:
        if await self._context.directory.activate(name) is not None:
            self._active.note_request_elsewhere(name)

    # what nobody requests

    async def _visit_some(self) -> None:
        if not self._context.leadership.held():
            return
        for sale in self.catalogue.pick(self._context.directory.clock.now_ms()):
            if self._context.directory.active(sale.name) is None:
                self._start(f"{sale.ref.uid} visit", partial(self._visit, sale))

    async def _visit(self, sale: CatalogueEntry) -> None:
        """Ticks the sale once; loads it when that shows that it needs more ticks."""
        try:
            advanced = await self._context.builder.services.calls.advance_line(sale.ref)
        except (StoreBehind, EpochChanged):
            await self._load(sale.name)
            return
        line, now_ms = advanced.status, advanced.now_ms
        self.catalogue.visited(sale, line, now_ms)
        if _has_figures(line):
            self._context.observer.observe(sale.name, sale.ref, line, now_ms, test=sale.test)
        wanted = needs_ticks(line, now_ms) or differs_from_ledger(line, sale, sale.opens_ms)
        if wanted or sale.releases or await self._is_unfinished(sale):
            await self._load(sale.name)
        sale.releases = sale.uninstalled = False

    async def _is_unfinished(self, sale: CatalogueEntry) -> bool:
        """Whether its creator died before the ledger noted the installation: a second look."""
        if not sale.uninstalled:
            return False
        record = await self._context.builder.ledger.sales.read_uid(sale.ref.uid)
        return record.installed_epoch != record.epoch

    async def _find_leftovers(self) -> None:
        """Activates sales in which the store misses orders or blocks: recovery brings them."""
        await self._catalogue_complete.wait()
        if not self._context.leadership.held():
            return
        ledger, now_ms = self._context.builder.ledger, self._context.directory.clock.now_ms()
        due = await ledger.orders.sales_due(now_ms=now_ms)
        for uid in {*due, *await ledger.seat_blocks.sales_unsynced()}:
            sale = self.catalogue.get(uid)
            if sale is not None:
                self._keep_active(sale)

    def _start(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        self._context.work.start(key, work)


def _is_past(known: Sale, record: SaleRecord) -> bool:
    if record.deleted:
        return known.uid == record.uid
    return known.uid != record.uid or known.ref.epoch < record.epoch


def _has_figures(line: LineStatus) -> bool:
    """Whether there is anything to show: ten thousand sales to come would be as many series."""
    return line.issued > 0 or line.booked > 0 or line.held + line.allotted_held > 0
