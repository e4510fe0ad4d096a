from collections import Counter
from contextlib import suppress

import msgspec
import pytest
from conftest import Clock
from support.ledger.orders import build_order
from support.ledger.small_sale import HOLD_SECONDS, Shop, drained, open_shop, payment

from holdfast_inventory.holds.hold_requests import BuyerRef, HoldBody, resolve
from holdfast_inventory.orders.confirm import ConfirmService
from holdfast_inventory.orders.flags import SLOW_SECONDS, FlagService, SettledConfirm, flags_of
from holdfast_inventory.orders.recovery import PATIENCE_MS, Recovery
from holdfast_ledger import (
    ANY_FLAG,
    AuditEntry,
    Ledger,
    OrderFlag,
    OrderQuery,
    OrderStatus,
)
from holdfast_lua import Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.records import HoldRecord
from holdfast_web.errors import HoldfastError

Counted = Counter[tuple[str, OrderFlag]]


@pytest.fixture
def counted() -> Counted:
    return Counter()


@pytest.fixture
def flags(counted: Counted) -> FlagService:
    def count(sale: str, flag: OrderFlag) -> None:
        counted[sale, flag] += 1

    return FlagService(count)


async def confirm(shop: Shop, flags: FlagService, hold: HoldRecord, **changes: object) -> None:
    """Confirms the hold as the service does; a refusal that is one of its answers is no fault."""
    request = msgspec.structs.replace(payment(hold), **changes)
    with suppress(HoldfastError):
        await ConfirmService(shop.background, flags).confirm(shop.context, hold.id, request)
    await drained(shop)


async def flags_on(shop: Shop, hold: HoldRecord) -> tuple[OrderFlag, ...]:
    return (await shop.ledger.order_flags.of([hold.id])).get(hold.id, ())


async def flagged(shop: Shop, flag: str) -> list[str]:
    page = await shop.ledger.orders.page(shop.inventory.uid, limit=9, of=OrderQuery(flag=flag))
    return [order.id for order in page]


async def test_ordinary_order_has_no_flag(shop: Shop, flags: FlagService) -> None:
    hold = await shop.hold("r1s1")
    await confirm(shop, flags, hold)
    assert await flags_on(shop, hold) == ()
    assert await shop.events("order.flagged") == []


@pytest.mark.parametrize("taken", [False, True])
async def test_late_payment_is_flagged_whatever_becomes_of_it(
    shop: Shop, clock: Clock, flags: FlagService, counted: Counted, taken: bool
) -> None:
    hold = await shop.hold("r1s1")
    await clock.advance(HOLD_SECONDS + 1)
    if taken:
        await shop.hold("r1s1", buyer="bob")
    for _ in range(2):
        await confirm(shop, flags, hold)
    assert await flags_on(shop, hold) == (OrderFlag.PAID_LATE,)
    assert await flagged(shop, OrderFlag.PAID_LATE) == [hold.id]
    assert counted == {(shop.inventory.name, OrderFlag.PAID_LATE): 1}
    assert await shop.events("order.flagged") == [{"flag": "paid_late", "buyer": "ann"}]


async def test_refused_amount_is_flagged_on_the_order_that_comes_of_it(
    shop: Shop, flags: FlagService
) -> None:
    hold = await shop.hold("r1s1")
    await confirm(shop, flags, hold, amount=hold.total - 1)
    assert await flags_on(shop, hold) == (OrderFlag.AMOUNT_MISMATCH,)
    assert await flagged(shop, ANY_FLAG) == []
    await confirm(shop, flags, hold)
    assert await flagged(shop, ANY_FLAG) == [hold.id]


async def test_other_amount_that_is_taken_is_flagged(
    executor: Executor, shop_ledger: Ledger, flags: FlagService
) -> None:
    shop = await open_shop(executor, shop_ledger, verify_amount=False)
    other, unnamed = await shop.hold("r1s1"), await shop.hold("r1s2")
    await confirm(shop, flags, other, amount=1)
    await confirm(shop, flags, unnamed, amount=None)
    assert await flagged(shop, ANY_FLAG) == [other.id]


async def test_abandoned_confirm_is_flagged(
    shop: Shop, flags: FlagService, clock: Clock, counted: Counted
) -> None:
    hold = await shop.hold("r1s1")
    calls, ref = shop.inventory.calls, shop.inventory.ref
    await calls.begin_confirm(ref, hold.id, reacquire=True, limit=6)
    recoveries = [Recovery(shop.ledger, flags=flags) for _ in range(2)]
    for recovery in recoveries:
        await recovery.visit(shop.inventory)
    await clock.advance(PATIENCE_MS / 1000 + 1)
    for recovery in recoveries:
        await recovery.visit(shop.inventory)
    assert (await shop.order(hold.id)).status is OrderStatus.VOID
    assert await flagged(shop, OrderFlag.PAID_UNCONFIRMED) == [hold.id]
    assert counted == {(shop.inventory.name, OrderFlag.PAID_UNCONFIRMED): 1}


async def test_buyer_with_many_passes_is_flagged_from_the_third_on(
    shop: Shop, flags: FlagService, clock: Clock
) -> None:
    holds = []
    for number, seat in enumerate(("r1s1", "r1s3", "r1s5")):
        pass_id = f"pass-{number}"
        deadline = await clock.now_ms() + 900_000
        await shop.executor.command("ZADD", keys.active(shop.inventory.uid), deadline, pass_id)
        request = resolve(HoldBody(seats=(seat,)), shop.inventory.plan, shop.inventory.settings)
        buyer = BuyerRef("ann", f"pass:{pass_id}", pass_id)
        answer = await shop.inventory.hold(request, buyer, key=seat, digest=seat)
        assert answer.hold is not None
        holds.append(answer.hold)
        await confirm(shop, flags, answer.hold)
    assert await flagged(shop, OrderFlag.MANY_TICKETS) == [holds[2].id]


@pytest.mark.parametrize(
    ("settled", "found"),
    [
        ({}, []),
        ({"seconds": SLOW_SECONDS + 0.1}, [OrderFlag.CONFIRM_SLOW]),
        ({"seconds": SLOW_SECONDS}, []),
        ({"late": True, "seconds": 9.0}, [OrderFlag.PAID_LATE, OrderFlag.CONFIRM_SLOW]),
    ],
)
def test_confirm_tells_what_is_abnormal_about_it(
    settled: dict[str, object], found: list[OrderFlag]
) -> None:
    order = build_order("uid", "id", seats=(0,), status=OrderStatus.SOLD, amount=4500)
    ordinary = {"order": order, "late": False, "with_pass": False, "seconds": 0.1}
    assert flags_of(SettledConfirm(**{**ordinary, **settled})) == found  # type: ignore[arg-type]


async def test_resolved_order_leaves_the_list_for_good(shop: Shop, flags: FlagService) -> None:
    hold = await shop.hold("r1s1")
    await confirm(shop, flags, hold, amount=1)
    await confirm(shop, flags, hold)
    ledger, uid, name = shop.ledger, shop.inventory.uid, shop.inventory.name
    entry = AuditEntry("k1", "order.resolve")
    for done in (True, False):
        answer = await ledger.order_flags.resolve(uid, hold.id, at_ms=1, sale=name, entry=entry)
        assert answer is done
    assert await flagged(shop, ANY_FLAG) == []
    again = await ledger.order_flags.add(uid, hold.id, OrderFlag.AMOUNT_MISMATCH, at_ms=2)
    assert again is False
    assert await flags_on(shop, hold) == ()
    entries = [e.entry.action for e in await ledger.audit.page(sales={name})]
    assert entries == ["order.resolve"] * 2
