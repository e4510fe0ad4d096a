"""Reconciliation finds and repairs each difference made by hand, and calls nothing else one."""

import asyncio

import pytest
from sqlalchemy import delete, insert, update
from support.ledger.small_sale import payment
from support.sales.worker import Worker

from holdfast.reconcile import Reconciliation, reconcile
from holdfast.reconcile.comparing import DifferenceKind
from holdfast.reconcile.reading import Reader
from holdfast.sales.plans import PlanCache
from holdfast_inventory.holds import seat_blocks as blocking
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.confirm import ConfirmService
from holdfast_ledger.database.schema import area_sold, orders, sold
from holdfast_lua.calls import keys
from holdfast_lua.calls.sale import SaleCalls

NAME = "finale"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause between readings is there for what is on its way; nothing is, here."""
    monkeypatch.setattr("holdfast.reconcile.running.PAUSE_SECONDS", 0.02)


async def compared(
    worker: Worker, *, repair: bool = False, rebuild: bool = False
) -> Reconciliation:
    reader = Reader(worker.executor, worker.ledger, PlanCache(worker.ledger))
    return await reconcile(reader, NAME, repair=repair, rebuild=rebuild)


async def buy(worker: Worker, key: str) -> tuple[str, tuple[int, ...]]:
    background = BackgroundTasks()
    hold = await worker.hold(NAME, key, buyer=f"buyer-{key}")
    await ConfirmService(background).confirm(await worker.context(NAME), hold.id, payment(hold))
    await background.drain()
    return hold.id, hold.seats


async def busy_sale(worker: Worker) -> str:
    """A sale with something of everything; its uid."""
    sale = await worker.create(NAME)
    await buy(worker, "one")
    await worker.hold(NAME, "two", buyer="bob")
    await blocking.block(await worker.context(NAME), [19])
    return sale.uid


async def test_sale_that_is_well_has_no_difference(worker: Worker) -> None:
    await busy_sale(worker)
    result = await compared(worker)
    assert result.differences == []
    assert (result.compared["seats"], result.compared["areas"]) == (20, 1)
    assert (result.compared["holds"], result.compared["orders"]) == (2, 1)
    assert result.compared["events"] >= 4


async def kinds_then_repaired(worker: Worker, *, rebuild: bool = False) -> set[DifferenceKind]:
    """What is found without a repair, and that nothing is left after one."""
    found = (await compared(worker)).differences
    again = await compared(worker, repair=True, rebuild=rebuild)
    assert again.differences == []
    assert again.repaired
    assert (await compared(worker)).differences == []
    return {one.kind for one in found}


async def test_sale_that_the_store_never_heard_of_is_booked(worker: Worker) -> None:
    """Given a sold order by hand in SQL, on seats that the store has free."""
    uid = await busy_sale(worker)
    order_id, seats = await buy(worker, "three")
    inventory = (await worker.directory.get(NAME)).inventory
    async with worker.ledger.database.writing() as connection:
        # The order goes to another id, so that the store's hold is nobody's any more.
        for table, column in ((orders, orders.c.id), (sold, sold.c.order_id)):
            where = (table.c.sale_uid == uid) & (column == order_id)
            await connection.execute(update(table).where(where).values({column: "by-hand"}))
    found = (await compared(worker)).differences
    assert {one.kind for one in found} == {DifferenceKind.SOLD}
    assert {one.where for one in found} == {f"seat {inventory.plan.guids[seat]}" for seat in seats}
    assert await kinds_then_repaired(worker, rebuild=True) == {DifferenceKind.SOLD}


async def test_booking_that_is_no_sale_is_taken_back(worker: Worker) -> None:
    """Given an order that somebody deleted in SQL, the ledger wins: its seats are free again."""
    uid = await busy_sale(worker)
    order_id, seats = await buy(worker, "three")
    async with worker.ledger.database.writing() as connection:
        await connection.execute(delete(orders).where(orders.c.id == order_id))
        await connection.execute(delete(sold).where(sold.c.order_id == order_id))
    assert await kinds_then_repaired(worker) == {DifferenceKind.SOLD}
    states = await worker.executor.command("GET", keys.seats(uid))
    assert {chr(states[seat]) for seat in seats} == {"f"}


async def test_confirm_that_never_reached_the_store_is_told(worker: Worker) -> None:
    """Given a seat freed by hand in the store, with its hold as it was."""
    uid = await busy_sale(worker)
    _, seats = await buy(worker, "three")
    await worker.executor.command("SETRANGE", keys.seats(uid), seats[0], "f")
    found = (await compared(worker)).differences
    assert {one.kind for one in found} == {DifferenceKind.SOLD, DifferenceKind.COUNTED}
    told_only = await compared(worker, repair=True)
    assert told_only.differences, "the hold says that it is booked: only a rebuild repairs the map"
    assert DifferenceKind.SOLD in await kinds_then_repaired(worker, rebuild=True)


@pytest.mark.parametrize("blocked", [True, False])
async def test_blocks_that_differ_are_repaired(worker: Worker, blocked: bool) -> None:
    """By hand in the store: a block that nobody wanted, one that is missing."""
    await busy_sale(worker)
    inventory = (await worker.directory.get(NAME)).inventory
    await (inventory.block([18]) if blocked else inventory.unblock([19]))
    assert await kinds_then_repaired(worker) == {DifferenceKind.BLOCKED}


async def test_counters_of_an_area_are_rebuilt(worker: Worker) -> None:
    uid = await busy_sale(worker)
    await worker.executor.command("HINCRBY", keys.sale(uid), "a0f", -3)
    assert await kinds_then_repaired(worker, rebuild=True) == {DifferenceKind.COUNTED}


async def test_seat_held_by_nobody_is_rebuilt(worker: Worker) -> None:
    uid = await busy_sale(worker)
    await worker.executor.command("SETRANGE", keys.seats(uid), 10, "h")
    found = await kinds_then_repaired(worker, rebuild=True)
    assert found == {DifferenceKind.HELD, DifferenceKind.COUNTED}


async def test_map_that_the_events_contradict_is_told(worker: Worker) -> None:
    """Given a hold that was removed whole and well, but for its event."""
    uid = await busy_sale(worker)
    hold = await worker.hold(NAME, "three", buyer="carol")
    inventory = (await worker.directory.get(NAME)).inventory
    await inventory.release(hold.id, owner="", version=0)
    last = await worker.executor.command("XREVRANGE", keys.events(uid), "+", "-", "COUNT", 1)
    await worker.executor.command("XDEL", keys.events(uid), last[0][0])
    assert await kinds_then_repaired(worker, rebuild=True) == {DifferenceKind.TOLD}


async def test_lifecycle_is_noted(worker: Worker) -> None:
    await busy_sale(worker)
    await (await worker.directory.get(NAME)).room.change_lifecycle("pause")
    assert await kinds_then_repaired(worker) == {DifferenceKind.LIFECYCLE}
    record = await worker.ledger.sales.read(NAME)
    assert record is not None
    assert record.lifecycle == "paused"


async def test_ledger_that_contradicts_itself_is_left_to_a_human(worker: Worker) -> None:
    uid = await busy_sale(worker)
    async with worker.ledger.database.writing() as connection:
        row = {"sale_uid": uid, "seat": 15, "order_id": "nobody"}
        await connection.execute(insert(sold), [row])
        await connection.execute(update(area_sold).values(sold=area_sold.c.sold + 2))
    found = (await compared(worker, repair=True)).differences
    assert DifferenceKind.LEDGER in {one.kind for one in found}


async def test_lost_store_is_told_and_rebuilt(worker: Worker) -> None:
    uid = await busy_sale(worker)
    await SaleCalls(worker.executor).remove(uid)
    assert {one.kind for one in (await compared(worker)).differences} == {DifferenceKind.LOST}
    assert await kinds_then_repaired(worker) == {DifferenceKind.LOST}


async def test_running_sale_has_no_difference_and_keeps_its_real_one(worker: Worker) -> None:
    """Given buyers who hold, confirm and release all the time, only what is wrong is told."""
    await busy_sale(worker)
    running = [asyncio.create_task(_churn(worker, number)) for number in range(3)]
    try:
        for _ in range(5):
            assert (await compared(worker)).differences == []
        await (await worker.directory.get(NAME)).inventory.unblock([19])
        result = await compared(worker, repair=True)
        assert [(one.kind, one.where) for one in result.repaired] == [
            (DifferenceKind.BLOCKED, "seat r2s10")
        ]
        assert result.differences == []
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _churn(worker: Worker, number: int) -> None:
    visit = 0
    inventory = (await worker.directory.get(NAME)).inventory
    while True:
        visit += 1
        hold = await worker.hold(NAME, f"{number}-{visit}", buyer=f"churn-{number}-{visit}")
        if visit == 2:
            await ConfirmService(BackgroundTasks()).confirm(
                await worker.context(NAME), hold.id, payment(hold)
            )
        else:
            await inventory.release(hold.id, owner="", version=0)
        await asyncio.sleep(0)
