import asyncio

import pytest
from support.http.refusals import refusal_of
from support.ledger.small_sale import Shop, drained

from holdfast_inventory.orders.orders import order_members
from holdfast_inventory.orders.refund import RefundRequest, RefundService
from holdfast_inventory.orders.store_sync import sync_order
from holdfast_ledger import Order, OrderStatus, RefundItem
from holdfast_lua.calls.records import HoldRecord
from holdfast_web.errors import ErrorCode, HoldfastError


async def sold(shop: Shop) -> HoldRecord:
    """A confirmed order of two seats and three units."""
    hold = await shop.hold("r1s1", "r1s2", floor=3)
    await shop.confirm(hold)
    await drained(shop)
    return hold


async def refund(shop: Shop, order_id: str, *items: RefundItem, key: str | None = None) -> Order:
    """A refund of these items, or of everything when none is named."""
    refund_service = RefundService(shop.background)
    done = await refund_service.refund(shop.context, order_id, RefundRequest(items or None), key)
    await drained(shop)
    return done.order


async def refused(shop: Shop, order_id: str, *items: RefundItem) -> HoldfastError:
    """The error that this refund meets."""
    return await refusal_of(refund(shop, order_id, *items))


async def test_full_refund_puts_everything_back_on_sale(shop: Shop) -> None:
    hold = await sold(shop)
    order = await refund(shop, hold.id)
    assert (order.status, order.refunded_amount) == (OrderStatus.REFUNDED, hold.total)
    assert (await shop.states())[:2] == "ff"
    assert await shop.floor() == (10, 0)
    assert (await shop.order(hold.id)).due_ms is None
    [event] = await shop.events("order.refunded")
    assert event["amount"] == hold.total
    await shop.audit()


async def test_partial_refund_leaves_the_rest_sold(shop: Shop) -> None:
    hold = await sold(shop)
    order = await refund(
        shop, hold.id, RefundItem(seat="r1s2"), RefundItem(area="floor", quantity=2)
    )
    assert order.status is OrderStatus.PARTLY_REFUNDED
    assert order.refunded_amount == 4500 + 2 * 1000
    assert (await shop.states())[:2] == "bf"
    assert await shop.floor() == (9, 0)
    rest = await refund(shop, hold.id)
    assert (rest.status, rest.refunded_amount) == (OrderStatus.REFUNDED, hold.total)
    assert len(await shop.events("order.refunded")) == 2
    await shop.audit()


async def test_refund_again_frees_nothing_more(shop: Shop) -> None:
    hold = await sold(shop)
    first = await refund(shop, hold.id)
    await shop.hold("r1s1", floor=5, buyer="bob")
    again = await refund(shop, hold.id)
    assert order_members(again, "sale", test=False) == order_members(first, "sale", test=False)
    assert (await shop.states())[:2] == "hf"
    assert await shop.floor() == (5, 5)
    assert len(await shop.events("order.refunded")) == 1


async def test_refunded_seat_can_be_bought_by_somebody_else(shop: Shop) -> None:
    """A refund that reaches the store late must not take it away again.

    Catches a refund that frees a seat without asking whose it is.
    """
    hold = await sold(shop)
    refunded = await refund(shop, hold.id)
    second = await shop.hold("r1s1", floor=4, buyer="bob")
    await shop.confirm(second)
    await drained(shop)
    await sync_order(shop.context, refunded)
    assert (await shop.states())[0] == "b"
    assert await shop.ledger.orders.owners(shop.inventory.uid) == {0: second.id}
    await shop.audit()


async def test_refund_of_units_is_repeated_safely_under_a_key(shop: Shop) -> None:
    hold = await sold(shop)
    one = RefundItem(area="floor", quantity=1)
    await asyncio.gather(*[refund(shop, hold.id, one, key="once") for _ in range(3)])
    assert (await shop.order(hold.id)).areas == {"floor": 2}
    assert await shop.floor() == (8, 0)
    await refund(shop, hold.id, one, key="twice")
    assert await shop.floor() == (9, 0)
    await shop.audit()


async def test_refund_gives_the_buyer_room_under_the_limit_again(shop: Shop) -> None:
    hold = await shop.hold(*[f"r1s{n}" for n in range(1, 7)])
    await shop.confirm(hold)
    with pytest.raises(HoldfastError):
        await shop.hold("r2s1")
    await refund(shop, hold.id, RefundItem(seat="r1s6"))
    await shop.hold("r2s1")


async def test_refund_of_what_is_not_the_orders_is_refused(shop: Shop) -> None:
    hold = await sold(shop)
    for item in (RefundItem(seat="r2s1"), RefundItem(area="floor", quantity=4)):
        assert (await refused(shop, hold.id, item)).code is ErrorCode.INVALID_REQUEST
    assert (await shop.order(hold.id)).status is OrderStatus.SOLD
    await shop.audit()


@pytest.mark.parametrize(
    "item",
    [
        RefundItem(),
        RefundItem(seat="r1s1", area="floor"),
        RefundItem(seat="r1s1", quantity=2),
        RefundItem(area="floor", quantity=0),
        RefundItem(area="floor", quantity=-1),
    ],
)
async def test_refund_item_that_makes_no_sense_is_refused(shop: Shop, item: RefundItem) -> None:
    hold = await sold(shop)
    refusal = await refused(shop, hold.id, item)
    assert (refusal.code, refusal.members["field"]) == (ErrorCode.INVALID_REQUEST, "items")


async def test_refund_of_an_unknown_or_unpaid_order_is_refused(shop: Shop) -> None:
    assert (await refused(shop, "nothing")).code is ErrorCode.UNKNOWN_ORDER
    hold = await shop.hold("r1s1")
    assert (await refused(shop, hold.id)).code is ErrorCode.UNKNOWN_ORDER


async def test_refund_of_a_lost_order_notes_that_the_money_went_back(shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    await shop.inventory.release(hold.id, owner="ann", version=0)
    with pytest.raises(HoldfastError):
        await shop.confirm(hold)
    order = await refund(shop, hold.id)
    assert (order.status, order.refunded_amount) == (OrderStatus.REFUNDED, 4500)
    assert (await shop.states())[0] == "f"
    await shop.audit()


async def test_refunds_survive_the_loss_of_the_store(shop: Shop) -> None:
    hold = await sold(shop)
    await refund(shop, hold.id, RefundItem(seat="r1s1"), RefundItem(area="floor"))
    await shop.lose_store()
    assert (await shop.states())[:2] == "fb"
    assert await shop.floor() == (8, 0)
    await refund(shop, hold.id)
    assert await shop.floor() == (10, 0)
    await shop.audit()
