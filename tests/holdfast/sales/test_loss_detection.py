"""What a worker that has just started finds out about a store, and about passes of the past."""

import asyncio

import msgspec
import pytest
from conftest import Clock
from support.http.refusals import refusal_of
from support.ledger.small_sale import payment
from support.sales.worker import NAME, Worker

from holdfast_inventory.holds.hold_requests import BestAvailable, BuyerRef, HoldBody, resolve
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.confirm import ConfirmService
from holdfast_ledger import Actor
from holdfast_lua.calls import keys
from holdfast_lua.calls.sale import SaleCalls
from holdfast_web.credentials import PassClaims
from holdfast_web.errors import ErrorCode, HoldfastError


async def snapshot(worker: Worker) -> dict[bytes, bytes]:
    """Every key of the sale, as the store would dump it."""
    uid = (await worker.directory.get(NAME)).uid
    names = await worker.executor.command("KEYS", keys.pattern(uid))
    return {name: await worker.executor.command("DUMP", name) for name in names}


async def go_back(worker: Worker, kept: dict[bytes, bytes]) -> None:
    """The store is what it was: nothing in it shows that more had happened."""
    await SaleCalls(worker.executor).remove((await worker.directory.get(NAME)).uid)
    for name, value in kept.items():
        await worker.executor.command("RESTORE", name, 0, value)


async def sell(worker: Worker, key: str) -> tuple[int, ...]:
    background = BackgroundTasks()
    hold = await worker.hold(NAME, key, buyer=key)
    await ConfirmService(background).confirm(await worker.context(NAME), hold.id, payment(hold))
    await background.drain()
    return hold.seats


async def test_checkpoint_gives_away_a_store_that_went_back(worker: Worker) -> None:
    """Given no sale since, only places in line, the revision of the checkpoint tells."""
    await worker.create(NAME, queue_all=True)
    sale = await worker.directory.get(NAME)
    await worker.join(NAME)
    kept = await snapshot(worker)
    numbers = [(await sale.room.join()).ticket.number for _ in range(5)]
    await sale.room.tick()
    await worker.builder.checkpoint(sale)
    await go_back(worker, kept)
    fresh = worker.newcomer()
    assert (await fresh.directory.get(NAME)).record.epoch == 2
    later = (await (await fresh.directory.get(NAME)).room.join()).ticket.number
    assert later not in numbers


async def test_sold_seats_give_away_a_store_without_a_checkpoint(worker: Worker) -> None:
    await worker.create(NAME)
    await sell(worker, "first")
    kept = await snapshot(worker)
    sold = await sell(worker, "second")
    await go_back(worker, kept)
    fresh = worker.newcomer()
    assert (await fresh.directory.get(NAME)).record.epoch == 2
    assert not set(sold) & set((await fresh.hold(NAME, "third", buyer="third")).seats)


async def test_store_that_is_up_to_date_is_believed(worker: Worker) -> None:
    """Given sales, refunds under way or not, a new worker rebuilds nothing."""
    await worker.create(NAME)
    sale = await worker.directory.get(NAME)
    await sell(worker, "first")
    await worker.hold(NAME, "second", buyer="bob")
    await sale.room.tick()
    await worker.builder.checkpoint(sale)
    assert (await worker.newcomer().directory.get(NAME)).record.epoch == 1


async def admitted(worker: Worker) -> PassClaims:
    """A visitor inside, by the claims of their pass."""
    told = (await worker.claim(NAME, await worker.join(NAME))).granted
    expires = told.expires_at_ms // 1000
    return PassClaims(NAME, told.uid, told.pass_id, told.subject, expires, told.epoch)


async def hold_with(worker: Worker, claims: PassClaims, key: str) -> None:
    inventory = (await worker.directory.get(NAME)).inventory
    hold_request = resolve(
        HoldBody(best_available=BestAvailable(quantity=1)), inventory.plan, inventory.settings
    )
    expires_ms = claims.expires_at * 1000
    buyer = BuyerRef(claims.subject, "pass", claims.pass_id, claims.epoch, expires_ms)
    await inventory.hold(hold_request, buyer, key=key, digest="digest")


async def test_pass_of_a_lost_epoch_is_good_once_and_until_it_expires(
    worker: Worker, clock: Clock
) -> None:
    await worker.create(NAME)
    first, second, third = [await admitted(worker) for _ in range(3)]
    await SaleCalls(worker.executor).remove(first.uid)
    fresh = worker.newcomer()
    room = (await fresh.directory.get(NAME)).room
    # Given a rebuilt sale, the passes are good: for a hold, for a renewal
    await hold_with(fresh, first, "one")
    assert (await room.renew(second)).granted.pass_id == second.pass_id
    # but not after their session has ended in this epoch
    assert await room.end(first.pass_id)
    assert (await refusal_of(hold_with(fresh, first, "two"))).code is ErrorCode.PASS_ENDED
    # and not after they have expired
    await clock.advance(third.expires_at - await clock.now_ms() / 1000 + 1)
    assert (await refusal_of(room.renew(third))).code is ErrorCode.PASS_ENDED


async def test_pass_of_a_lost_epoch_is_good_for_two_requests_at_once(worker: Worker) -> None:
    """Given two clicks at once after a loss, neither is told that the session is over."""
    await worker.create(NAME)
    claims = await admitted(worker)
    await SaleCalls(worker.executor).remove(claims.uid)
    fresh = worker.newcomer()
    await fresh.directory.get(NAME)
    await asyncio.gather(hold_with(fresh, claims, "one"), hold_with(fresh, claims, "two"))


async def test_pass_that_ended_in_this_epoch_does_not_come_back(worker: Worker) -> None:
    await worker.create(NAME)
    claims = await admitted(worker)
    room = (await worker.directory.get(NAME)).room
    await room.end(claims.pass_id)
    with pytest.raises(HoldfastError):
        await hold_with(worker, claims, "one")
    with pytest.raises(HoldfastError):
        await room.renew(claims)


async def test_settings_and_lifecycle_survive_a_rebuild(worker: Worker) -> None:
    await worker.create(NAME)
    await worker.operations.patch(NAME, {"burst": 7, "message": "soon"}, Actor("test"))
    await worker.operations.change_lifecycle(NAME, "pause", Actor("test"))
    before = await worker.directory.get(NAME)
    await SaleCalls(worker.executor).remove(before.uid)
    after = await worker.newcomer().directory.get(NAME)
    assert after.room.document.line.lifecycle == "paused"
    assert msgspec.to_builtins(after.spec) == msgspec.to_builtins(before.spec)
    assert after.room.document.line.settings_version == before.record.settings_version


async def test_workers_that_notice_one_loss_rebuild_once(worker: Worker) -> None:
    """Given one between ending the epoch and installing the next, another one ends no more."""
    await worker.create(NAME)
    record = (await worker.directory.get(NAME)).record
    await SaleCalls(worker.executor).remove(record.uid)
    await worker.ledger.sales.bump_epoch(record.uid, seen_epoch=record.epoch)
    late = [worker.newcomer() for _ in range(4)]
    sales = await asyncio.gather(*(newcomer.directory.get(NAME) for newcomer in late))
    assert {sale.record.epoch for sale in sales} == {2}
