"""A worker crashes while a sale is made, replaced, deleted or rebuilt, and others go on.

A real process crashes at each step. What it leaves is then found by a worker that goes on, or by
one that starts; the names of the steps are the rows of docs/correctness.md.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.crashes.crashing_worker import CrashingWorker
from support.sales.worker import (
    NAME,
    Worker,
    audited,
    head_of,
    lose,
    rebuilt,
    reconciled,
    record_of,
    sell,
    until,
)

from holdfast.processes.leadership import Leadership
from holdfast_inventory.holds import seat_blocks as blocking
from holdfast_ledger import Actor
from holdfast_lua.calls import keys


@pytest.mark.parametrize(
    "step",
    [
        "after sales.create",
        "after install_inventory",
        "after install_line",
        "after sales.bind_store",
        "after install_sale",
        "after sales.set_provisioned",
    ],
)
async def test_creation_that_broke_off_is_finished_and_then_lost_like_any(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, step: str
) -> None:
    """A sale whose creator died is found, sells, and is rebuilt with what it sold."""
    await crash("put", step)
    async with worker.leading(tmp_path):
        await until(lambda: _finished(worker))
    sold = await sell(worker, NAME, "first")
    fresh = await rebuilt(worker, NAME)
    assert (await head_of(fresh, NAME)).units.booked == 2
    assert not set(sold) & set((await fresh.hold(NAME, "second")).seats)


async def _finished(worker: Worker) -> bool:
    record = await record_of(worker, NAME)
    return record.installed_epoch == record.epoch


@pytest.mark.parametrize("recreated", [False, True])
async def test_deletion_that_broke_off_is_seen_by_those_who_serve_it(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, recreated: bool
) -> None:
    """Given a worker that knows the sale, and no leader: it lets go, and the keys are gone."""
    await worker.create(NAME)
    await worker.operations.change_lifecycle(NAME, "close", Actor("test"))
    before = await record_of(worker, NAME)
    await crash("delete", "after sales.delete")
    assert await worker.ledger.sales.read(NAME) is None
    if recreated:
        await crash("put", "after sales.create")

    async def left() -> bool:
        known = worker.directory.loaded(NAME)
        if known is not None and known.uid == before.uid:
            return False
        return not await worker.executor.command("KEYS", keys.pattern(before.uid))

    await _while_another_leads(worker, tmp_path, left)
    again = await worker.directory.get(NAME) if recreated else await worker.create(NAME)
    assert again.uid != before.uid
    assert (await worker.hold(NAME, "key")).units == 2
    await reconciled(worker, NAME)


@pytest.mark.parametrize(
    "step",
    [
        "after sales.replace",
        "after install_inventory",
        "after install_line",
        "after sales.bind_store",
        "after install_sale",
        "after sales.set_provisioned",
    ],
)
async def test_replacement_that_broke_off_comes_into_force(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, step: str
) -> None:
    """Given a worker that knows the sale as it was before: it serves the new one, then sells."""
    old = await worker.create(NAME)
    await crash("replace", step)

    async def replaced() -> bool:
        known = worker.directory.loaded(NAME)
        return known is not None and known.record.epoch == old.record.epoch + 1

    await _while_another_leads(worker, tmp_path, replaced)
    assert (await head_of(worker, NAME)).units.free == 80
    await sell(worker, NAME, "first")
    await reconciled(await rebuilt(worker, NAME), NAME)


async def _while_another_leads(
    worker: Worker, tmp_path: Path, condition: Callable[[], Awaitable[bool]]
) -> None:
    """What this worker finds out by itself."""
    leader = Leadership(tmp_path)
    assert leader.held()
    async with worker.leading(tmp_path):
        await until(condition)
    leader.close()


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (("put", "after sales.create"), "sale.put"),
        (("patch", "after sales.patch"), "sale.patch"),
        (("pause", "after sales.set_lifecycle"), "sale.pause"),
        (("close", "after change_lifecycle"), "sale.lifecycle_adopted"),
        (("replace", "after sales.replace"), "sale.put"),
        (("delete", "after sales.delete"), "sale.delete"),
    ],
)
async def test_change_that_broke_off_is_in_the_audit_with_the_ledgers_own_write(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, broken: tuple[str, str], line: str
) -> None:
    action, step = broken
    if action != "put":
        await worker.create(NAME)
    if action == "delete":
        await worker.operations.change_lifecycle(NAME, "close", Actor("test"))
    before = await audited(worker, NAME)
    await crash(action, step)
    async with worker.leading(tmp_path):
        await until(lambda: _audited_after(worker, before))
    assert (await audited(worker, NAME))[len(before) :] == [line]


async def _audited_after(worker: Worker, before: list[str]) -> bool:
    return len(await audited(worker, NAME)) > len(before)


@pytest.mark.parametrize(
    "step",
    [
        "after sales.bump_epoch",
        "after install_inventory",
        "after install_buyers",
        "after install_holds",
        "after install_line",
        "after sales.bind_store",
        "after install_sale",
    ],
)
async def test_rebuild_that_broke_off_is_finished_by_the_next(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    await worker.create(NAME)
    sold = await sell(worker, NAME, "first")
    await _block_two(worker)
    await lose(worker, NAME)
    await crash("load", step)
    fresh = worker.newcomer()
    sale = await fresh.directory.get(NAME)
    head = await head_of(fresh, NAME)
    assert (sale.record.epoch, head.units.booked, head.units.blocked) == (2, 2, 2)
    kinds = [event.kind for event in (await sale.inventory.events(None, 100)).events]
    assert kinds.count("inventory.rebuilt") == 1
    assert not set(sold) & set((await fresh.hold(NAME, "second")).seats)
    await reconciled(fresh, NAME)


async def _block_two(worker: Worker) -> None:
    context = await worker.context(NAME)
    states = (await context.inventory.calls.read_seats(context.inventory.ref)).states
    free = [seat for seat, state in enumerate(states) if state == ord("f")]
    await blocking.block(context, free[-2:])
