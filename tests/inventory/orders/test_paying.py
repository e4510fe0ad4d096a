import asyncio

import pytest
from conftest import Clock
from support.http.refusals import refusal_of
from support.ledger.small_sale import HOLD_MAX_SECONDS, HOLD_SECONDS, Shop, drained

from holdfast_inventory.orders.paying import PENDING_GRACE_MS, begin_paying
from holdfast_ledger import EpochPassed, LedgerUnavailable, OrderStatus
from holdfast_lua.calls.records import HoldRecord, HoldStatus
from holdfast_web.errors import ErrorCode, HoldfastError


async def refused(shop: Shop, hold: HoldRecord) -> ErrorCode:
    """The code that `paying` of this hold meets."""
    return (await refusal_of(begin_paying(shop.context, hold.id))).code


async def test_paying_is_in_the_ledger_when_it_answers(shop: Shop) -> None:
    hold = await shop.hold("r1s1", "r1s2", floor=1)
    paying = await begin_paying(shop.context, hold.id, "ref-1")
    order = await shop.order(hold.id)
    assert paying.order == order
    assert (order.status, order.order_ref, order.amount) == (OrderStatus.PENDING, "ref-1", None)
    assert (order.seats, order.areas) == ((0, 1), {"floor": 1})
    assert order.due_ms == paying.hold.expires_ms + PENDING_GRACE_MS
    assert paying.hold.status is HoldStatus.PAYING


async def test_paying_outlives_the_hold_time_up_to_the_maximum(shop: Shop, clock: Clock) -> None:
    hold = await shop.hold("r1s1")
    await begin_paying(shop.context, hold.id)
    await clock.advance(HOLD_SECONDS + 60)
    await shop.inventory.sweep()
    assert (await shop.states())[0] == "h"
    await clock.advance(HOLD_MAX_SECONDS)
    await shop.inventory.sweep()
    assert (await shop.states())[0] == "f"


async def test_paying_again_answers_the_same(shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    first = await begin_paying(shop.context, hold.id)
    answers = await asyncio.gather(*[begin_paying(shop.context, hold.id) for _ in range(4)])
    assert {answer.order for answer in answers} == {first.order}
    assert {answer.hold for answer in answers} == {first.hold}


async def test_confirm_after_paying_sells_the_pending_order(shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    pending = (await begin_paying(shop.context, hold.id)).order
    order = (await shop.confirm(hold)).order
    assert (order.status, order.created_ms) == (OrderStatus.SOLD, pending.created_ms)
    await drained(shop)
    await shop.audit()


async def test_pending_order_survives_the_loss_of_the_store_as_held(shop: Shop) -> None:
    """The buyer is typing the card number while the store forgets everything."""
    hold = await shop.hold("r1s1", floor=2)
    await begin_paying(shop.context, hold.id)
    await shop.lose_store()
    assert (await shop.states())[0] == "h"
    assert await shop.floor() == (8, 2)
    with pytest.raises(HoldfastError):
        await shop.hold("r1s1", buyer="bob")
    order = (await shop.confirm(hold)).order
    assert order.status is OrderStatus.SOLD
    await drained(shop)
    await shop.audit()


async def test_paying_without_a_ledger_does_not_answer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches a `paying` that answers before the order is on disk."""

    async def away(_: object) -> None:
        raise LedgerUnavailable()

    hold = await shop.hold("r1s1")
    with monkeypatch.context() as patch:
        patch.setattr(shop.ledger, "commit", away)
        with pytest.raises(LedgerUnavailable):
            await begin_paying(shop.context, hold.id)
    assert (await begin_paying(shop.context, hold.id)).order.status is OrderStatus.PENDING


async def test_paying_of_what_is_over_is_refused(shop: Shop, clock: Clock) -> None:
    sold = await shop.hold("r1s1")
    await shop.confirm(sold)
    released = await shop.hold("r1s2")
    await shop.inventory.release(released.id, owner="ann", version=0)
    lapsed = await shop.hold("r1s3")
    assert await refused(shop, sold) is ErrorCode.HOLD_STATE
    assert await refused(shop, released) is ErrorCode.HOLD_RELEASED
    await clock.advance(HOLD_SECONDS + 1)
    assert await refused(shop, lapsed) is ErrorCode.HOLD_EXPIRED


async def test_paying_in_an_ended_epoch_is_refused(shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    await shop.ledger.sales.bump_epoch(shop.inventory.uid, seen_epoch=1)
    with pytest.raises(EpochPassed):
        await begin_paying(shop.context, hold.id)
    assert await shop.ledger.orders.read(shop.inventory.uid, hold.id) is None


async def test_a_hold_that_the_store_lost_is_told_before_anybody_is_charged(shop: Shop) -> None:
    """After a loss an unknown hold is `hold_lost`; before one it never was."""
    refusal = await refusal_of(begin_paying(shop.context, "aaaaaaaaaaaaaaaa"))
    assert refusal.code is ErrorCode.UNKNOWN_HOLD
    hold = await shop.hold("r1s1")
    await shop.lose_store()
    lost = await refusal_of(begin_paying(shop.context, hold.id))
    assert lost.code is ErrorCode.HOLD_LOST
    assert "refund_required" not in lost.members
    refusal = await refusal_of(shop.inventory.release(hold.id, owner="ann", version=0))
    assert refusal.code is ErrorCode.HOLD_LOST
