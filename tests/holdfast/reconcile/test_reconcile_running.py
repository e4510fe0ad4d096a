"""Reconciliation of a sale that runs on: what is wrong is told though every count moves meanwhile.

Catches differences worded by counts that go on: no two readings of a busy area say the same, so
nothing of it was ever believed.
"""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import delete
from support.ledger.small_sale import payment
from support.sales.worker import Worker

from holdfast.reconcile import Reconciliation, reconcile
from holdfast.reconcile.comparing import DifferenceKind, differences
from holdfast.reconcile.reading import Reader
from holdfast.sales.plans import PlanCache
from holdfast_inventory.holds.hold_requests import AreaRequest, BuyerRef, HoldBody, resolve
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.confirm import ConfirmService
from holdfast_ledger.database.schema import orders
from holdfast_lua.calls import keys
from holdfast_lua.calls.records import HoldRecord

NAME = "finale"
PAUSE_SECONDS = 0.05
SOLD_UNTIL = 64
"""visits of one buyer: the floor has to last"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough that the next reading finds other counts."""
    monkeypatch.setattr("holdfast.reconcile.running.PAUSE_SECONDS", PAUSE_SECONDS)


@pytest.fixture
async def running(worker: Worker) -> AsyncIterator[str]:
    """A sale in which somebody holds more and more of the floor, one unit at a time; its uid."""
    sale = await worker.create(NAME)

    async def buy_on() -> None:
        while True:
            await hold_floor(worker, 1)
            await asyncio.sleep(PAUSE_SECONDS / 2)

    buying = asyncio.create_task(buy_on())
    yield sale.uid
    buying.cancel()
    await asyncio.gather(buying, return_exceptions=True)


async def hold_floor(worker: Worker, quantity: int) -> HoldRecord:
    inventory = (await worker.directory.get(NAME)).inventory
    body = HoldBody(areas=(AreaRequest("floor", quantity),))
    buyer = BuyerRef(secrets.token_hex(4), "key:test")
    hold_request = resolve(body, inventory.plan, inventory.settings)
    answer = await inventory.hold(hold_request, buyer, key=secrets.token_hex(8), digest="digest")
    assert answer.hold is not None
    return answer.hold


async def compared(worker: Worker, *, repair: bool = False) -> Reconciliation:
    reader = Reader(worker.executor, worker.ledger, PlanCache(worker.ledger))
    return await reconcile(reader, NAME, repair=repair)


async def test_counters_that_are_out_are_told_while_they_move(worker: Worker, running: str) -> None:
    await worker.executor.command("HINCRBY", keys.sale(running), "a0f", -3)
    found = (await compared(worker)).differences
    assert {(one.kind, one.where) for one in found} == {
        (DifferenceKind.COUNTED, "area floor"),
        (DifferenceKind.COUNTED, "sale"),
    }
    assert "+3 booked and +0 held" in found[0].store


async def test_booking_of_units_that_is_no_sale_is_taken_back_while_others_buy(
    worker: Worker, running: str
) -> None:
    """Given an order of units that somebody deleted in SQL."""
    background = BackgroundTasks()
    hold = await hold_floor(worker, 2)
    await ConfirmService(background).confirm(await worker.context(NAME), hold.id, payment(hold))
    await background.drain()
    async with worker.ledger.database.writing() as connection:
        await connection.execute(delete(orders).where(orders.c.id == hold.id))

    found = (await compared(worker, repair=True)).repaired

    assert [(one.kind, one.where, one.order) for one in found] == [
        (DifferenceKind.SOLD, "area floor", hold.id)
    ]
    states = await (await worker.directory.get(NAME)).inventory.calls.read_hold(
        (await worker.directory.get(NAME)).inventory.ref, hold.id
    )
    assert states.hold is not None
    assert states.hold.status.ended


async def test_map_and_holds_of_a_reading_are_of_one_moment(worker: Worker) -> None:
    """Given buyers who never pause, holds and counters of no single reading differ.

    Catches holds that are compared as they are some pages later.
    """
    await worker.create(NAME)
    reader = Reader(worker.executor, worker.ledger, PlanCache(worker.ledger))
    running = [asyncio.create_task(buy_and_give_back(worker)) for _ in range(4)]
    try:
        found, moved = set(), 0
        for _ in range(20):
            record = await worker.ledger.sales.read(NAME)
            assert record is not None
            reading = await reader.read(record, await reader.inventory(record))
            found |= {
                one
                for one in differences(reading)
                if one.kind in (DifferenceKind.HELD, DifferenceKind.COUNTED)
            }
            moved = max(moved, reading.map.cursor[1])
        assert found == set()
        assert moved > 100
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def buy_and_give_back(worker: Worker) -> None:
    """Everything that changes what a hold has: held, extended, released, sold."""
    context = await worker.context(NAME)
    inventory = (await worker.directory.get(NAME)).inventory
    for visit in itertools.count():
        hold = await hold_floor(worker, 1)
        if visit % 8 == 7 and visit < SOLD_UNTIL:
            await ConfirmService(BackgroundTasks()).confirm(context, hold.id, payment(hold))
        else:
            await inventory.extend(hold.id, owner="", version=0)
            await inventory.release(hold.id, owner="", version=0)
        pair = await worker.hold(NAME, secrets.token_hex(8), buyer=secrets.token_hex(4))
        await inventory.release(pair.id, owner="", version=0)


async def test_seat_that_two_holds_have_is_told(worker: Worker) -> None:
    """Given a seat freed by hand in the store, and held again by somebody else."""
    sale = await worker.create(NAME)
    first = await worker.hold(NAME, "one")
    for seat in first.seats:
        await worker.executor.command("SETRANGE", keys.seats(sale.uid), seat, "f")
    await worker.executor.command("HINCRBY", keys.sale(sale.uid), "free", 2)
    await worker.executor.command("HINCRBY", keys.sale(sale.uid), "held", -2)
    inventory = (await worker.directory.get(NAME)).inventory
    body = HoldBody(seats=tuple(inventory.plan.guids[seat] for seat in first.seats))
    hold_request = resolve(body, inventory.plan, inventory.settings)
    second = (
        await inventory.hold(hold_request, BuyerRef("bob", "key:test"), key="two", digest="d")
    ).hold
    assert second is not None

    found = (await compared(worker)).differences

    assert {(one.kind, one.where) for one in found} == {
        (DifferenceKind.HELD, f"seat {guid}") for guid in body.seats
    }
    assert all(first.id in one.store and second.id in one.store for one in found)
