"""Makes a sale's objects from its record, applies later records to them, and maintains the sale."""

from dataclasses import replace
from typing import Final

from holdfast.sales.plans import PlanCache
from holdfast.sales.sale import Sale
from holdfast.sales.spec import SaleSpec, spec_from_json
from holdfast.sales.spec_mapping import brand, draw_of, inventory_settings, line_settings
from holdfast.sales.store.install import Installer, line_checkpoint
from holdfast.sales.store.loss_detection import LossDetector
from holdfast_inventory.holds.releases import release
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.flags import FlagService
from holdfast_inventory.orders.recovery import Recovery
from holdfast_ledger import Checkpoint, Ledger, SaleRecord
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.inventory_install import InstallFenced
from holdfast_lua.calls.sale import SaleCalls, first_revision
from holdfast_lua.client.executor import Executor
from holdfast_lua.errors import EpochChanged, StoreBehind
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import RoomServices
from holdfast_queue.line.status import StatusDocument

BUILD_ATTEMPTS: Final = 4
CHECKPOINT_ANEW_MS: Final = 10_000
"""age of a checkpoint after which one is written though nothing has changed: a rebuilt store starts
its clock from the last one"""
SWEEPS_MAX: Final = 20


class SaleBuilder:
    """Builds, updates and maintains the sales of one process."""

    def __init__(
        self,
        executor: Executor,
        ledger: Ledger,
        services: RoomServices,
        flags: FlagService | None = None,
    ) -> None:
        self.ledger = ledger
        self.services = services
        self.sale_calls = SaleCalls(executor)
        self.inventory_calls = InventoryCalls(executor)
        self.plans = PlanCache(ledger)
        self._recovery = Recovery(ledger, flags=flags)
        self.installer = Installer(executor, ledger, self.plans)
        self.loss_detector = LossDetector(self.sale_calls, ledger)

    async def build(self, record: SaleRecord) -> Sale:
        """The sale of a record, installed in the store if it is not there yet, and ticked once."""
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
        inventory = SaleInventory(
            record.name, ref, plan, inventory_settings(spec), self.inventory_calls
        )
        await room.tick()
        return Sale(record, spec, ref, room, inventory)

    def update(self, sale: Sale, record: SaleRecord) -> None:
        """Applies a record whose settings are in force in the store already."""
        spec = spec_from_json(record.spec)
        sale.room.apply(line_settings(spec), brand(spec))
        sale.room.lobby.draw = draw_of(record, spec)
        sale.inventory.apply(inventory_settings(spec))
        sale.record, sale.spec = record, spec

    async def push(self, sale: Sale, record: SaleRecord) -> bool:
        """Brings the ledger's settings into force in the store, then applies them here.

        What can be refused comes first, what cannot be undone last. False when later settings are
        in force already; whoever brought those there also releases their channels.
        """
        spec = spec_from_json(record.spec)
        if not await sale.room.update(line_settings(spec), record.settings_version):
            return False
        await self._release_channels(sale, spec)
        self.update(sale, record)
        return True

    async def finish_push(self, sale: Sale) -> None:
        """Releases the channels of the settings in force, in case whoever pushed them died before.

        Calls the store once for each channel and process. Settings that the store has not accepted
        yet release nothing, since it may refuse them.
        """
        if sale.room.document.line.settings_version == sale.record.settings_version:
            await self._release_channels(sale, sale.spec)

    async def _release_channels(self, sale: Sale, spec: SaleSpec) -> None:
        """Releases channels that are not known to be released; a release is never taken back."""
        channels = set(spec.released_channels) - sale.released
        await release(sale.inventory, channels)
        sale.released |= channels

    async def checkpoint(self, sale: Sale) -> None:
        """Saves in the ledger what a rebuild needs of the line; while nothing but the time has
        changed, only every `CHECKPOINT_ANEW_MS`.
        """
        document, last = sale.room.document, sale.checkpoint
        if last is not None and not _is_worth_saving(document, last):
            return
        calls = await self.services.calls.read_calls(sale.ref)
        taken = line_checkpoint(sale.uid, sale.ref.epoch, document.line, calls)
        await self.ledger.checkpoints.save(taken)
        sale.checkpoint = taken

    async def sweep(self, sale: Sale) -> None:
        """Ends overdue holds that no request has ended."""
        for _ in range(SWEEPS_MAX):
            if not (await sale.inventory.calls.expire_holds(sale.ref)).more:
                return

    async def recover_orders(self, sale: Sale) -> None:
        """Settles orders that a crash or a lost reply left unfinished."""
        await self._recovery.visit(sale.inventory)

    async def _in_store(self, record: SaleRecord) -> SaleRecord:
        """The record of the epoch that the store carries, after a rebuild if it must be."""
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
            # A later epoch exists by now: continue with that one.
            return await self.ledger.sales.read_uid(record.uid)

    async def _provisioned(self, record: SaleRecord) -> SaleRecord:
        """Notes in the ledger that the store carries this epoch, in case its installer died before:
        else a later loss would look like a sale that was never installed.
        """
        if record.installed_epoch == record.epoch:
            return record
        await self.ledger.sales.set_provisioned(record.uid, epoch=record.epoch)
        return replace(record, provisioned=True, installed_epoch=record.epoch)


def _is_worth_saving(document: StatusDocument, last: Checkpoint) -> bool:
    """Whether the line has changed since the last checkpoint, or that one is old."""
    aged_ms = document.now_ms - last.taken_ms
    return document.revision > last.revision or aged_ms >= CHECKPOINT_ANEW_MS
