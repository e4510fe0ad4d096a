"""Refunds that are synced to the store together: what its event says is what they gave back."""

from support.ledger.small_sale import Shop, drained

from holdfast_inventory.orders.refund import RefundRequest, RefundService
from holdfast_ledger import GiveBack, RefundItem


async def test_event_of_two_refunds_has_the_amount_of_both(shop: Shop) -> None:
    """Given a refund that was not synced to the store, a second one syncs both.

    Catches an event with the seats of both and the money of the last one.
    """
    hold = await shop.hold("r1s1", "r1s2", floor=3)
    await shop.confirm(hold)
    await drained(shop)
    unsynced = (RefundItem(seat="r1s1"), RefundItem(area="floor", quantity=2))
    await shop.ledger.commit(
        GiveBack(shop.inventory.ref.epoch, shop.inventory.uid, hold.id, 1, unsynced)
    )

    await RefundService(shop.background).refund(
        shop.context, hold.id, RefundRequest((RefundItem(area="floor", quantity=1),)), "second"
    )
    await drained(shop)

    [event] = await shop.events("order.refunded")
    assert event["seats"] == [0]
    assert event["areas"] == [0, 3, 1000]
    assert event["amount"] == 4500 + 3 * 1000
    assert (await shop.order(hold.id)).refunded_amount == event["amount"]
    await shop.audit()
