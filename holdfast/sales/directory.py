"""The sales of one process: found by name, loaded once, kept true to ledger and store.

A sale is loaded when somebody asks for it, or when the ticker finds it in the ledger. From then on
the ticker tells of every change: a later `settings_version` in the status means that the spec must
be read again, `EpochChanged` that the sale was rebuilt or replaced, `StoreBehind` that it is gone
from the store: deleted, or lost and to be rebuilt.

Invariants: a name is loaded by one task at a time, whoever else asks waits for it; whether there is
a sale of an unknown name is asked of the ledger for all such names together, so that a flood of
wrong ones costs it little; what is remembered is bounded.
"""

import asyncio
import logging
import re
from collections.abc import Iterator
from typing import Final

from holdfast.joined_lookup import INTERVAL_SECONDS, JoinedLookup
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.sale import Sale
from holdfast_inventory.ledger import SaleRecord
from holdfast_lua.errors import EpochChanged, StoreBehind
from holdfast_lua.stock_install import InstallFenced
from holdfast_web.errors import ErrorCode, HoldfastError

MAX_SALES: Final = 2_000
SALE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
RELOADS_MAX: Final = 3

logger = logging.getLogger(__name__)


class SaleDirectory:
    """From a sale's name to the sale."""

    def __init__(self, builder: SaleBuilder, lookup_seconds: float = INTERVAL_SECONDS) -> None:
        self._builder = builder
        self._sales: dict[str, Sale] = {}
        self._loading: dict[str, asyncio.Task[Sale | None]] = {}
        self._names = JoinedLookup[str](builder.ledger.sales.live, lookup_seconds)

    def __iter__(self) -> Iterator[Sale]:
        return iter(tuple(self._sales.values()))

    async def get(self, name: str) -> Sale:
        """The sale of this name; 404 `unknown_sale` when there is none."""
        sale = self._sales.get(name)
        if sale is not None:
            return sale
        if await self._exists(name):
            sale = await self._load_once(name)
        if sale is None:
            raise HoldfastError(ErrorCode.UNKNOWN_SALE)
        return sale

    def known(self, name: str) -> Sale | None:
        """The sale if it is loaded."""
        return self._sales.get(name)

    async def find(self, name: str) -> None:
        """Load it if it is there."""
        await self._load_once(name)

    def forget(self, name: str) -> None:
        """Load it anew when it is asked for next."""
        self._sales.pop(name, None)

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
        rooms = [sale.room.aclose() for sale in self]
        await asyncio.gather(*self._loading.values(), *rooms, return_exceptions=True)

    async def refresh(self, sale: Sale) -> None:
        """Take over what changed in the ledger since the sale was loaded."""
        record = await self._builder.ledger.sales.read(sale.name)
        if record is None or record.uid != sale.uid or record.epoch != sale.record.epoch:
            await self._replace(sale.name, record)
        elif record.settings_version != sale.record.settings_version:
            self._builder.update(sale, record)

    async def recover(self, sale: Sale, fault: StoreBehind | EpochChanged) -> None:
        """The store does not have the sale as this process knew it: find out why, and mend it."""
        record = await self._builder.ledger.sales.read(sale.name)
        lost = isinstance(fault, StoreBehind)
        if record is not None and record.uid == sale.uid and record.epoch == sale.record.epoch:
            if not lost:
                # The store is ahead of the ledger we read; the next round will see it.
                return
            try:
                await self._builder.installer.rebuild(record)
            except InstallFenced as fence:
                logger.info("sale %s: somebody else rebuilds it: %s", sale.name, fence)
        await self._replace(sale.name, record)

    async def _replace(self, name: str, record: SaleRecord | None) -> None:
        self.forget(name)
        if record is not None:
            await self._load_once(name)

    async def _load_once(self, name: str) -> Sale | None:
        task = self._loading.get(name)
        if task is None:
            task = asyncio.create_task(self._load(name), name=f"load {name}")
            self._loading[name] = task
            task.add_done_callback(lambda _: self._loading.pop(name, None))
        # Shielded: who gives up waiting must not end it for the others.
        return await asyncio.shield(task)

    async def _load(self, name: str) -> Sale | None:
        record = await self._builder.ledger.sales.read(name)
        if record is None:
            return None
        sale = await self._builder.build(record)
        if len(self._sales) >= MAX_SALES:
            self._sales.pop(next(iter(self._sales)))
        self._sales[name] = sale
        return sale

    async def _exists(self, name: str) -> bool:
        """Whether there is, or is being loaded, a sale of this name; what cannot be one is not."""
        if SALE_NAME.fullmatch(name) is None:
            return False
        return name in self._loading or await self._names.find(name) is not None
