import asyncio
from dataclasses import dataclass

import pytest
from conftest import Clock, fresh_uid
from support.store.event_bodies import event_bodies

from holdfast.sales.spec import AreaSpec, SaleSpec, spec_to_json
from holdfast.sales.store.install import Installer, line_checkpoint
from holdfast_ledger import Ledger, SaleDraft, SaleRecord
from holdfast_lua import Executor, SaleRef, StoreBehind
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.inventory_install import InstallFenced
from holdfast_lua.calls.line import Advanced, LineCalls, LineCheckpoint
from holdfast_lua.calls.sale import SaleCalls, SaleHead, SaleTimes, Units, first_revision
from holdfast_lua.errors import EpochChanged
from holdfast_queue.line.settings import LineSettings

SPEC = SaleSpec(
    name="Night",
    areas=(AreaSpec(id="floor", name="Floor", capacity=50, category="GA"),),
    prices={"GA": 100},
)


async def make_record(ledger: Ledger) -> SaleRecord:
    uid, areas = fresh_uid(), {area.id: area.capacity for area in SPEC.areas}
    return await ledger.sales.create(SaleDraft(uid, f"sale-{uid}", spec_to_json(SPEC), areas=areas))


@dataclass(frozen=True)
class LedgerSale:
    """A sale as the ledger first had it, in epoch 1, and who puts it into the store."""

    executor: Executor
    ledger: Ledger
    installer: Installer
    record: SaleRecord
    ref: SaleRef

    @property
    def line(self) -> LineCalls:
        return LineCalls(self.executor)

    async def install(self) -> None:
        await self.installer.install(self.record)

    async def known(self) -> SaleRecord:
        """The record as the ledger has it by now."""
        return await self.ledger.sales.read_uid(self.record.uid)

    async def lose(self) -> None:
        """What FLUSHALL would do, to one sale."""
        await SaleCalls(self.executor).remove(self.record.uid)

    async def rebuild(self) -> SaleRecord:
        return await self.installer.rebuild(await self.known())

    async def read(self, record: SaleRecord | None = None) -> SaleHead:
        record = record or self.record
        return await SaleCalls(self.executor).read(SaleRef(record.uid, record.epoch))

    async def checkpoint(self) -> Advanced:
        """Steps the line, and writes down where it stands."""
        advanced = await self.line.advance_line(self.ref)
        calls = await self.line.read_calls(self.ref)
        saved = line_checkpoint(self.record.uid, 1, advanced.status, calls)
        await self.ledger.checkpoints.save(saved)
        return advanced


@pytest.fixture
async def new_sale(installer: Installer, executor: Executor, ledger: Ledger) -> LedgerSale:
    """A sale that is not in the store yet."""
    record = await make_record(ledger)
    return LedgerSale(executor, ledger, installer, record, SaleRef(record.uid, 1))


@pytest.fixture
async def sale(new_sale: LedgerSale) -> LedgerSale:
    """A sale that is installed."""
    await new_sale.install()
    return new_sale


async def test_new_sale_is_usable_with_all_its_stock(sale: LedgerSale) -> None:
    head = await sale.read()
    assert (head.revision, head.lifecycle, head.settings_version) == (1, "live", 1)
    assert head.units == Units(free=50)
    assert head.times == SaleTimes()
    assert (await sale.line.join_line(sale.ref, 3, 100)).first == 1
    assert (await sale.known()).provisioned


async def test_installing_again_changes_nothing(sale: LedgerSale) -> None:
    """Given a sale in use, when another process installs the same epoch, the line stays."""
    await sale.line.join_line(sale.ref, 3, 100)
    await sale.install()
    assert (await sale.line.join_line(sale.ref, 1, 100)).first == 4


async def test_many_installers_make_one_sale(new_sale: LedgerSale) -> None:
    await asyncio.gather(*(new_sale.install() for _ in range(8)))
    assert (await new_sale.read()).units == Units(free=50)


async def test_line_is_not_installed_under_a_sale_in_use(sale: LedgerSale) -> None:
    """Given an installer that was slow between stock and line, its line write is refused."""
    terms = LineSettings().terms
    code = await sale.line.install_line(sale.ref, terms, LineCheckpoint(ceiling=0))
    assert code is Code.UNCHANGED


async def test_rebuild_starts_a_higher_epoch_and_says_so(sale: LedgerSale) -> None:
    await sale.lose()
    with pytest.raises(StoreBehind):
        await sale.read()
    rebuilt = await sale.rebuild()
    head = await sale.read(rebuilt)
    assert (rebuilt.epoch, head.revision) == (2, first_revision(2))
    with pytest.raises(EpochChanged):
        await sale.read()
    uid = sale.record.uid
    entries = await sale.executor.command("XRANGE", keys.events(uid), "-", "+")
    (body,) = event_bodies(entries)
    assert (body["type"], body["id"]) == ("inventory.rebuilt", f"{uid}.2-1")


async def test_numbers_resume_above_the_promised_ceiling(sale: LedgerSale) -> None:
    await sale.ledger.sales.raise_ceiling(sale.record.uid, epoch=1, ceiling=1000)
    await sale.line.join_line(sale.ref, 10, 1000)
    await sale.checkpoint()
    await sale.line.join_line(sale.ref, 5, 1000)
    await sale.lose()
    ref = SaleRef(sale.record.uid, (await sale.rebuild()).epoch)
    assert (await sale.line.join_line(ref, 1, 2000)).first == 1001
    assert (await sale.line.advance_line(ref)).status.gaps == ((11, 1000),)


async def test_loss_before_the_first_checkpoint_keeps_numbers_unique(sale: LedgerSale) -> None:
    await sale.ledger.sales.raise_ceiling(sale.record.uid, epoch=1, ceiling=500)
    await sale.line.join_line(sale.ref, 10, 500)
    await sale.lose()
    ref = SaleRef(sale.record.uid, (await sale.rebuild()).epoch)
    assert (await sale.line.join_line(ref, 1, 900)).first == 501


async def test_several_processes_notice_one_loss(sale: LedgerSale) -> None:
    await sale.lose()
    known = await sale.known()
    rebuilt = await asyncio.gather(*(sale.installer.rebuild(known) for _ in range(6)))
    assert {one.epoch for one in rebuilt} == {2}
    assert (await sale.read(rebuilt[0])).units == Units(free=50)


async def test_overtaken_installer_is_fenced(sale: LedgerSale) -> None:
    """Given an installer of epoch 1 that slept through a rebuild, it can write nothing any more."""
    rebuilt = await sale.rebuild()
    with pytest.raises(InstallFenced):
        await sale.install()
    assert (await sale.read(rebuilt)).units == Units(free=50)


async def test_restore_tells_a_loss_from_an_installation_under_way(new_sale: LedgerSale) -> None:
    assert (await new_sale.installer.restore(new_sale.record)).epoch == 1
    known = await new_sale.known()
    await new_sale.executor.command("DEL", keys.sale(known.uid))
    assert (await new_sale.installer.restore(known)).epoch == 1
    await new_sale.lose()
    assert (await new_sale.installer.restore(known)).epoch == 2


async def test_store_time_never_falls_below_the_checkpoint(sale: LedgerSale, clock: Clock) -> None:
    """Given a store whose clock runs behind after a failover, time goes on where it was."""
    await sale.line.join_line(sale.ref, 1, 10)
    advanced = await sale.checkpoint()
    await sale.lose()
    await clock.advance(-3600)
    assert (await sale.read(await sale.rebuild())).now_ms >= advanced.now_ms


async def test_remove_leaves_no_key(sale: LedgerSale) -> None:
    other = await make_record(sale.ledger)
    await sale.installer.install(other)
    await sale.line.join_line(sale.ref, 3, 100)
    uid = sale.record.uid
    assert await SaleCalls(sale.executor).remove(uid) > 1
    assert await sale.executor.command("KEYS", keys.pattern(uid)) == []
    assert (await sale.read(other)).units == Units(free=50)


def test_revisions_of_a_later_epoch_are_above_all_earlier_ones() -> None:
    assert first_revision(1) == 1
    assert first_revision(3) - first_revision(2) == 2**36
    assert first_revision(2**17) < 2**53
