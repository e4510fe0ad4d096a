import pytest
from support.http.refusals import refusal_of
from support.inventory.harness import Clock
from support.ledger.small_sale import HOLD_SECONDS, Shop, drained

from holdfast_ledger import OrderStatus
from holdfast_lua.calls import keys
from holdfast_web.errors import ErrorCode


async def lapsed(shop: Shop, clock: Clock, **changes: object) -> str:
    """A hold whose time is over, in a sale of which these fields have changed since."""
    hold = await shop.hold("r1s1", "r1s2", floor=1)
    await clock.advance_ms(int(HOLD_SECONDS * 1000) + 1)
    for field, value in changes.items():
        await shop.executor.command("HSET", keys.sale(shop.inventory.uid), field, str(value))
    return hold.id


async def test_late_payment_to_a_closed_sale_requires_a_refund(shop: Shop, clock: Clock) -> None:
    hold = await shop.read(await lapsed(shop, clock, lifecycle="closed"))
    refusal = await refusal_of(shop.confirm(hold))
    await drained(shop)
    assert refusal.code is ErrorCode.HOLD_EXPIRED
    assert refusal.members["refund_required"] is True
    assert (await shop.order(hold.id)).status is OrderStatus.LOST
    assert (await shop.states())[:2] == "ff"
    await shop.audit()


@pytest.mark.parametrize("change", [{"lifecycle": "paused"}, {"ends_ms": 1}])
async def test_late_payment_outlives_a_pause_and_the_end_of_the_sale(
    shop: Shop, clock: Clock, change: dict[str, object]
) -> None:
    """Whoever pays late began while it was on."""
    hold = await shop.read(await lapsed(shop, clock, **change))
    assert (await shop.confirm(hold)).order.status is OrderStatus.SOLD
    await drained(shop)
    await shop.audit()


async def test_hold_that_has_not_ended_is_paid_in_a_closed_sale(shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    await shop.executor.command("HSET", keys.sale(shop.inventory.uid), "lifecycle", "closed")
    assert (await shop.confirm(hold)).order.status is OrderStatus.SOLD
    await drained(shop)
    await shop.audit()
