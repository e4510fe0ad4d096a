import pytest
from conftest import Clock
from support.http.refusals import refusal_of
from support.ledger.orders import build_order
from support.ledger.small_sale import HOLD_SECONDS, Shop, drained, open_shop

from holdfast_inventory.settings import LatePayment
from holdfast_ledger import Ledger, MarkPending, OrderStatus
from holdfast_lua import Executor
from holdfast_lua.calls.records import HoldRecord, HoldStatus
from holdfast_web.errors import ErrorCode, HoldfastError

LATE = HOLD_SECONDS + 1


@pytest.fixture
async def refunding(executor: Executor, shop_ledger: Ledger) -> Shop:
    return await open_shop(executor, shop_ledger, late_payment=LatePayment.REFUND)


@pytest.fixture
async def equivalent(executor: Executor, shop_ledger: Ledger) -> Shop:
    return await open_shop(executor, shop_ledger, late_payment=LatePayment.REACQUIRE_EQUIVALENT)


async def refused(shop: Shop, hold: HoldRecord) -> HoldfastError:
    """The error that a confirm of this hold meets."""
    refusal = await refusal_of(shop.confirm(hold))
    await drained(shop)
    return refusal


async def test_late_payment_gets_the_same_seats_when_they_are_free(
    shop: Shop, clock: Clock
) -> None:
    hold = await shop.hold("r1s1", "r1s2", floor=1)
    await clock.advance(LATE)
    await shop.inventory.sweep()
    assert (await shop.states())[:2] == "ff"
    order = (await shop.confirm(hold)).order
    assert (order.status, order.seats) == (OrderStatus.SOLD, (0, 1))
    await drained(shop)
    await shop.audit()


async def test_late_payment_whose_seat_is_gone_requires_a_refund(shop: Shop, clock: Clock) -> None:
    """Half is never taken: the other seat stays free."""
    hold = await shop.hold("r1s1", "r1s2")
    await clock.advance(LATE)
    taken = await shop.hold("r1s2", buyer="bob")
    refusal = await refused(shop, hold)
    assert refusal.code is ErrorCode.HOLD_EXPIRED
    assert refusal.members["refund_required"] is True
    order = await shop.order(hold.id)
    assert (order.status, order.reason, order.amount) == (OrderStatus.LOST, "hold_expired", 9000)
    assert (await shop.states())[:2] == "fh"
    assert (await shop.read(taken.id)).status is HoldStatus.ACTIVE
    [event] = await shop.events("order.refund_required")
    assert (event["amount"], event["order_ref"]) == (9000, f"ref-{hold.id}")
    await shop.audit()


async def test_late_payment_is_settled_for_good(shop: Shop, clock: Clock) -> None:
    """The platform refunds on our word, so the word stays, even when the seat comes free again."""
    hold = await shop.hold("r1s1")
    await clock.advance(LATE)
    rival = await shop.hold("r1s1", buyer="bob")
    first = await refused(shop, hold)
    await shop.inventory.release(rival.id, owner="", version=0)
    again = await refused(shop, hold)
    assert (again.code, again.members) == (first.code, first.members)
    assert (await shop.states())[0] == "f"
    assert len(await shop.events("order.refund_required")) == 1
    await shop.audit()


async def test_late_payment_is_refunded_where_the_sale_says_so(
    refunding: Shop, clock: Clock
) -> None:
    hold = await refunding.hold("r1s1")
    await clock.advance(LATE)
    refusal = await refused(refunding, hold)
    assert (refusal.code, refusal.members["refund_required"]) == (ErrorCode.HOLD_EXPIRED, True)
    assert (await refunding.states())[0] == "f"
    await refunding.audit()


async def test_late_payment_gets_equivalent_seats_where_the_sale_says_so(
    equivalent: Shop, clock: Clock
) -> None:
    hold = await equivalent.hold("r1s1", "r1s2")
    await clock.advance(LATE)
    await equivalent.hold("r1s2", buyer="bob")
    order = (await equivalent.confirm(hold)).order
    assert order.status is OrderStatus.SOLD
    assert len(order.seats) == 2
    assert 1 not in order.seats
    assert order.total == hold.total
    await drained(equivalent)
    await equivalent.audit()


async def test_late_payment_without_any_equivalent_requires_a_refund(
    equivalent: Shop, clock: Clock
) -> None:
    hold = await equivalent.hold("r1s1", "r1s2")
    await clock.advance(LATE)
    for n in range(4):
        for row in (1, 2):
            seats = [f"r{row}s{s}" for s in range(1, 11)][n * 3 : n * 3 + 3]
            await equivalent.hold(*seats, buyer=f"crowd-{n}-{row}")
    refusal = await refused(equivalent, hold)
    assert refusal.members["refund_required"] is True
    assert (await equivalent.states()) == "h" * 20
    await equivalent.audit()


async def test_late_payment_counts_against_the_limit_again(shop: Shop, clock: Clock) -> None:
    """Catches a re-acquire that skips the limit: six were bought meanwhile."""
    hold = await shop.hold("r1s1")
    await clock.advance(LATE)
    await shop.hold(*[f"r2s{n}" for n in range(1, 7)])
    refusal = await refused(shop, hold)
    assert refusal.members["refund_required"] is True
    assert (await shop.states())[0] == "f"


async def test_late_payment_for_a_released_hold_requires_a_refund(shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    await shop.inventory.release(hold.id, owner="ann", version=0)
    refusal = await refused(shop, hold)
    assert refusal.code is ErrorCode.HOLD_RELEASED
    assert refusal.members["refund_required"] is True
    assert (await shop.order(hold.id)).reason == "hold_released"


async def test_payment_for_a_hold_that_the_store_lost_requires_a_refund(shop: Shop) -> None:
    """Unpaid holds do not survive a loss: 410 `hold_lost`, with a record of the payment."""
    hold = await shop.hold("r1s1")
    await shop.lose_store()
    assert (await shop.states())[0] == "f"
    refusal = await refused(shop, hold)
    assert refusal.code is ErrorCode.HOLD_LOST
    assert refusal.members["refund_required"] is True
    order = await shop.order(hold.id)
    assert (order.status, order.amount, order.seats) == (OrderStatus.LOST, 4500, ())
    assert len(await shop.events("order.refund_required")) == 1
    assert (await refused(shop, hold)).members == refusal.members
    assert len(await shop.events("order.refund_required")) == 1


async def test_confirmed_orders_and_their_answers_survive_a_loss(shop: Shop) -> None:
    hold = await shop.hold("r1s1", floor=3)
    before = (await shop.confirm(hold)).order
    await drained(shop)
    await shop.lose_store()
    assert (await shop.states())[0] == "b"
    assert await shop.floor() == (7, 0)
    again = await shop.confirm(hold)
    assert (again.order, again.again) == (before, True)
    await shop.audit()


async def test_payment_for_an_order_that_only_the_ledger_knows_is_sold(shop: Shop) -> None:
    """A pending order whose hold the store has not: its seats were promised, so it gets them."""
    pending = build_order(shop.inventory.uid, "lone", seats=(4,))
    await shop.ledger.commit(MarkPending(1, pending))
    rival = await shop.hold("r1s5", buyer="bob")
    record = HoldRecord("lone", HoldStatus.PAYING, 1, 0, 0, 0, (4,), (4500,), (), 4500, (), "ann")
    order = (await shop.confirm(record)).order
    assert (order.status, order.seats) == (OrderStatus.SOLD, (4,))
    await drained(shop)
    assert (await shop.read(rival.id)).reason == "ledger_conflict"
    await shop.audit()
