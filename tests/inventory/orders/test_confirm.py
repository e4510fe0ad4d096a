import asyncio

import pytest
from conftest import Clock
from msgspec import structs
from support.http.refusals import refusal_of
from support.ledger.orders import build_order
from support.ledger.small_sale import HOLD_SECONDS, Shop, drained, open_shop

from holdfast_inventory.orders.paying import begin_paying
from holdfast_inventory.orders.store_sync import sync_order
from holdfast_ledger import EpochPassed, Ledger, LedgerUnavailable, OrderStatus, Sell
from holdfast_lua import Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.records import HoldStatus
from holdfast_web.errors import ErrorCode, HoldfastError

RACERS = 50


async def test_confirm_books_seats_and_units_in_ledger_and_store(shop: Shop) -> None:
    hold = await shop.hold("r1s1", "r1s2", floor=2)
    confirmed = await shop.confirm(hold)
    assert not confirmed.again
    assert confirmed.order == await shop.order(hold.id)
    assert confirmed.order.status is OrderStatus.SOLD
    assert [item.seat or item.area for item in confirmed.order.items] == ["r1s1", "r1s2", "floor"]
    assert confirmed.order.total == 2 * 4500 + 2 * 1000
    assert (await shop.states())[:4] == "bbff"
    assert await shop.floor() == (8, 0)
    assert (await shop.read(hold.id)).status is HoldStatus.CONFIRMED
    await shop.audit()


async def test_confirm_writes_its_event_once(shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    for _ in range(3):
        await shop.confirm(hold)
    events = await shop.events("order.confirmed")
    assert [event["order_ref"] for event in events] == [f"ref-{hold.id}"]


async def test_confirm_again_gives_the_same_answer(shop: Shop) -> None:
    """Catches a confirm that is not idempotent."""
    hold = await shop.hold("r1s1", floor=1)
    first = await shop.confirm(hold)
    again = await shop.confirm(hold)
    assert again.order == first.order
    assert again.again
    await shop.audit()


@pytest.mark.parametrize("change", [{"order_ref": "other"}, {"payment_ref": "other"}])
async def test_confirm_again_with_another_body_is_refused(
    shop: Shop, change: dict[str, str]
) -> None:
    hold = await shop.hold("r1s1")
    await shop.confirm(hold)
    assert (await refusal_of(shop.confirm(hold, **change))).code is ErrorCode.ORDER_MISMATCH
    assert (await shop.order(hold.id)).order_ref == f"ref-{hold.id}"
    await shop.audit()


async def test_concurrent_confirms_of_one_hold_sell_it_once(shop: Shop) -> None:
    hold = await shop.hold("r1s1", floor=2)
    answers = await asyncio.gather(*[shop.confirm(hold) for _ in range(10)])
    assert sum(not answer.again for answer in answers) == 1
    assert len(await shop.events("order.confirmed")) == 1
    await shop.audit()


async def test_confirms_of_the_same_hold_by_two_platforms_settle_on_one(shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    answers = await asyncio.gather(
        *[shop.confirm(hold, order_ref=f"platform-{n % 2}") for n in range(6)],
        return_exceptions=True,
    )
    won = (await shop.order(hold.id)).order_ref
    for n, answer in enumerate(answers):
        if f"platform-{n % 2}" == won:
            assert not isinstance(answer, BaseException)
        else:
            assert isinstance(answer, HoldfastError)
            assert answer.code is ErrorCode.ORDER_MISMATCH
    await shop.audit()


@pytest.mark.parametrize("amount", [0, 4499, 4501])
async def test_wrong_amount_books_nothing_and_leaves_the_hold(shop: Shop, amount: int) -> None:
    hold = await shop.hold("r1s1")
    refusal = await refusal_of(shop.confirm(hold, amount=amount))
    assert refusal.code is ErrorCode.AMOUNT_MISMATCH
    assert refusal.members["total"] == 4500
    assert (await shop.read(hold.id)).status is HoldStatus.ACTIVE
    assert await shop.ledger.orders.read(shop.inventory.uid, hold.id) is None
    assert (await shop.confirm(hold)).order.status is OrderStatus.SOLD


async def test_wrong_amount_sells_no_pending_order_whose_hold_the_store_has_lost(
    shop: Shop,
) -> None:
    """Given a store that went back to before the hold, and nobody has noticed yet."""
    hold = await shop.hold("r1s1")
    await begin_paying(shop.context, hold.id)
    await shop.executor.command("HDEL", keys.holds(shop.inventory.uid), hold.id)
    for amount, code in ((4499, ErrorCode.AMOUNT_MISMATCH), (None, ErrorCode.INVALID_REQUEST)):
        assert (await refusal_of(shop.confirm(hold, amount=amount))).code is code
    assert (await shop.order(hold.id)).status is OrderStatus.PENDING
    assert (await shop.confirm(hold)).order.status is OrderStatus.SOLD


async def test_amount_is_required_where_it_is_verified(shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    assert (await refusal_of(shop.confirm(hold, amount=None))).members["field"] == "amount"


async def test_amount_is_free_where_it_is_not_verified(
    executor: Executor, shop_ledger: Ledger
) -> None:
    shop = await open_shop(executor, shop_ledger, verify_amount=False)
    discounted, gift = await shop.hold("r1s1"), await shop.hold("r1s2")
    assert (await shop.confirm(discounted, amount=1)).order.amount == 1
    assert (await shop.confirm(gift, amount=None)).order.amount is None


async def test_unknown_hold_is_unknown(shop: Shop) -> None:
    hold = structs.replace(await shop.hold("r1s1"), id="nothing")
    assert (await refusal_of(shop.confirm(hold))).code is ErrorCode.UNKNOWN_HOLD


async def test_time_does_not_free_what_is_being_confirmed(
    shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger is away when the buyer pays: the seat waits for it, beyond the deadline.

    Catches a confirm without `confirming`.
    """
    hold = await shop.hold("r1s1")

    async def away(_: object) -> None:
        raise LedgerUnavailable()

    with monkeypatch.context() as patch:
        patch.setattr(shop.ledger, "commit", away)
        with pytest.raises(LedgerUnavailable):
            await shop.confirm(hold)
    await clock.advance(HOLD_SECONDS * 10)
    await shop.inventory.sweep()
    assert (await shop.states())[0] == "h"
    assert (await shop.confirm(hold)).order.status is OrderStatus.SOLD
    await shop.audit()


async def test_seat_that_the_ledger_sold_before_is_refunded_not_sold(shop: Shop) -> None:
    """Given a store that forgot a sale, the ledger's key decides and the store learns from it.

    Catches a ledger without the unique key.
    """
    await shop.ledger.commit(Sell(1, build_order(shop.inventory.uid, "first", seats=(0,))))
    hold = await shop.hold("r1s1", "r1s2")
    refusal = await refusal_of(shop.confirm(hold))
    assert refusal.code is ErrorCode.HOLD_LOST
    assert refusal.members["refund_required"] is True
    assert (await shop.order(hold.id)).status is OrderStatus.LOST
    await drained(shop)
    assert (await shop.states())[:2] == "bf"
    [event] = await shop.events("order.refund_required")
    assert event["reason"] == "ledger_conflict"
    await shop.audit()


async def test_lost_order_gives_the_same_answer_and_one_event(shop: Shop) -> None:
    await shop.ledger.commit(Sell(1, build_order(shop.inventory.uid, "first", seats=(0,))))
    hold = await shop.hold("r1s1")
    answers = [await refusal_of(shop.confirm(hold)) for _ in range(3)]
    assert len({(a.code, str(a.members)) for a in answers}) == 1
    await drained(shop)
    assert len(await shop.events("order.refund_required")) == 1


async def test_seat_of_the_ledger_is_taken_back_from_whoever_holds_it(shop: Shop) -> None:
    """The store learns of a sale while somebody else holds the seat: that hold ends."""
    sold = build_order(shop.inventory.uid, "first", seats=(0,))
    outcome = await shop.ledger.commit(Sell(1, sold))
    rival = await shop.hold("r1s1", "r1s2", buyer="bob")
    assert outcome.order is not None
    await sync_order(shop.context, outcome.order)
    ended = await shop.read(rival.id)
    assert (ended.status, ended.reason) == (HoldStatus.RELEASED, "ledger_conflict")
    await shop.audit()
    refusal = await refusal_of(shop.confirm(rival))
    assert refusal.members["refund_required"] is True


async def test_sale_that_moved_to_another_epoch_confirms_nothing(shop: Shop) -> None:
    """Between the two steps somebody rebuilds the sale: 503, and the repeat is told the truth.

    Catches a rebuild without a fence.
    """
    hold = await shop.hold("r1s1")
    await shop.ledger.sales.bump_epoch(shop.inventory.uid, seen_epoch=1)
    with pytest.raises(EpochPassed):
        await shop.confirm(hold)
    assert await shop.ledger.orders.owners(shop.inventory.uid) == {}


async def test_racing_buyers_of_every_seat_leave_one_owner_each(shop: Shop) -> None:
    """Fifty buyers try for ten seats and pay at once."""

    async def buy(n: int) -> bool:
        try:
            hold = await shop.hold(f"r1s{n % 10 + 1}", buyer=f"buyer-{n}")
        except HoldfastError:
            return False
        return (await shop.confirm(hold)).order.status is OrderStatus.SOLD

    bought = await asyncio.gather(*[buy(n) for n in range(RACERS)])
    assert sum(bought) == 10
    await drained(shop)
    assert (await shop.states())[:10] == "b" * 10
    await shop.audit()
