"""What a worker that has just started finds out about a store, and about passes of the past."""

import asyncio

import msgspec
import pytest
from conftest import Clock
from support.ledger.small_sale import payment
from support.sales.worker import NAME, House

from holdfast_inventory.holds.hold_requests import BestAvailable, BuyerRef, HoldBody, resolve
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.confirm import ConfirmService
from holdfast_lua.calls import keys
from holdfast_lua.calls.sale import SaleCalls
from holdfast_web.credentials import PassClaims
from holdfast_web.errors import ErrorCode, HoldfastError


async def snapshot(house: House) -> dict[bytes, bytes]:
    """Every key of the sale, as the store would dump it."""
    uid = (await house.directory.get(NAME)).uid
    names = await house.executor.command("KEYS", keys.pattern(uid))
    return {name: await house.executor.command("DUMP", name) for name in names}


async def go_back(house: House, kept: dict[bytes, bytes]) -> None:
    """The store is what it was: nothing in it shows that more had happened."""
    await SaleCalls(house.executor).remove((await house.directory.get(NAME)).uid)
    for name, value in kept.items():
        await house.executor.command("RESTORE", name, 0, value)


async def sell(house: House, key: str) -> tuple[int, ...]:
    background = BackgroundTasks()
    hold = await house.hold(NAME, key, buyer=key)
    await ConfirmService(background).confirm(await house.context(NAME), hold.id, payment(hold))
    await background.drain()
    return hold.seats


async def test_checkpoint_gives_away_a_store_that_went_back(house: House) -> None:
    """Given no sale since, only places in line, the revision of the checkpoint tells."""
    await house.create(NAME, queue_all=True)
    sale = await house.directory.get(NAME)
    await house.join(NAME)
    kept = await snapshot(house)
    numbers = [(await sale.room.join()).ticket.number for _ in range(5)]
    await sale.room.tick()
    await house.builder.checkpoint(sale)
    await go_back(house, kept)
    fresh = house.newcomer()
    assert (await fresh.directory.get(NAME)).record.epoch == 2
    later = (await (await fresh.directory.get(NAME)).room.join()).ticket.number
    assert later not in numbers


async def test_sold_seats_give_away_a_store_without_a_checkpoint(house: House) -> None:
    await house.create(NAME)
    await sell(house, "first")
    kept = await snapshot(house)
    sold = await sell(house, "second")
    await go_back(house, kept)
    fresh = house.newcomer()
    assert (await fresh.directory.get(NAME)).record.epoch == 2
    assert not set(sold) & set((await fresh.hold(NAME, "third", buyer="third")).seats)


async def test_store_that_is_up_to_date_is_believed(house: House) -> None:
    """Given sales, refunds under way or not, a new worker rebuilds nothing."""
    await house.create(NAME)
    sale = await house.directory.get(NAME)
    await sell(house, "first")
    await house.hold(NAME, "second", buyer="bob")
    await sale.room.tick()
    await house.builder.checkpoint(sale)
    assert (await house.newcomer().directory.get(NAME)).record.epoch == 1


async def admitted(house: House) -> PassClaims:
    """A visitor inside, by the claims of their pass."""
    told = (await house.claim(NAME, await house.join(NAME))).granted
    expires = told.expires_at_ms // 1000
    return PassClaims(NAME, told.uid, told.pass_id, told.subject, expires, told.epoch)


async def hold_with(house: House, claims: PassClaims, key: str) -> None:
    inventory = (await house.directory.get(NAME)).inventory
    hold_request = resolve(
        HoldBody(best_available=BestAvailable(quantity=1)), inventory.plan, inventory.settings
    )
    expires_ms = claims.expires_at * 1000
    buyer = BuyerRef(claims.subject, "pass", claims.pass_id, claims.epoch, expires_ms)
    await inventory.hold(hold_request, buyer, key=key, digest="digest")


async def test_pass_of_a_lost_epoch_is_good_once_and_until_it_expires(
    house: House, clock: Clock
) -> None:
    await house.create(NAME)
    first, second, third = [await admitted(house) for _ in range(3)]
    await SaleCalls(house.executor).remove(first.uid)
    fresh = house.newcomer()
    room = (await fresh.directory.get(NAME)).room
    # Given a rebuilt sale, the passes are good: for a hold, for a renewal
    await hold_with(fresh, first, "one")
    assert (await room.renew(second)).granted.pass_id == second.pass_id
    # but not after their session has ended in this epoch
    assert await room.end(first.pass_id)
    with pytest.raises(HoldfastError) as over:
        await hold_with(fresh, first, "two")
    assert over.value.code is ErrorCode.PASS_ENDED
    # and not after they have expired
    await clock.advance(third.expires_at - await clock.now_ms() / 1000 + 1)
    with pytest.raises(HoldfastError) as expired:
        await room.renew(third)
    assert expired.value.code is ErrorCode.PASS_ENDED


async def test_pass_of_a_lost_epoch_is_good_for_two_requests_at_once(house: House) -> None:
    """Given two clicks at once after a loss, neither is told that the session is over."""
    await house.create(NAME)
    claims = await admitted(house)
    await SaleCalls(house.executor).remove(claims.uid)
    fresh = house.newcomer()
    await fresh.directory.get(NAME)
    await asyncio.gather(hold_with(fresh, claims, "one"), hold_with(fresh, claims, "two"))


async def test_pass_that_ended_in_this_epoch_does_not_come_back(house: House) -> None:
    await house.create(NAME)
    claims = await admitted(house)
    room = (await house.directory.get(NAME)).room
    await room.end(claims.pass_id)
    with pytest.raises(HoldfastError):
        await hold_with(house, claims, "one")
    with pytest.raises(HoldfastError):
        await room.renew(claims)


async def test_settings_and_lifecycle_survive_a_rebuild(house: House) -> None:
    await house.create(NAME)
    await house.operations.patch(NAME, {"burst": 7, "message": "soon"}, "test")
    await house.operations.change_lifecycle(NAME, "pause", "test")
    before = await house.directory.get(NAME)
    await SaleCalls(house.executor).remove(before.uid)
    after = await house.newcomer().directory.get(NAME)
    assert after.room.document.line.lifecycle == "paused"
    assert msgspec.to_builtins(after.spec) == msgspec.to_builtins(before.spec)
    assert after.room.document.line.settings_version == before.record.settings_version


async def test_workers_that_notice_one_loss_rebuild_once(house: House) -> None:
    """Given one between ending the epoch and installing the next, another one ends no more."""
    await house.create(NAME)
    record = (await house.directory.get(NAME)).record
    await SaleCalls(house.executor).remove(record.uid)
    await house.ledger.sales.bump_epoch(record.uid, seen_epoch=record.epoch)
    late = [house.newcomer() for _ in range(4)]
    sales = await asyncio.gather(*(worker.directory.get(NAME) for worker in late))
    assert {sale.record.epoch for sale in sales} == {2}
