"""The sales of one process: found by name, loaded once, kept up to date with ledger and store.

A sale is loaded when a request names it, or when the leader sees that something happens in it. An
active one is ticked, until nobody has requested it and nothing has happened in it for a while; then
it is idle: still loaded, and ticked once before the next request sees it. A tick reports every
change: a later `settings_version` means that the spec must be read again, `EpochChanged` that the
sale was rebuilt or replaced, `StoreBehind` that the store has deleted or lost it.

Invariants: a name is loaded by one task at a time, for which everybody else waits; unknown names
are looked up in the ledger together, so that a flood of them costs it little; no more than
`MAX_IDLE` sales are idle, those that were requested last.
"""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from holdfast.batched_lookup import INTERVAL_SECONDS, BatchedLookup
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.sale import Sale
from holdfast_ledger import LedgerError, SaleMissing, SaleRecord
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.inventory_install import InstallFenced
from holdfast_lua.calls.line_status import LineStatus
from holdfast_lua.clock import SaleClock
from holdfast_lua.errors import (
    EpochChanged,
    StoreBehind,
    StoreBusy,
    StoreOutcomeUnknown,
    StoreUnavailable,
)
from holdfast_tasks import start_task
from holdfast_web.errors import ErrorCode, HoldfastError

MAX_IDLE: Final = 2_000
SALE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
RELOADS_MAX: Final = 3
LEARNING_SECONDS: Final = 2.0

logger = logging.getLogger(__name__)


class SaleDirectory:
    """From a sale's name to the sale."""

    def __init__(self, builder: SaleBuilder, lookup_seconds: float = INTERVAL_SECONDS) -> None:
        self._builder = builder
        self._active: dict[str, Sale] = {}
        self._idle: OrderedDict[str, Sale] = OrderedDict()  # the longest idle first
        self._loading: dict[str, asyncio.Task[Sale | None]] = {}
        self._names = BatchedLookup[str](builder.ledger.sales.live, lookup_seconds)
        self.clock = SaleClock()
        """The store's time by answers that belong to no sale."""
        self.on_activated: Callable[[str], None] = lambda _name: None
        """Called with the name of each sale that becomes active, so that its tasks are started."""

    def __iter__(self) -> Iterator[Sale]:
        """The active sales."""
        return iter(tuple(self._active.values()))

    async def get(self, name: str) -> Sale:
        """The sale of this name, active; 404 `unknown_sale` when there is none."""
        sale = self.request(name)
        if sale is not None:
            return sale
        if await self._exists(name):
            older = name in self._loading
            sale = await self._load_once(name)
            if sale is None and older:  # it may have looked before there was a sale
                sale = await self._load_once(name)
        if sale is None:
            raise HoldfastError(ErrorCode.UNKNOWN_SALE)
        sale.requested = True
        return sale

    def request(self, name: str) -> Sale | None:
        """The sale if it is active, which it then stays for a while."""
        sale = self._active.get(name)
        if sale is not None:
            sale.requested = True
        return sale

    def active(self, name: str) -> Sale | None:
        """The sale if it is active; this counts as no request."""
        return self._active.get(name)

    def loaded(self, name: str) -> Sale | None:
        """The sale if it is loaded; what an idle one shows may be old."""
        return self._active.get(name) or self._idle.get(name)

    async def activate(self, name: str) -> Sale | None:
        """The sale, loaded and active though nobody requests it; None when there is none."""
        return self._active.get(name) or await self._load_once(name)

    async def status(self, record: SaleRecord) -> tuple[LineStatus, int]:
        """The status of the line and the ms of store time that it is of, read without loading a
        sale that nobody requests.
        """
        sale = self._active.get(record.name)
        if sale is not None and sale.uid == record.uid:
            return sale.room.document.line, sale.room.document.now_ms
        ref = SaleRef(record.uid, record.epoch)
        try:
            advanced = await self._builder.services.calls.advance_line(ref)
        except (StoreBehind, EpochChanged):
            document = (await self.get(record.name)).room.document
            return document.line, document.now_ms
        return advanced.status, advanced.now_ms

    def deactivate(self, sale: Sale) -> None:
        """Makes an active sale idle: it is not ticked until somebody requests it."""
        if self._active.get(sale.name) is not sale:
            return
        self._idle[sale.name] = self._active.pop(sale.name)
        while len(self._idle) > MAX_IDLE:
            self._idle.popitem(last=False)

    def forget(self, name: str) -> None:
        """Unloads the sale; the next request loads it anew."""
        self._active.pop(name, None)
        self._idle.pop(name, None)

    async def reload(self, record: SaleRecord) -> Sale:
        """Builds the sale anew from this record or a later one; the old one serves until then."""
        for _ in range(RELOADS_MAX):
            sale = await self._load_once(record.name)
            if sale is None:
                break
            # A load that was under way before may have read the record before it.
            if sale.uid != record.uid or sale.ref.epoch >= record.epoch:
                return sale
        self.forget(record.name)
        raise HoldfastError(ErrorCode.UNKNOWN_SALE)

    async def close(self) -> None:
        """Ends the tasks that load sales and waits for the joins under way."""
        await self._names.aclose()
        for task in tuple(self._loading.values()):
            task.cancel()
        sales = (*self._active.values(), *self._idle.values())
        rooms = [sale.room.aclose() for sale in sales]
        await asyncio.gather(*self._loading.values(), *rooms, return_exceptions=True)

    async def refresh(self, sale: Sale) -> None:
        """Takes over what has changed in the ledger since the sale was loaded."""
        record = await self._builder.ledger.sales.read(sale.name)
        if record is None or record.uid != sale.uid or record.epoch != sale.ref.epoch:
            await self._replace(sale.name, record)
        elif record.settings_version != sale.record.settings_version:
            self._builder.update(sale, record)

    async def learn_revisions(self) -> None:
        """Takes over the revisions of the last checkpoints, before another store master is used.

        The new master may lack the last writes; the guard of every script finds that out by the
        revision to expect. Raises StoreUnavailable when the ledger is away.
        """
        sales = {sale.uid: sale for sale in (*self, *self._idle.values())}
        try:
            async with asyncio.timeout(LEARNING_SECONDS):
                found = await self._builder.ledger.checkpoints.revisions(list(sales))
        except LedgerError as fault:
            raise StoreUnavailable(
                "the revisions that a new master must have cannot be read from the ledger"
            ) from fault
        for uid, (epoch, revision) in found.items():
            ref = sales[uid].ref
            if epoch == ref.epoch:
                ref.revision = max(ref.revision, revision)

    async def repair(self, sale: Sale, fault: StoreBehind | EpochChanged) -> None:
        """Finds out why the store has not the sale that this process knew, and repairs it."""
        record = await self._builder.ledger.sales.read(sale.name)
        if await self._repaired(sale, record, fault):
            await self._replace(sale.name, record)

    async def _repaired(
        self, sale: Sale, record: SaleRecord | None, fault: StoreBehind | EpochChanged
    ) -> bool:
        """False when the store is ahead of the record as it was read: the next round reads anew."""
        if record is not None and record.uid == sale.uid and record.epoch == sale.ref.epoch:
            if not isinstance(fault, StoreBehind):
                return False
            try:
                await self._builder.installer.rebuild(record)
            except InstallFenced as fence:
                logger.info("sale %s: somebody else rebuilds it: %s", sale.name, fence)
            except SaleMissing:
                logger.info("sale %s was deleted meanwhile", sale.name)
        return True

    async def _replace(self, name: str, record: SaleRecord | None) -> None:
        self.forget(name)
        if record is not None:
            await self._load_once(name)

    async def _load_once(self, name: str) -> Sale | None:
        task = self._loading.get(name)
        if task is None or task.done():
            task = start_task(self._load(name), name=f"load {name}", awaited=True)
            self._loading[name] = task
            task.add_done_callback(lambda done: self._loaded(name, done))
        # Shielded: a waiter that is cancelled must not end the load for the others.
        return await asyncio.shield(task)

    def _loaded(self, name: str, task: asyncio.Task[Sale | None]) -> None:
        if self._loading[name] is task:
            del self._loading[name]

    async def _load(self, name: str) -> Sale | None:
        idle = self._idle.get(name)
        if idle is not None and await self._is_current_again(idle):
            return idle
        record = await self._builder.ledger.sales.read(name)
        if record is None:
            return None
        try:
            sale = await self._builder.build(record)
        except SaleMissing:  # deleted since its record was read
            return None
        self._activate(sale)
        return sale

    async def _is_current_again(self, sale: Sale) -> bool:
        """Ticks an idle sale and makes it active; False when it must be loaded anew."""
        try:
            await sale.room.tick()
        except (StoreBehind, EpochChanged) as fault:
            await self._repaired(sale, await self._builder.ledger.sales.read(sale.name), fault)
            self.forget(sale.name)
            return False
        except (StoreUnavailable, StoreBusy, StoreOutcomeUnknown) as fault:
            # While the store is away every sale shows its last known state.
            logger.info("sale %s is shown as it was last known: %s", sale.name, fault)
        if sale.room.document.line.settings_version != sale.record.settings_version:
            self.forget(sale.name)
            return False
        self._activate(sale)
        return True

    def _activate(self, sale: Sale) -> None:
        self._idle.pop(sale.name, None)
        self._active[sale.name] = sale
        self.on_activated(sale.name)

    async def _exists(self, name: str) -> bool:
        """Whether a sale of this name exists or is being loaded; an impossible name has none."""
        if SALE_NAME.fullmatch(name) is None:
            return False
        if name in self._loading or name in self._idle:
            return True
        return await self._names.find(name) is not None
