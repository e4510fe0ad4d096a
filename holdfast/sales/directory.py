"""The sales of one process: found by name, loaded once, kept true to ledger and store.

A sale is loaded when somebody asks for it, or when the leader sees that something goes on in it. It
is awake, and stepped, until neither is so for a while; then it rests, still loaded, and the next to
ask has it stepped once before they see it, so that nobody is shown what is old. A step tells of
every change: a later `settings_version` in the status means that the spec must be read again,
`EpochChanged` that the sale was rebuilt or replaced, `StoreBehind` that it is gone from the store:
deleted, or lost and to be rebuilt.

Invariants: a name is loaded by one task at a time, whoever else asks waits for it; whether there is
a sale of an unknown name is asked of the ledger for all such names together, so that a flood of
wrong ones costs it little; no more than `MAX_RESTING` sales rest, those asked for last.
"""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from holdfast.joined_lookup import INTERVAL_SECONDS, JoinedLookup
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.sale import Sale
from holdfast_ledger import SaleRecord
from holdfast_lua.calls.clock import SaleClock
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.stock_install import InstallFenced
from holdfast_lua.errors import (
    EpochChanged,
    StoreBehind,
    StoreBusy,
    StoreOutcomeUnknown,
    StoreUnavailable,
)
from holdfast_queue.line.status import SaleState, sale_state
from holdfast_tasks import start_task
from holdfast_web.errors import ErrorCode, HoldfastError

MAX_RESTING: Final = 2_000
SALE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
RELOADS_MAX: Final = 3
LEARNING_SECONDS: Final = 2.0

logger = logging.getLogger(__name__)


class SaleDirectory:
    """From a sale's name to the sale."""

    def __init__(self, builder: SaleBuilder, lookup_seconds: float = INTERVAL_SECONDS) -> None:
        self._builder = builder
        self._awake: dict[str, Sale] = {}
        self._resting: OrderedDict[str, Sale] = OrderedDict()  # the longest at rest first
        self._loading: dict[str, asyncio.Task[Sale | None]] = {}
        self._names = JoinedLookup[str](builder.ledger.sales.live, lookup_seconds)
        self.clock = SaleClock()
        """The store's time as this process hears it apart from any sale."""
        self.on_awake: Callable[[str], None] = lambda _name: None
        """Told of each sale that is awake from now on, so that somebody steps it."""

    def __iter__(self) -> Iterator[Sale]:
        """Those that are awake."""
        return iter(tuple(self._awake.values()))

    async def get(self, name: str) -> Sale:
        """The sale of this name, awake; 404 `unknown_sale` when there is none."""
        sale = self.asked(name)
        if sale is not None:
            return sale
        if await self._exists(name):
            older = name in self._loading
            sale = await self._load_once(name)
            if sale is None and older:  # it may have looked before there was a sale
                sale = await self._load_once(name)
        if sale is None:
            raise HoldfastError(ErrorCode.UNKNOWN_SALE)
        sale.asked = True
        return sale

    def asked(self, name: str) -> Sale | None:
        """The sale if it is awake; it is asked for, and so stays awake for a while."""
        sale = self._awake.get(name)
        if sale is not None:
            sale.asked = True
        return sale

    def awake(self, name: str) -> Sale | None:
        """The sale if it is awake."""
        return self._awake.get(name)

    def known(self, name: str) -> Sale | None:
        """The sale if it is loaded; what one at rest shows may be old."""
        return self._awake.get(name) or self._resting.get(name)

    async def find(self, name: str) -> Sale | None:
        """Have it awake if it is there, though nobody asks for it."""
        return self._awake.get(name) or await self._load_once(name)

    async def state(self, record: SaleRecord) -> SaleState:
        """How the sale stands for visitors, without loading one that nobody asks for."""
        sale = self._awake.get(record.name)
        if sale is not None and sale.uid == record.uid:
            return sale.room.document.state
        ref = SaleRef(record.uid, record.epoch)
        try:
            advanced = await self._builder.services.calls.advance_line(ref)
        except (StoreBehind, EpochChanged):
            return (await self.get(record.name)).room.document.state
        return sale_state(advanced.status, advanced.now_ms)

    def rest(self, sale: Sale) -> None:
        """It needs no more steps until somebody asks for it."""
        if self._awake.get(sale.name) is not sale:
            return
        self._resting[sale.name] = self._awake.pop(sale.name)
        while len(self._resting) > MAX_RESTING:
            self._resting.popitem(last=False)

    def forget(self, name: str) -> None:
        """Load it anew when it is asked for next."""
        self._awake.pop(name, None)
        self._resting.pop(name, None)

    async def reload(self, record: SaleRecord) -> Sale:
        """Build the sale anew from this record or a later one; the old one serves until then."""
        for _ in range(RELOADS_MAX):
            sale = await self._load_once(record.name)
            if sale is None:
                break
            # A load that was under way before may have read the record before it.
            if sale.uid != record.uid or sale.record.epoch >= record.epoch:
                return sale
        self.forget(record.name)
        raise HoldfastError(ErrorCode.UNKNOWN_SALE)

    async def close(self) -> None:
        """End what is loading and wait for the joins under way."""
        await self._names.aclose()
        for task in tuple(self._loading.values()):
            task.cancel()
        sales = (*self._awake.values(), *self._resting.values())
        rooms = [sale.room.aclose() for sale in sales]
        await asyncio.gather(*self._loading.values(), *rooms, return_exceptions=True)

    async def refresh(self, sale: Sale) -> None:
        """Take over what changed in the ledger since the sale was loaded."""
        record = await self._builder.ledger.sales.read(sale.name)
        if record is None or record.uid != sale.uid or record.epoch != sale.record.epoch:
            await self._replace(sale.name, record)
        elif record.settings_version != sale.record.settings_version:
            self._builder.update(sale, record)

    async def learn_revisions(self) -> None:
        """Before another master is used: what it must know at least, by the last checkpoints.

        It may lack what was written last, and this process may not have seen it. The guard finds
        that out as soon as the process knows what there was. StoreUnavailable without the ledger.
        """
        sales = {sale.uid: sale for sale in (*self, *self._resting.values())}
        try:
            async with asyncio.timeout(LEARNING_SECONDS):
                found = await self._builder.ledger.checkpoints.revisions(list(sales))
        except HoldfastError as fault:
            raise StoreUnavailable(
                "the ledger does not tell what a new master must know"
            ) from fault
        for uid, (epoch, revision) in found.items():
            ref = sales[uid].ref
            if epoch == ref.epoch:
                ref.revision = max(ref.revision, revision)

    async def recover(self, sale: Sale, fault: StoreBehind | EpochChanged) -> None:
        """The store does not have the sale as this process knew it: find out why, and mend it."""
        record = await self._builder.ledger.sales.read(sale.name)
        if await self._mended(sale, record, fault):
            await self._replace(sale.name, record)

    async def _mended(
        self, sale: Sale, record: SaleRecord | None, fault: StoreBehind | EpochChanged
    ) -> bool:
        """False when the store is ahead of the ledger as we read it; the next round will see it."""
        if record is not None and record.uid == sale.uid and record.epoch == sale.record.epoch:
            if not isinstance(fault, StoreBehind):
                return False
            try:
                await self._builder.installer.rebuild(record)
            except InstallFenced as fence:
                logger.info("sale %s: somebody else rebuilds it: %s", sale.name, fence)
        return True

    async def _replace(self, name: str, record: SaleRecord | None) -> None:
        self.forget(name)
        if record is not None:
            await self._load_once(name)

    async def _load_once(self, name: str) -> Sale | None:
        task = self._loading.get(name)
        if task is None:
            task = start_task(self._load(name), name=f"load {name}", awaited=True)
            self._loading[name] = task
            task.add_done_callback(lambda _: self._loading.pop(name, None))
        # Shielded: who gives up waiting must not end it for the others.
        return await asyncio.shield(task)

    async def _load(self, name: str) -> Sale | None:
        resting = self._resting.get(name)
        if resting is not None and await self._woken(resting):
            return resting
        record = await self._builder.ledger.sales.read(name)
        if record is None:
            return None
        sale = await self._builder.build(record)
        self._waken(sale)
        return sale

    async def _woken(self, sale: Sale) -> bool:
        """Have a sale at rest as it is now; False when it must be loaded anew."""
        try:
            await sale.room.tick()
        except (StoreBehind, EpochChanged) as fault:
            await self._mended(sale, await self._builder.ledger.sales.read(sale.name), fault)
            self.forget(sale.name)
            return False
        except (StoreUnavailable, StoreBusy, StoreOutcomeUnknown) as fault:
            # As of any sale while the store is away: what was known last is shown until it is back.
            logger.info("sale %s is shown as it was last known: %s", sale.name, fault)
        if sale.room.document.line.settings_version != sale.record.settings_version:
            self.forget(sale.name)
            return False
        self._waken(sale)
        return True

    def _waken(self, sale: Sale) -> None:
        self._resting.pop(sale.name, None)
        self._awake[sale.name] = sale
        self.on_awake(sale.name)

    async def _exists(self, name: str) -> bool:
        """Whether there is, or is being loaded, a sale of this name; what cannot be one is not."""
        if SALE_NAME.fullmatch(name) is None:
            return False
        if name in self._loading or name in self._resting:
            return True
        return await self._names.find(name) is not None
