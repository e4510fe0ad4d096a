import pytest
from conftest import Clock
from support.crashes.crash_points import KILLED
from support.crashes.crashing_process import CrashRun, run_until_crash
from support.http.refusals import refusal_of
from support.ledger.small_sale import HOLD_MAX_SECONDS, Shop, drained

from holdfast_inventory.orders.orders import order_of_hold
from holdfast_inventory.orders.paying import PENDING_GRACE_MS, begin_paying, void_released_order
from holdfast_inventory.orders.recovery import Recovery
from holdfast_ledger import Ledger, LedgerUnavailable, MarkPending, OrderStatus
from holdfast_lua.calls.records import HoldRecord
from holdfast_web.errors import ErrorCode


async def give_back(shop: Shop, hold: HoldRecord) -> None:
    """What `POST .../release` of a platform does."""
    released = await shop.inventory.release(hold.id, owner="", version=0)
    assert released.hold is not None
    await void_released_order(shop.context, released.hold, released.now_ms)


async def test_order_of_a_hold_given_back_is_void_and_keeps_its_reference(shop: Shop) -> None:
    hold = await shop.hold("r1s1", "r1s2")
    await begin_paying(shop.context, hold.id, "ref-1")
    await give_back(shop, hold)
    order = await shop.order(hold.id)
    assert (order.status, order.order_ref, order.due_ms) == (OrderStatus.VOID, "ref-1", None)
    await give_back(shop, hold)
    assert await shop.order(hold.id) == order


async def test_seats_given_back_are_free_after_a_rebuild(shop: Shop) -> None:
    """Catches an order that holds its seats once more for the rest of its hour."""
    hold = await shop.hold("r1s1", "r1s2")
    await begin_paying(shop.context, hold.id)
    await give_back(shop, hold)
    await shop.lose_store()
    assert (await shop.states())[:2] == "ff"
    await shop.audit()


async def test_payment_that_came_all_the_same_requires_a_refund(shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    await begin_paying(shop.context, hold.id)
    await give_back(shop, hold)
    refusal = await refusal_of(shop.confirm(hold))
    await drained(shop)
    assert refusal.code is ErrorCode.HOLD_RELEASED
    assert refusal.members["refund_required"] is True
    await shop.audit()


async def test_order_that_comes_after_its_hold_was_given_back_is_void(shop: Shop) -> None:
    """Given a `paying` whose worker is between store and ledger."""
    hold = await shop.hold("r1s1")
    answer = await shop.inventory.calls.begin_paying(shop.inventory.ref, hold.id)
    assert answer.hold is not None
    await give_back(shop, hold)
    late = order_of_hold(shop.inventory, answer.hold, answer.now_ms)
    await shop.ledger.commit(MarkPending(shop.inventory.ref.epoch, late))
    assert (await shop.order(hold.id)).status is OrderStatus.VOID


async def test_hold_that_nobody_paid_for_leaves_no_order(shop: Shop) -> None:
    hold = await shop.hold("r1s1")
    await give_back(shop, hold)
    assert await shop.ledger.orders.read(shop.inventory.uid, hold.id) is None


async def test_hold_is_given_back_while_the_ledger_is_away(
    shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seats are free at once; recovery voids the order when it is due."""
    hold = await shop.hold("r1s1")
    await begin_paying(shop.context, hold.id)

    async def away(*_: object) -> None:
        raise LedgerUnavailable()

    with monkeypatch.context() as patch:
        patch.setattr(shop.ledger.orders, "read", away)
        await give_back(shop, hold)
    assert (await shop.states())[0] == "f"
    await recovered_when_due(shop, clock, hold)


@pytest.mark.parametrize("step", ["after release_hold", "before MarkVoid", "after MarkVoid"])
async def test_release_of_a_payment_that_broke_off_leaves_an_order_to_void(
    shop: Shop, shop_ledger: Ledger, store_url: str, clock: Clock, step: str
) -> None:
    url = shop_ledger.database.url.render_as_string(hide_password=False)
    repeated, forgotten = await shop.hold("r1s1"), await shop.hold("r1s2")
    for hold in (repeated, forgotten):
        await begin_paying(shop.context, hold.id)
        run = CrashRun(
            store_url, url, shop.inventory.name, shop.inventory.uid, hold.id, "withdraw", step
        )
        assert await run_until_crash(run) == KILLED
        left = OrderStatus.VOID if step == "after MarkVoid" else OrderStatus.PENDING
        assert (await shop.order(hold.id)).status is left
    await give_back(shop, repeated)
    assert (await shop.order(repeated.id)).status is OrderStatus.VOID
    await recovered_when_due(shop, clock, forgotten)


async def recovered_when_due(shop: Shop, clock: Clock, hold: HoldRecord) -> None:
    await clock.advance(HOLD_MAX_SECONDS + PENDING_GRACE_MS / 1000 + 1)
    await Recovery(shop.ledger).visit(shop.inventory)
    assert (await shop.order(hold.id)).status is OrderStatus.VOID
    await shop.audit()
