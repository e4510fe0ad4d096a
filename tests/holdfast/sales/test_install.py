import asyncio

import msgspec
import pytest
from conftest import Clock, fresh_uid

from holdfast.sales.spec import AreaSpec, SaleSpec, spec_to_json
from holdfast.sales.store.install import Installer, line_checkpoint
from holdfast_ledger import Ledger, SaleDraft, SaleRecord
from holdfast_lua import Executor, SaleRef, StoreBehind
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.inventory_install import InstallFenced
from holdfast_lua.calls.line import LineCalls, LineCheckpoint
from holdfast_lua.calls.sale import SaleCalls, SaleHead, SaleTimes, Units, first_revision
from holdfast_lua.errors import EpochChanged
from holdfast_queue.line.settings import LineSettings

SPEC = SaleSpec(
    name="Night",
    areas=(AreaSpec(id="floor", name="Floor", capacity=50, category="GA"),),
    prices={"GA": 100},
)


async def make_record(ledger: Ledger, spec: SaleSpec = SPEC) -> SaleRecord:
    uid = fresh_uid()
    areas = {area.id: area.capacity for area in spec.areas}
    return await ledger.sales.create(SaleDraft(uid, f"sale-{uid}", spec_to_json(spec), areas=areas))


async def read(executor: Executor, record: SaleRecord) -> SaleHead:
    return await SaleCalls(executor).read(SaleRef(record.uid, record.epoch))


async def lose(executor: Executor, uid: str) -> None:
    """What FLUSHALL would do, to one sale."""
    await SaleCalls(executor).remove(uid)


async def test_new_sale_is_usable_with_all_its_stock(
    installer: Installer, executor: Executor, ledger: Ledger
) -> None:
    record = await make_record(ledger)
    await installer.install(record)
    head = await read(executor, record)
    assert (head.revision, head.lifecycle, head.settings_version) == (1, "live", 1)
    assert head.units == Units(free=50)
    assert head.times == SaleTimes()
    ref = SaleRef(record.uid, 1)
    assert (await LineCalls(executor).join_line(ref, 3, 100)).first == 1
    assert (await ledger.sales.read_uid(record.uid)).provisioned


async def test_installing_again_changes_nothing(
    installer: Installer, executor: Executor, ledger: Ledger
) -> None:
    """Given a sale in use, when another process installs the same epoch, the line stays."""
    record = await make_record(ledger)
    await installer.install(record)
    ref = SaleRef(record.uid, 1)
    await LineCalls(executor).join_line(ref, 3, 100)
    await installer.install(record)
    assert (await LineCalls(executor).join_line(ref, 1, 100)).first == 4


async def test_many_installers_make_one_sale(
    installer: Installer, executor: Executor, ledger: Ledger
) -> None:
    record = await make_record(ledger)
    await asyncio.gather(*(installer.install(record) for _ in range(8)))
    assert (await read(executor, record)).units == Units(free=50)


async def test_line_is_not_installed_under_a_sale_in_use(
    installer: Installer, executor: Executor, ledger: Ledger
) -> None:
    """Given an installer that was slow between stock and line, its line write is refused."""
    record = await make_record(ledger)
    await installer.install(record)

    code = await LineCalls(executor).install_line(
        SaleRef(record.uid, 1), LineSettings().terms, LineCheckpoint(ceiling=0)
    )
    assert code is Code.UNCHANGED


async def test_rebuild_starts_a_higher_epoch_and_says_so(
    installer: Installer, executor: Executor, ledger: Ledger
) -> None:
    record = await make_record(ledger)
    await installer.install(record)
    await lose(executor, record.uid)
    with pytest.raises(StoreBehind):
        await read(executor, record)
    rebuilt = await installer.rebuild(await ledger.sales.read_uid(record.uid))
    head = await read(executor, rebuilt)
    assert (rebuilt.epoch, head.revision) == (2, first_revision(2))
    with pytest.raises(EpochChanged):
        await read(executor, record)
    ((_, fields),) = await executor.command("XRANGE", keys.events(record.uid), "-", "+")
    body = msgspec.msgpack.decode(fields[5])
    assert (body["type"], body["id"]) == ("inventory.rebuilt", f"{record.uid}.2-1")


async def test_numbers_resume_above_the_promised_ceiling(
    installer: Installer, executor: Executor, ledger: Ledger
) -> None:
    record = await make_record(ledger)
    await installer.install(record)
    await ledger.sales.raise_ceiling(record.uid, epoch=1, ceiling=1000)
    calls, ref = LineCalls(executor), SaleRef(record.uid, 1)
    await calls.join_line(ref, 10, 1000)
    advanced = await calls.advance_line(ref)
    await ledger.checkpoints.save(
        line_checkpoint(record.uid, 1, advanced.status, await calls.read_calls(ref))
    )
    await calls.join_line(ref, 5, 1000)
    await lose(executor, record.uid)
    rebuilt = await installer.rebuild(await ledger.sales.read_uid(record.uid))
    ref = SaleRef(record.uid, rebuilt.epoch)
    joined = await calls.join_line(ref, 1, 2000)
    assert joined.first == 1001
    status = (await calls.advance_line(ref)).status
    assert status.gaps == ((11, 1000),)


async def test_loss_before_the_first_checkpoint_keeps_numbers_unique(
    installer: Installer, executor: Executor, ledger: Ledger
) -> None:
    record = await make_record(ledger)
    await installer.install(record)
    await ledger.sales.raise_ceiling(record.uid, epoch=1, ceiling=500)
    await LineCalls(executor).join_line(SaleRef(record.uid, 1), 10, 500)
    await lose(executor, record.uid)
    rebuilt = await installer.rebuild(await ledger.sales.read_uid(record.uid))
    joined = await LineCalls(executor).join_line(SaleRef(record.uid, rebuilt.epoch), 1, 900)
    assert joined.first == 501


async def test_several_processes_notice_one_loss(
    installer: Installer, executor: Executor, ledger: Ledger
) -> None:
    record = await make_record(ledger)
    await installer.install(record)
    await lose(executor, record.uid)
    known = await ledger.sales.read_uid(record.uid)
    rebuilt = await asyncio.gather(*(installer.rebuild(known) for _ in range(6)))
    assert {one.epoch for one in rebuilt} == {2}
    assert (await read(executor, rebuilt[0])).units == Units(free=50)


async def test_overtaken_installer_is_fenced(
    installer: Installer, executor: Executor, ledger: Ledger
) -> None:
    """Given an installer of epoch 1 that slept through a rebuild, it can write nothing any more."""
    record = await make_record(ledger)
    await installer.install(record)
    rebuilt = await installer.rebuild(await ledger.sales.read_uid(record.uid))
    with pytest.raises(InstallFenced):
        await installer.install(record)
    assert (await read(executor, rebuilt)).units == Units(free=50)


async def test_restore_tells_a_loss_from_an_installation_under_way(
    installer: Installer, executor: Executor, ledger: Ledger
) -> None:
    record = await make_record(ledger)
    assert (await installer.restore(record)).epoch == 1
    known = await ledger.sales.read_uid(record.uid)
    await executor.command("DEL", keys.sale(record.uid))
    assert (await installer.restore(known)).epoch == 1
    await lose(executor, record.uid)
    assert (await installer.restore(known)).epoch == 2


async def test_store_time_never_falls_below_the_checkpoint(
    installer: Installer, executor: Executor, ledger: Ledger, clock: Clock
) -> None:
    """Given a store whose clock runs behind after a failover, time goes on where it was."""
    record = await make_record(ledger)
    await installer.install(record)
    calls, ref = LineCalls(executor), SaleRef(record.uid, 1)
    await calls.join_line(ref, 1, 10)
    advanced = await calls.advance_line(ref)
    await ledger.checkpoints.save(
        line_checkpoint(record.uid, 1, advanced.status, await calls.read_calls(ref))
    )
    await lose(executor, record.uid)
    await clock.advance(-3600)
    rebuilt = await installer.rebuild(await ledger.sales.read_uid(record.uid))
    assert (await read(executor, rebuilt)).now_ms >= advanced.now_ms


async def test_remove_leaves_no_key(
    installer: Installer, executor: Executor, ledger: Ledger
) -> None:
    record, other = await make_record(ledger), await make_record(ledger)
    await installer.install(record)
    await installer.install(other)
    await LineCalls(executor).join_line(SaleRef(record.uid, 1), 3, 100)
    assert await SaleCalls(executor).remove(record.uid) > 1
    assert await executor.command("KEYS", keys.pattern(record.uid)) == []
    assert (await read(executor, other)).units == Units(free=50)


def test_revisions_of_a_later_epoch_are_above_all_earlier_ones() -> None:
    assert first_revision(1) == 1
    assert first_revision(3) - first_revision(2) == 2**36
    assert first_revision(2**17) < 2**53
