"""Makes a sale's working objects from its record, and keeps them true to later records."""

from dataclasses import replace
from typing import Final

from holdfast.sales.plans import PlanCache
from holdfast.sales.sale import Sale
from holdfast.sales.spec import SaleSpec, spec_from_json
from holdfast.sales.spec_mapping import brand, draw_of, line_settings, stock_settings
from holdfast.sales.store.install import Installer, line_checkpoint
from holdfast.sales.store.loss_detection import LossDetector
from holdfast_inventory.holds.releases import release
from holdfast_inventory.holds.sale_inventory import Hall
from holdfast_inventory.orders.recovery import Recovery
from holdfast_ledger import Checkpoint, Ledger, SaleRecord
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.sale import SaleCalls, first_revision
from holdfast_lua.calls.stock import StockCalls
from holdfast_lua.calls.stock_install import InstallFenced
from holdfast_lua.client.executor import Executor
from holdfast_lua.errors import EpochChanged, StoreBehind
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import RoomServices
from holdfast_queue.line.status import StatusDocument

BUILD_ATTEMPTS: Final = 4
CHECKPOINT_ANEW_MS: Final = 10_000
"""after which one is written though nothing has changed: a later store's clock starts from it"""
SWEEPS_MAX: Final = 20


class SaleBuilder:
    """One per process."""

    def __init__(self, executor: Executor, ledger: Ledger, services: RoomServices) -> None:
        self.ledger = ledger
        self.services = services
        self.sale_calls = SaleCalls(executor)
        self.stock_calls = StockCalls(executor)
        self.plans = PlanCache(ledger)
        self._recovery = Recovery(ledger)
        self.installer = Installer(executor, ledger, self.plans)
        self.loss_detector = LossDetector(self.sale_calls, ledger)

    async def build(self, record: SaleRecord) -> Sale:
        """The sale, installed in the store if it is not there yet, with its first status read."""
        record = await self._in_store(record)
        spec = spec_from_json(record.spec)
        ref = SaleRef(record.uid, record.epoch)
        draw = draw_of(record, spec)
        room = Room(
            record.name,
            ref,
            line_settings(spec),
            self.services,
            brand=brand(spec),
            draw=draw,
            identity_secret=record.identity_secret,
        )
        plan = await self.plans.get(record, spec)
        hall = Hall(record.name, ref, plan, stock_settings(spec), self.stock_calls)
        await room.tick()
        return Sale(record, spec, ref, room, hall)

    def update(self, sale: Sale, record: SaleRecord) -> None:
        """Take over settings that are in force in the store already."""
        spec = spec_from_json(record.spec)
        sale.room.apply(line_settings(spec), brand(spec))
        sale.room.lobby.draw = draw_of(record, spec)
        sale.hall.apply(stock_settings(spec))
        sale.record, sale.spec = record, spec

    async def push(self, sale: Sale, record: SaleRecord) -> bool:
        """Bring the ledger's settings into force in the store, then take them over.

        What can be refused comes first, what cannot be undone last. False when later settings are
        in force already; it is for whoever brought them there to release what they say.
        """
        spec = spec_from_json(record.spec)
        if not await sale.room.update(line_settings(spec), record.settings_version):
            return False
        await self._let_out(sale, spec)
        self.update(sale, record)
        return True

    async def finish_push(self, sale: Sale) -> None:
        """Release what settings in force say, if whoever pushed them died before that.

        Asks the store once for each channel and process. Settings that the store has not accepted
        yet release nothing: it may refuse them.
        """
        if sale.room.document.line.settings_version == sale.record.settings_version:
            await self._let_out(sale, sale.spec)

    async def _let_out(self, sale: Sale, spec: SaleSpec) -> None:
        """Channels are only ever added: what is known to be released stays so."""
        channels = set(spec.released_channels) - sale.let_out
        await release(sale.hall, channels)
        sale.let_out |= channels

    async def checkpoint(self, sale: Sale) -> None:
        """Keep in the ledger what a rebuild needs of the line.

        While nothing changes only the time does, and that need not be on disk every second.
        """
        document, last = sale.room.document, sale.checkpoint
        if last is not None and not _tells_more(document, last):
            return
        calls = await self.services.calls.read_calls(sale.ref)
        taken = line_checkpoint(sale.uid, sale.ref.epoch, document.line, calls)
        await self.ledger.checkpoints.save(taken)
        sale.checkpoint = taken

    async def sweep(self, sale: Sale) -> None:
        """Free overdue holds that no request has freed on its way."""
        for _ in range(SWEEPS_MAX):
            if not (await sale.hall.calls.expire_holds(sale.ref)).more:
                return

    async def recover_orders(self, sale: Sale) -> None:
        """Settle orders that a crash or a lost reply left halfway."""
        await self._recovery.visit(sale.hall)

    async def _in_store(self, record: SaleRecord) -> SaleRecord:
        """The record in whose epoch the store carries the sale."""
        for attempt in range(BUILD_ATTEMPTS):
            try:
                await self.loss_detector.check(record, count_sold=attempt == 0)
            except StoreBehind as fault:
                record = await self._restored(record, fault)
            except EpochChanged:
                record = await self.ledger.sales.read_uid(record.uid)
            else:
                return await self._provisioned(record)
        raise StoreBehind(record.uid, seen_revision=0, store_revision=0)

    async def _restored(self, record: SaleRecord, fault: StoreBehind) -> SaleRecord:
        rolled_back = fault.store_revision >= first_revision(record.epoch)
        try:
            return await self.installer.restore(record, rolled_back=rolled_back)
        except InstallFenced:
            # Overtaken by a later epoch: go on with that one.
            return await self.ledger.sales.read_uid(record.uid)

    async def _provisioned(self, record: SaleRecord) -> SaleRecord:
        """Whoever installed it may have died before saying so, and then a loss would look new."""
        if record.installed_epoch == record.epoch:
            return record
        await self.ledger.sales.set_provisioned(record.uid, epoch=record.epoch)
        return replace(record, provisioned=True, installed_epoch=record.epoch)


def _tells_more(document: StatusDocument, last: Checkpoint) -> bool:
    """Than the checkpoint that this process has written last."""
    aged_ms = document.now_ms - last.taken_ms
    return document.revision > last.revision or aged_ms >= CHECKPOINT_ANEW_MS
