"""Blocked seats: in the ledger first, so that nothing the store forgets puts them on sale."""

import pytest
from conftest import Clock
from support.ledger.small_sale import HOLD_SECONDS, Shop, drained

from holdfast_inventory.holds import seat_blocks as blocking
from holdfast_inventory.orders.recovery import Recovery
from holdfast_ledger import EpochPassed, Ledger, SaleRecord, SeatBlock


async def test_blocked_seats_survive_a_lost_store(shop: Shop) -> None:
    assert (await blocking.block(shop.context, [0, 1, 2])).blocked == (0, 1, 2)
    assert await blocking.unblock(shop.context, [1, 9]) == 1
    await shop.lose_store()
    assert (await shop.states())[:4] == "xfxf"
    assert (await shop.inventory.seat_map()).reading.blocked == 2


async def test_seats_that_somebody_has_are_left_and_named(shop: Shop, clock: Clock) -> None:
    """Given a held and a sold seat, blocking them is refused for good, also after a rebuild."""
    await shop.hold("r1s1")
    await shop.confirm(await shop.hold("r1s2", buyer="bob"))
    await drained(shop)
    done = await blocking.block(shop.context, [0, 1, 2])
    assert (done.blocked, done.unavailable) == ((2,), (0, 1))
    await clock.advance(HOLD_SECONDS + 1)
    await shop.inventory.sweep()
    assert (await shop.states())[:3] == "fbx"
    await shop.lose_store()
    assert (await shop.states())[:3] == "fbx"


async def test_repeated_block_is_the_same(shop: Shop) -> None:
    await blocking.block(shop.context, [0])
    again = await blocking.block(shop.context, [0])
    assert (again.blocked, again.unavailable) == ((0,), ())
    assert await shop.ledger.seat_blocks.blocked(shop.inventory.uid) == [0]
    assert len(await shop.events("seats.blocked")) == 1


async def test_block_of_a_passed_epoch_is_refused(shop: Shop) -> None:
    """A rebuild has read the blocks by then: it would not know of this one."""
    old = shop.context
    await shop.lose_store()
    with pytest.raises(EpochPassed):
        await blocking.block(old, [0])
    assert await shop.ledger.seat_blocks.blocked(shop.inventory.uid) == []


@pytest.mark.parametrize("blocked", [True, False])
async def test_store_that_was_not_told_is_told_by_recovery(shop: Shop, blocked: bool) -> None:
    if not blocked:
        await blocking.block(shop.context, [4])
    await shop.ledger.seat_blocks.set_wanted(shop.inventory.uid, [4], blocked=blocked, epoch=1)
    assert (await shop.states())[4] == ("f" if blocked else "x")
    await Recovery(shop.ledger).visit(shop.inventory)
    assert (await shop.states())[4] == ("x" if blocked else "f")
    assert await shop.ledger.seat_blocks.unsynced(shop.inventory.uid) == []


async def test_block_that_reaches_the_store_late_is_undone(shop: Shop) -> None:
    """Given one who read the block and then slept, while another put the seat back on sale."""
    blocks, uid = shop.ledger.seat_blocks, shop.inventory.uid
    await blocks.set_wanted(uid, [0], blocked=True, epoch=1)
    slept = await blocks.unsynced(uid)
    await blocking.unblock(shop.context, [0])
    await shop.inventory.block([0])
    await blocks.note_synced(uid, slept)
    assert (await shop.states())[0] == "x"
    await Recovery(shop.ledger).visit(shop.inventory)
    assert (await shop.states())[0] == "f"


async def test_ledger_keeps_what_each_seat_is_to_be(ledger: Ledger, sale: SaleRecord) -> None:
    """The same over all databases."""
    blocks, uid = ledger.seat_blocks, sale.uid
    await blocks.set_wanted(uid, [3, 1, 2], blocked=True, epoch=1)
    await blocks.set_wanted(uid, [2, 7], blocked=False, epoch=1)
    assert await blocks.blocked(uid) == [1, 3]
    unsynced = await blocks.unsynced(uid)
    assert sorted((row.seat, row.blocked, row.version) for row in unsynced) == [
        (1, True, 1),
        (2, False, 2),
        (3, True, 1),
    ]
    await blocks.withdraw(uid, [row for row in unsynced if row.seat == 3])
    await blocks.note_synced(uid, unsynced)
    assert await blocks.unsynced(uid) == []
    assert await blocks.blocked(uid) == [1]


async def test_doubt_has_the_store_told_again_of_what_is_wanted_by_then(
    ledger: Ledger, sale: SaleRecord
) -> None:
    blocks, uid = ledger.seat_blocks, sale.uid
    await blocks.set_wanted(uid, [1, 2], blocked=True, epoch=1)
    await blocks.set_wanted(uid, [2], blocked=False, epoch=1)
    await blocks.note_synced(uid, await blocks.unsynced(uid))
    assert await blocks.wanted(uid) == {1: True, 2: False}
    await blocks.mark_unsynced(uid, [2, 9])
    await blocks.mark_unsynced(uid, [])
    assert await blocks.unsynced(uid) == [SeatBlock(2, False, 2)]
