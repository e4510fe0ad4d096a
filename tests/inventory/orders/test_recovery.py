import asyncio

import pytest
from conftest import Clock
from support.http.refusals import refusal_of
from support.ledger.orders import build_order
from support.ledger.small_sale import HOLD_MAX_SECONDS, HOLD_SECONDS, Shop, drained, payment

from holdfast_inventory.orders.orders import order_of_hold
from holdfast_inventory.orders.paying import PENDING_GRACE_MS, begin_paying
from holdfast_inventory.orders.recovery import LEASE_MS, PATIENCE_MS, Recovery
from holdfast_ledger import GiveBack, MarkLost, MarkVoid, OrderStatus, Sell
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.records import HoldRecord, HoldStatus
from holdfast_web.errors import ErrorCode

PATIENCE = PATIENCE_MS / 1000 + 1


async def begun(shop: Shop, *seats: str) -> HoldRecord:
    """A hold whose confirm got as far as the store."""
    hold = await shop.hold(*seats)
    answer = await shop.inventory.calls.begin_confirm(
        shop.inventory.ref, hold.id, reacquire=True, limit=6
    )
    assert answer.code is Code.OK
    assert answer.hold is not None
    return answer.hold


@pytest.fixture
def recovery(shop: Shop) -> Recovery:
    return Recovery(shop.ledger)


async def test_sold_order_whose_store_was_never_told_is_booked(
    shop: Shop, recovery: Recovery
) -> None:
    hold = await begun(shop, "r1s1")
    await shop.ledger.commit(Sell(1, order_of_hold(shop.inventory, hold, 1_000)))
    assert await recovery.visit(shop.inventory) == 1
    assert (await shop.states())[0] == "b"
    assert len(await shop.events("order.confirmed")) == 1
    assert await recovery.visit(shop.inventory) == 0
    await shop.audit()


async def test_abandoned_confirmation_is_voided_and_then_freed(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    hold = await begun(shop, "r1s1")
    assert await recovery.visit(shop.inventory) == 0
    await clock.advance(PATIENCE)
    assert (await shop.states())[0] == "h"
    assert await recovery.visit(shop.inventory) == 1
    assert (await shop.order(hold.id)).status is OrderStatus.VOID
    assert (await shop.states())[0] == "f"
    await shop.audit()


async def test_platform_that_comes_back_after_the_void_still_gets_its_seats(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    """The platform crashed after begin_confirm and repeats an hour later: the seats are free."""
    hold = await begun(shop, "r1s1")
    await recovery.visit(shop.inventory)
    await clock.advance(PATIENCE)
    await recovery.visit(shop.inventory)
    order = (await shop.confirm(hold)).order
    assert order.status is OrderStatus.SOLD
    await drained(shop)
    await shop.audit()


async def test_confirm_that_a_void_has_overtaken_begins_again(shop: Shop) -> None:
    """Recovery has voided, and not yet freed, when the confirm reaches the ledger."""
    hold = await begun(shop, "r1s1")
    await shop.ledger.commit(MarkVoid(1, order_of_hold(shop.inventory, hold, 1_000)))
    order = (await shop.confirm(hold)).order
    assert order.status is OrderStatus.SOLD
    assert order.hold_version > hold.version
    await drained(shop)
    await shop.audit()


async def test_transaction_that_a_void_has_overtaken_sells_nothing(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    """The seat was freed and sold to bob; ann's late transaction arrives at last.

    Catches a recovery that frees before it voids, or a void without a fence.
    """
    hold = await begun(shop, "r1s1")
    late = Sell(1, order_of_hold(shop.inventory, hold, 1_000))
    await recovery.visit(shop.inventory)
    await clock.advance(PATIENCE)
    await recovery.visit(shop.inventory)
    bob = await shop.hold("r1s1", buyer="bob")
    await shop.ledger.commit(late)
    assert await shop.ledger.orders.owners(shop.inventory.uid) == {}
    assert (await shop.confirm(bob)).order.status is OrderStatus.SOLD
    await drained(shop)
    await shop.audit()


async def test_recovery_that_wakes_up_late_frees_no_newer_confirmation(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    """Voided at one version, re-acquired at the next: the sleeper must not free that.

    Catches an abort without a version.
    """
    hold = await begun(shop, "r1s1")
    await shop.ledger.commit(MarkVoid(1, order_of_hold(shop.inventory, hold, 1_000)))
    calls, ref = shop.inventory.calls, shop.inventory.ref
    await calls.abort_confirm(ref, hold.id, reason="expired", version=hold.version)
    again = await calls.begin_confirm(ref, hold.id, reacquire=True, limit=6)
    assert again.code is Code.HOLD_REACQUIRED
    late = await calls.abort_confirm(ref, hold.id, reason="expired", version=hold.version)
    assert late.code is Code.HOLD_CHANGED
    assert (await shop.states())[0] == "h"


async def test_hold_that_changes_is_given_patience_anew(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    hold = await begun(shop, "r1s1")
    await recovery.visit(shop.inventory)
    calls, ref = shop.inventory.calls, shop.inventory.ref
    await calls.abort_confirm(ref, hold.id, reason="expired")
    await calls.begin_confirm(ref, hold.id, reacquire=True, limit=6)
    await clock.advance(PATIENCE)
    assert await recovery.visit(shop.inventory) == 0
    assert (await shop.states())[0] == "h"


async def test_pending_order_that_nobody_paid_is_voided(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    await clock.stand_still()
    hold = await shop.hold("r1s1")
    await begin_paying(shop.context, hold.id)
    await clock.advance(HOLD_MAX_SECONDS + PENDING_GRACE_MS / 1000 - 1)
    assert await recovery.visit(shop.inventory) == 0
    assert (await shop.order(hold.id)).status is OrderStatus.PENDING
    await clock.advance(2)
    assert await recovery.visit(shop.inventory) == 1
    assert (await shop.order(hold.id)).status is OrderStatus.VOID
    await shop.inventory.sweep()
    await shop.audit()


async def test_voided_order_may_still_be_paid_while_its_seats_are_free(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    hold = await shop.hold("r1s1")
    await begin_paying(shop.context, hold.id)
    await clock.advance(HOLD_MAX_SECONDS + PENDING_GRACE_MS / 1000 + 1)
    await recovery.visit(shop.inventory)
    assert (await shop.confirm(hold)).order.status is OrderStatus.SOLD
    await drained(shop)
    await shop.audit()


async def test_pending_order_with_a_confirm_on_its_way_is_left_alone(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    hold = await shop.hold("r1s1")
    await begin_paying(shop.context, hold.id)
    await shop.inventory.calls.begin_confirm(shop.inventory.ref, hold.id, reacquire=True, limit=6)
    await clock.advance(HOLD_MAX_SECONDS + PENDING_GRACE_MS / 1000 + 1)
    assert await recovery.visit(shop.inventory) == 0
    assert (await shop.order(hold.id)).status is OrderStatus.PENDING
    assert (await shop.confirm(hold)).order.status is OrderStatus.SOLD


async def test_refund_that_was_never_synced_is_synced(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    hold = await shop.hold("r1s1", floor=2)
    await shop.confirm(hold)
    await drained(shop)
    await shop.ledger.commit(GiveBack(1, shop.inventory.uid, hold.id, await clock.now_ms()))
    assert (await shop.states())[0] == "b"
    await clock.advance(60)
    assert await recovery.visit(shop.inventory) == 1
    assert (await shop.states())[0] == "f"
    assert await shop.floor() == (10, 0)
    assert await recovery.visit(shop.inventory) == 0
    await shop.audit()


async def test_required_refund_that_was_never_announced_is_announced_once(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    hold = await begun(shop, "r1s1")
    lost = order_of_hold(shop.inventory, hold, await clock.now_ms())
    await shop.ledger.commit(MarkLost(1, lost))
    await recovery.visit(shop.inventory)
    await clock.advance(60)
    for _ in range(3):
        await recovery.visit(shop.inventory)
    assert (await shop.states())[0] == "f"
    assert len(await shop.events("order.refund_required")) == 1
    await shop.audit()


async def test_many_recoveries_at_once_do_the_work_once(shop: Shop, clock: Clock) -> None:
    """Every worker visits; area units have no names, so doing it twice would show."""
    holds = [await shop.hold(f"r1s{n}", floor=2, buyer=f"b{n}") for n in range(1, 5)]
    for hold in holds:
        await shop.confirm(hold)
    await drained(shop)
    for hold in holds[:3]:
        await shop.ledger.commit(GiveBack(1, shop.inventory.uid, hold.id, await clock.now_ms()))
    await clock.advance(60)
    recoveries = [Recovery(shop.ledger) for _ in range(4)]
    settled = await asyncio.gather(*[recovery.visit(shop.inventory) for recovery in recoveries])
    assert sum(settled) == 3
    assert await shop.floor() == (8, 0)
    assert len(await shop.events("order.refunded")) == 3
    await shop.audit()


async def test_claim_of_a_recovery_that_died_lapses(
    shop: Shop, recovery: Recovery, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = await shop.hold("r1s1")
    await shop.confirm(hold)
    await drained(shop)
    await shop.ledger.commit(GiveBack(1, shop.inventory.uid, hold.id, await clock.now_ms()))
    await clock.advance(60)

    async def dies(*_: object, **__: object) -> None:
        raise KeyError("died")

    with monkeypatch.context() as patch:
        patch.setattr(shop.inventory.calls, "free_seats", dies)
        with pytest.raises(KeyError):
            await recovery.visit(shop.inventory)
    assert await recovery.visit(shop.inventory) == 0
    await clock.advance(LEASE_MS / 1000 + 1)
    assert await recovery.visit(shop.inventory) == 1
    assert (await shop.states())[0] == "f"


async def test_recovery_of_an_ended_epoch_settles_nothing(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    hold = await begun(shop, "r1s1")
    await recovery.visit(shop.inventory)
    await clock.advance(PATIENCE)
    await shop.ledger.sales.bump_epoch(shop.inventory.uid, seen_epoch=1)
    assert await recovery.visit(shop.inventory) == 0
    assert await shop.ledger.orders.read(shop.inventory.uid, hold.id) is None


async def test_live_holds_are_left_to_their_deadlines(
    shop: Shop, recovery: Recovery, clock: Clock
) -> None:
    active, paying = await shop.hold("r1s1"), await shop.hold("r1s2")
    await begin_paying(shop.context, paying.id)
    await recovery.visit(shop.inventory)
    await clock.advance(HOLD_SECONDS - 1)
    assert await recovery.visit(shop.inventory) == 0
    assert (await shop.read(active.id)).status is HoldStatus.ACTIVE
    assert (await shop.read(paying.id)).status is HoldStatus.PAYING


async def test_walk_over_many_holds_goes_on_where_it_stopped(
    shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bounded piece at each visit, and every confirming hold is found in the end."""
    monkeypatch.setattr("holdfast_inventory.orders.recovery.PAGES_MAX", 1)
    monkeypatch.setattr("holdfast_lua.calls.inventory.SCAN_MAX", 3)
    holds = [await begun(shop, f"r{row}s{n}") for row in (1, 2) for n in range(1, 4)]
    recovery = Recovery(shop.ledger)
    for hold in holds[:5]:
        await shop.ledger.commit(Sell(1, order_of_hold(shop.inventory, hold, 1_000)))
    for _ in range(20):
        await recovery.visit(shop.inventory)
    assert (await shop.states()).count("b") == 5


async def test_confirm_after_a_lost_order_gives_its_answer(shop: Shop, clock: Clock) -> None:
    hold = await begun(shop, "r1s1")
    request = payment(hold)
    lost = build_order(
        shop.inventory.uid,
        hold.id,
        order_ref=request.order_ref,
        payment_ref=request.payment_ref,
        amount=request.amount,
        reason="hold_expired",
    )
    await shop.ledger.commit(MarkLost(1, lost))
    assert (await refusal_of(shop.confirm(hold))).code is ErrorCode.HOLD_EXPIRED
    await drained(shop)
    assert (await shop.states())[0] == "f"
