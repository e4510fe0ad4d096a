import asyncio
from pathlib import Path

import pytest
from support.http.refusals import refusal_of
from support.ledger.orders import statements
from support.sales.worker import NAME, Worker, until

from holdfast.sales.directory import SaleDirectory
from holdfast_ledger import Actor, SaleRecord
from holdfast_lua.errors import EpochChanged
from holdfast_web.errors import ErrorCode


async def is_unknown(directory: SaleDirectory, name: str) -> None:
    assert (await refusal_of(directory.get(name))).code is ErrorCode.UNKNOWN_SALE


async def test_sale_is_found_though_it_was_asked_for_before_it_was_made(
    worker: Worker, tmp_path: Path
) -> None:
    """Given a worker that was asked for a name in vain, it finds the sale once it is made."""
    newcomer = worker.newcomer()
    await is_unknown(newcomer.directory, NAME)
    await worker.create(NAME)
    await worker.create("another")
    assert (await newcomer.directory.get(NAME)).name == NAME

    async def both() -> bool:
        return len(leading.discovery.catalogue) == 2

    async with worker.newcomer().leading(tmp_path) as leading:
        await until(both)


async def test_sale_is_found_though_a_load_under_way_began_before_it_was_made(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer, has_read, made = worker.newcomer(), asyncio.Event(), asyncio.Event()
    read = worker.ledger.sales.read

    async def slow(name: str) -> SaleRecord | None:
        found = await read(name)
        has_read.set()
        await made.wait()
        return found

    monkeypatch.setattr(newcomer.ledger.sales, "read", slow)
    early = asyncio.create_task(newcomer.directory.activate(NAME))
    await has_read.wait()
    monkeypatch.setattr(newcomer.ledger.sales, "read", read)
    await worker.create(NAME)
    late = asyncio.create_task(newcomer.directory.get(NAME))
    await asyncio.sleep(0.1)
    made.set()
    assert (await late).name == NAME
    assert await early is None


async def test_sale_is_found_by_who_asks_when_a_load_has_just_ended_that_found_none(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given who asks between the end of a load and those that hear of it."""
    newcomer, has_read, made, ends = worker.newcomer(), *(asyncio.Event() for _ in range(3))
    read = worker.ledger.sales.read

    async def slow(name: str) -> SaleRecord | None:
        found = await read(name)
        has_read.set()
        await made.wait()
        ends.set()
        return found

    async def asks() -> str:
        await ends.wait()
        return (await newcomer.directory.get(NAME)).name

    monkeypatch.setattr(newcomer.ledger.sales, "read", slow)
    early = asyncio.create_task(newcomer.directory.activate(NAME))
    await has_read.wait()
    monkeypatch.setattr(newcomer.ledger.sales, "read", read)
    await worker.create(NAME)
    late = asyncio.create_task(asks())
    await asyncio.sleep(0)
    made.set()
    assert await late == NAME
    assert await early is None


@pytest.mark.parametrize("was_idle", [False, True])
async def test_sale_that_is_deleted_while_it_is_loaded_is_unknown(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, was_idle: bool
) -> None:
    """Given that its record is read before it is deleted, and its state in the store after."""
    await worker.create(NAME)
    newcomer = worker.newcomer()
    if was_idle:
        newcomer.directory.deactivate(await newcomer.directory.get(NAME))
    await worker.operations.change_lifecycle(NAME, "close", Actor("test"))
    read = worker.ledger.sales.read

    async def late(name: str) -> SaleRecord | None:
        monkeypatch.setattr(newcomer.ledger.sales, "read", read)
        found = await read(name)
        if not deleted.is_set():
            deleted.set()
            await worker.operations.delete(NAME, Actor("test"))
        return found

    deleted = asyncio.Event()
    monkeypatch.setattr(newcomer.ledger.sales, "read", late)
    await is_unknown(newcomer.directory, NAME)
    assert deleted.is_set()


async def test_worker_that_took_settings_of_an_epoch_before_it_was_installed_goes_over_to_it(
    worker: Worker,
) -> None:
    """Given a rebuild that has ended the epoch and not installed the next one, when a PATCH comes.

    The worker then has a record of the next epoch, and goes on in the one that it was loaded in.
    """
    sale = await worker.create(NAME)
    await worker.ledger.sales.bump_epoch(sale.uid, seen_epoch=1)
    await worker.operations.patch(NAME, {"new_users_per_minute": 120}, Actor("test"))
    assert (sale.record.epoch, sale.ref.epoch) == (2, 1)
    await worker.newcomer().directory.get(NAME)
    with pytest.raises(EpochChanged) as told:
        await sale.room.tick()
    await worker.directory.repair(sale, told.value)
    loaded = await worker.directory.get(NAME)
    await loaded.room.tick()
    assert loaded.ref.epoch == 2


async def test_unknown_names_cost_a_query_a_round_however_many_they_are(worker: Worker) -> None:
    """Given fifty clients that each ask for five names one after the other, beside a real one."""
    await worker.create(NAME)
    directory = worker.newcomer().directory

    async def client(number: int) -> None:
        for at in range(5):
            await is_unknown(directory, f"made-up-{number}-{at}")

    with statements(worker.ledger) as made:
        await asyncio.gather(*(client(number) for number in range(50)))
    assert 1 <= len(made) <= 6
    assert (await directory.get(NAME)).name == NAME


@pytest.mark.parametrize("name", ["\0", "a\0", "\udcff", "A", "-a", "a\n", "a/b", "", "a" * 64])
async def test_name_that_no_sale_can_have_is_unknown_and_no_question_to_the_ledger(
    worker: Worker, name: str
) -> None:
    with statements(worker.ledger) as made:
        await is_unknown(worker.directory, name)
    assert made == []
