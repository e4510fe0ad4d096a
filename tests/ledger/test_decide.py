"""The rules of an order's life, without a database: every status meets every intent."""

import pytest
from msgspec.structs import replace
from support.ledger.orders import build_order

from holdfast_ledger import (
    GiveBack,
    MarkLost,
    MarkPending,
    MarkVoid,
    Order,
    OrderStatus,
    RecoveryLease,
    RefundItem,
    Sell,
    StoreSynced,
    Verdict,
)
from holdfast_ledger.transactions.decide import SYNC_STORE_WITHIN_MS, decide, taken

EPOCH = 3
SETTLED = (
    OrderStatus.SOLD,
    OrderStatus.LOST,
    OrderStatus.PARTLY_REFUNDED,
    OrderStatus.REFUNDED,
)


def row(status: OrderStatus, **changes: object) -> Order:
    """The order as the ledger has it."""
    return build_order("sale", "o1", seats=(4, 5), floor=2, status=status, **changes)


def wanted(**changes: object) -> Order:
    """The order as a confirm hands it in, a second later."""
    return build_order("sale", "o1", seats=(4, 5), floor=2, updated_ms=2_000, **changes)


def give_back(*items: RefundItem, key: str | None = None) -> GiveBack:
    """A refund of these items, or of everything when none is named."""
    return GiveBack(EPOCH, "sale", "o1", 5_000, items or None, key)


@pytest.mark.parametrize(
    "intent",
    [
        MarkPending(EPOCH - 1, wanted()),
        Sell(EPOCH - 1, wanted()),
        MarkLost(EPOCH - 1, wanted()),
        MarkVoid(EPOCH - 1, wanted()),
        GiveBack(EPOCH - 1, "sale", "o1", 5_000),
        StoreSynced(EPOCH - 1, "sale", "o1", 1_000),
    ],
)
def test_intent_of_an_older_epoch_writes_nothing(
    intent: MarkPending | Sell | MarkLost | MarkVoid | GiveBack | StoreSynced,
) -> None:
    step = decide(intent, row(OrderStatus.PENDING), EPOCH)
    assert step.outcome.verdict is Verdict.EPOCH_PASSED
    assert step.write is None


def test_intent_for_a_sale_that_is_not_there_writes_nothing() -> None:
    assert decide(Sell(EPOCH, wanted()), None, None).write is None


def test_sell_without_pending_takes_the_stock() -> None:
    step = decide(Sell(EPOCH, wanted()), None, EPOCH)
    assert step.outcome.verdict is Verdict.DONE
    assert step.is_new
    assert (step.take_seats, step.take_areas) == ((4, 5), {"floor": 2})
    assert step.write is not None
    assert step.write.status is OrderStatus.SOLD
    assert step.write.confirmed_ms == 2_000


def test_sell_after_pending_keeps_when_the_order_began() -> None:
    step = decide(Sell(EPOCH, wanted(created_ms=1_500)), row(OrderStatus.PENDING), EPOCH)
    assert step.write is not None
    assert not step.is_new
    assert step.write.created_ms == 1_000
    assert step.write.due_ms is None


@pytest.mark.parametrize("status", SETTLED)
def test_sell_again_with_the_same_body_is_a_repeat(status: OrderStatus) -> None:
    step = decide(Sell(EPOCH, wanted()), row(status), EPOCH)
    assert step.outcome.verdict is Verdict.REPEATED
    assert step.outcome.order == row(status)
    assert step.write is None


@pytest.mark.parametrize("status", SETTLED)
@pytest.mark.parametrize("change", [{"order_ref": "x"}, {"payment_ref": "x"}, {"amount": 1}])
def test_sell_again_with_another_body_differs(
    status: OrderStatus, change: dict[str, object]
) -> None:
    step = decide(Sell(EPOCH, wanted(**change)), row(status), EPOCH)
    assert step.outcome.verdict is Verdict.DIFFERS
    assert step.write is None


@pytest.mark.parametrize(
    ("void_version", "verdict"), [(1, Verdict.DONE), (2, Verdict.VOIDED), (3, Verdict.VOIDED)]
)
def test_void_fences_confirms_that_began_before_it(void_version: int, verdict: Verdict) -> None:
    void = row(OrderStatus.VOID, hold_version=void_version)
    step = decide(Sell(EPOCH, wanted(hold_version=2)), void, EPOCH)
    assert step.outcome.verdict is verdict
    assert bool(step.take_seats) is (verdict is Verdict.DONE)


def test_taken_stock_turns_the_confirm_into_a_lost_order() -> None:
    step = taken(decide(Sell(EPOCH, wanted()), None, EPOCH), (4,), ())
    assert step.outcome.verdict is Verdict.TAKEN
    assert step.outcome.taken_seats == (4,)
    assert step.write is not None
    assert step.write.status is OrderStatus.LOST
    assert (step.write.confirmed_ms, step.write.reason) == (None, "ledger_conflict")
    assert step.write.due_ms == 2_000 + SYNC_STORE_WITHIN_MS
    assert (step.take_seats, step.take_areas) == ((), {})


@pytest.mark.parametrize("status", SETTLED)
def test_mark_pending_of_a_settled_order_is_refused(status: OrderStatus) -> None:
    assert (
        decide(MarkPending(EPOCH, wanted()), row(status), EPOCH).outcome.verdict is Verdict.SETTLED
    )


def test_mark_pending_again_is_a_repeat_and_a_newer_hold_renews_it() -> None:
    pending = row(OrderStatus.PENDING, hold_version=2)
    assert decide(MarkPending(EPOCH, wanted()), pending, EPOCH).outcome.verdict is Verdict.REPEATED
    step = decide(MarkPending(EPOCH, wanted(hold_version=3, due_ms=9_000)), pending, EPOCH)
    assert step.outcome.verdict is Verdict.DONE
    assert step.write is not None
    assert step.write.due_ms == 9_000


def test_mark_pending_takes_no_stock() -> None:
    step = decide(MarkPending(EPOCH, wanted()), None, EPOCH)
    assert (step.take_seats, step.take_areas) == ((), {})


def test_void_of_an_unknown_order_leaves_a_tombstone() -> None:
    step = decide(MarkVoid(EPOCH, wanted()), None, EPOCH)
    assert step.write is not None
    assert step.write.status is OrderStatus.VOID
    assert step.is_new


@pytest.mark.parametrize("status", SETTLED)
def test_void_never_undoes_what_is_settled(status: OrderStatus) -> None:
    step = decide(MarkVoid(EPOCH, wanted(hold_version=9)), row(status), EPOCH)
    assert step.outcome.verdict is Verdict.SETTLED
    assert step.write is None


def test_void_of_a_hold_that_moved_on_is_outdated() -> None:
    pending = row(OrderStatus.PENDING, hold_version=3)
    step = decide(MarkVoid(EPOCH, wanted(hold_version=2)), pending, EPOCH)
    assert step.outcome.verdict is Verdict.OUTDATED
    assert step.write is None


def test_lost_order_is_due_until_the_store_is_synced() -> None:
    lost = decide(MarkLost(EPOCH, wanted(reason="hold_expired")), None, EPOCH).write
    assert lost is not None
    assert (lost.status, lost.reason) == (OrderStatus.LOST, "hold_expired")
    assert lost.due_ms == 2_000 + SYNC_STORE_WITHIN_MS
    synced = decide(StoreSynced(EPOCH, "sale", "o1", lost.updated_ms), lost, EPOCH).write
    assert synced == replace(lost, due_ms=None)


def test_sync_of_an_earlier_state_changes_nothing() -> None:
    lost = row(OrderStatus.LOST, due_ms=7_000)
    step = decide(StoreSynced(EPOCH, "sale", "o1", lost.updated_ms - 1), lost, EPOCH)
    assert step.outcome.verdict is Verdict.OUTDATED
    assert step.write is None


def test_claim_is_won_once_and_changes_nothing_but_when_the_order_is_due() -> None:
    """Catches two recoveries that free the same refunded units."""
    due = row(OrderStatus.REFUNDED, due_ms=7_000)
    claimed = decide(RecoveryLease(EPOCH, "sale", "o1", 7_000, 37_000), due, EPOCH).write
    assert claimed == replace(due, due_ms=37_000)
    again = decide(RecoveryLease(EPOCH, "sale", "o1", 7_000, 38_000), claimed, EPOCH)
    assert again.outcome.verdict is Verdict.OUTDATED
    assert again.write is None


def test_refund_of_everything_frees_everything_once() -> None:
    step = decide(give_back(), row(OrderStatus.SOLD), EPOCH)
    assert (step.free_seats, step.free_areas) == ((4, 5), {"floor": 2})
    assert step.write is not None
    assert step.write.status is OrderStatus.REFUNDED
    assert step.write.refunded_amount == 2 * 4500 + 2 * 1000
    again = decide(give_back(), step.write, EPOCH)
    assert again.outcome.verdict is Verdict.REPEATED
    assert (again.free_seats, again.free_areas) == ((), {})


def test_partial_refund_leaves_the_rest_with_the_order() -> None:
    step = decide(give_back(RefundItem(seat="guid-4")), row(OrderStatus.SOLD), EPOCH)
    assert step.free_seats == (4,)
    assert step.write is not None
    assert step.write.status is OrderStatus.PARTLY_REFUNDED
    assert (step.write.seats, step.write.areas) == ((5,), {"floor": 2})


def test_refund_under_the_same_key_is_a_repeat() -> None:
    one = RefundItem(area="floor", quantity=1)
    once = decide(give_back(one, key="k"), row(OrderStatus.SOLD), EPOCH).write
    assert once is not None
    assert decide(give_back(one, key="k"), once, EPOCH).outcome.verdict is Verdict.REPEATED
    assert decide(give_back(one, key="other"), once, EPOCH).free_areas == {"floor": 1}


@pytest.mark.parametrize(
    "item",
    [RefundItem(seat="guid-9"), RefundItem(area="floor", quantity=3), RefundItem(area="balcony")],
)
def test_refund_of_what_the_order_does_not_own_is_refused(item: RefundItem) -> None:
    step = decide(give_back(item), row(OrderStatus.SOLD), EPOCH)
    assert step.outcome.verdict is Verdict.NOT_OWNED
    assert step.write is None


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.VOID])
def test_refund_of_an_order_without_payment_is_refused(status: OrderStatus) -> None:
    assert decide(give_back(), row(status), EPOCH).outcome.verdict is Verdict.SETTLED


def test_refund_of_a_lost_order_returns_the_payment_and_no_seat() -> None:
    step = decide(give_back(), row(OrderStatus.LOST, amount=11_000), EPOCH)
    assert step.write is not None
    assert step.write.status is OrderStatus.REFUNDED
    assert step.write.refunded_amount == 11_000
    assert (step.free_seats, step.free_areas) == ((), {})


def test_every_change_has_an_updated_time_of_its_own() -> None:
    pending = row(OrderStatus.PENDING, updated_ms=5_000)
    step = decide(Sell(EPOCH, wanted()), pending, EPOCH)
    assert step.write is not None
    assert step.write.updated_ms > pending.updated_ms
