"""The crash matrix: a real process crashes at each step, and what it leaves is repaired.

After every crash the same holds: the store and the ledger come to agree, nobody is sold what
another has, and the platform that repeats its request is told the truth.
"""

import pytest
from conftest import Clock
from support.crashes.crash_points import KILLED
from support.crashes.crashing_process import CrashRun, run_until_crash
from support.http.refusals import refusal_of
from support.ledger.small_sale import HOLD_MAX_SECONDS, HOLD_SECONDS, Shop, drained, open_shop

from holdfast_inventory.orders.orders import order_of_hold
from holdfast_inventory.orders.paying import begin_paying
from holdfast_inventory.orders.recovery import PATIENCE_MS, Recovery
from holdfast_inventory.orders.refund import RefundRequest, RefundService
from holdfast_inventory.settings import LatePayment
from holdfast_ledger import GiveBack, Ledger, OrderStatus, Sell
from holdfast_lua import Executor
from holdfast_lua.calls.records import HoldRecord, HoldStatus

PATIENCE = PATIENCE_MS / 1000 + 1
CONFIRM_STEPS = (
    "before begin_confirm",
    "after begin_confirm",
    "before Sell",
    "after Sell",
    "before finish_confirm",
    "after finish_confirm",
)
SOLD_BY_NOW = CONFIRM_STEPS[3:]


@pytest.fixture
def ledger_file(shop_ledger: Ledger) -> str:
    return shop_ledger.database.url.render_as_string(hide_password=False)


@pytest.fixture
async def equivalent(executor: Executor, shop_ledger: Ledger, crash: "CrashingProcess") -> Shop:
    """A sale whose late payers get other seats of the same kind; it is the one that crashes."""
    policy = LatePayment.REACQUIRE_EQUIVALENT
    crash.shop = await open_shop(executor, shop_ledger, late_payment=policy)
    return crash.shop


@pytest.fixture
def crash(shop: Shop, store_url: str, ledger_file: str) -> "CrashingProcess":
    return CrashingProcess(shop, store_url, ledger_file)


class CrashingProcess:
    """Runs an action in a process that crashes at a step, and checks that it did."""

    def __init__(self, shop: Shop, store_url: str, ledger_url: str) -> None:
        self.shop, self._urls = shop, (store_url, ledger_url)

    async def __call__(self, action: str, hold: HoldRecord, step: str) -> None:
        inventory = self.shop.inventory
        policy = inventory.settings.late_payment
        run = CrashRun(*self._urls, inventory.name, inventory.uid, hold.id, action, step, policy)
        assert await run_until_crash(run) == KILLED


async def recovered(shop: Shop, clock: Clock) -> None:
    """Long after the crash: everybody's recovery has come by, and deadlines have passed."""
    recovery = Recovery(shop.ledger)
    await recovery.visit(shop.inventory)
    await clock.advance(PATIENCE)
    await recovery.visit(shop.inventory)
    await shop.inventory.sweep()
    assert await recovery.visit(shop.inventory) == 0
    await shop.audit()


@pytest.mark.parametrize("step", CONFIRM_STEPS)
async def test_confirm_repeated_at_once_after_a_crash_sells_once(
    shop: Shop, crash: CrashingProcess, step: str
) -> None:
    hold = await shop.hold("r1s1", "r1s2", floor=2)
    await crash("confirm", hold, step)
    confirmed = await shop.confirm(hold)
    assert confirmed.order.status is OrderStatus.SOLD
    assert confirmed.again is (step in SOLD_BY_NOW)
    await drained(shop)
    assert (await shop.states())[:2] == "bb"
    assert len(await shop.events("order.confirmed")) == 1
    await shop.audit()


@pytest.mark.parametrize("step", CONFIRM_STEPS)
async def test_confirm_that_nobody_repeats_is_finished_or_undone(
    shop: Shop, crash: CrashingProcess, clock: Clock, step: str
) -> None:
    hold = await shop.hold("r1s1", floor=2)
    await crash("confirm", hold, step)
    await clock.advance(HOLD_SECONDS)
    await recovered(shop, clock)
    sold = step in SOLD_BY_NOW
    assert (await shop.states())[0] == ("b" if sold else "f")
    assert await shop.floor() == ((8, 0) if sold else (10, 0))
    assert len(await shop.events("order.confirmed")) == int(sold)


@pytest.mark.parametrize("step", CONFIRM_STEPS)
async def test_store_lost_after_a_crash_keeps_what_was_sold(
    shop: Shop, crash: CrashingProcess, clock: Clock, step: str
) -> None:
    """Crash and loss together: the ledger alone says what became of the order."""
    hold = await shop.hold("r1s1")
    await begin_paying(shop.context, hold.id)
    await crash("confirm", hold, step)
    await shop.lose_store()
    assert (await shop.states())[0] == ("b" if step in SOLD_BY_NOW else "h")
    assert (await shop.confirm(hold)).order.status is OrderStatus.SOLD
    await drained(shop)
    await shop.audit()


@pytest.mark.parametrize("step", ["before MarkLost", "after MarkLost", "after require_refund"])
async def test_late_payment_that_breaks_off_is_announced_once(
    shop: Shop, crash: CrashingProcess, clock: Clock, step: str
) -> None:
    hold = await shop.hold("r1s1")
    await clock.advance(HOLD_SECONDS + 1)
    await shop.hold("r1s1", buyer="bob")
    await crash("confirm", hold, step)
    assert (await refusal_of(shop.confirm(hold))).members["refund_required"] is True
    await drained(shop)
    await clock.advance(60)
    await Recovery(shop.ledger).visit(shop.inventory)
    assert (await shop.order(hold.id)).due_ms is None
    assert len(await shop.events("order.refund_required")) == 1
    await shop.audit()


@pytest.mark.parametrize(
    "step",
    [
        "after Sell",
        "after drop_hold",
        "before book_hold",
        "refused book_hold",  # the seat is held
        "after book_hold",
        "after abort_confirm",
        "after require_refund",
        "before StoreSynced",
    ],
)
async def test_refusal_of_what_the_ledger_sold_to_another_books_it_for_them(
    shop: Shop, crash: CrashingProcess, clock: Clock, step: str
) -> None:
    """Given a seat that the ledger sold, and the store, which did not know, gave to another."""
    first = await shop.hold("r1s1")
    order = order_of_hold(shop.inventory, first, 1_000)
    await shop.inventory.release(first.id, owner="", version=0)
    await shop.ledger.commit(Sell(1, order))
    second = await shop.hold("r1s1", "r1s2", buyer="bob")
    await crash("confirm", second, step)
    await recovered(shop, clock)
    assert (await shop.states())[:2] == "bf"
    assert (await shop.order(second.id)).status is OrderStatus.LOST
    assert len(await shop.events("order.refund_required")) == 1


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize(
    "step", ["before reacquire_hold", "after reacquire_hold", "after Sell", "before finish_confirm"]
)
async def test_late_payment_on_other_seats_that_breaks_off_has_them_or_none(
    equivalent: Shop, crash: CrashingProcess, clock: Clock, step: str, repeated: bool
) -> None:
    """Given seats that somebody else has meanwhile: one set of others, sold once or free again."""
    shop = equivalent
    hold = await shop.hold("r1s1", "r1s2", floor=1)
    await clock.advance(HOLD_SECONDS + 1)
    rival = await shop.hold("r1s1", buyer="bob")
    await crash("confirm", hold, step)
    if repeated:
        order = (await shop.confirm(hold)).order
        assert (order.status, order.total) == (OrderStatus.SOLD, hold.total)
        await drained(shop)
    await shop.inventory.release(rival.id, owner="", version=0)
    await recovered(shop, clock)
    sold = repeated or step in {"after Sell", "before finish_confirm"}
    assert (await shop.states()).count("b") == (2 if sold else 0)
    assert await shop.floor() == ((9, 0) if sold else (10, 0))
    assert len(await shop.events("order.confirmed")) == int(sold)


@pytest.mark.parametrize(
    "step", ["before begin_paying", "after begin_paying", "before MarkPending", "after MarkPending"]
)
async def test_paying_that_breaks_off_can_be_repeated_or_lapses(
    shop: Shop, crash: CrashingProcess, clock: Clock, step: str
) -> None:
    repeated, forgotten = await shop.hold("r1s1"), await shop.hold("r1s2")
    for hold in (repeated, forgotten):
        await crash("pay", hold, step)
    await begin_paying(shop.context, repeated.id)
    assert (await shop.confirm(repeated)).order.status is OrderStatus.SOLD
    await drained(shop)
    await clock.advance(HOLD_MAX_SECONDS + 120)
    await recovered(shop, clock)
    assert (await shop.states())[:2] == "bf"


@pytest.mark.parametrize(
    "step", ["before GiveBack", "after GiveBack", "before free_seats", "after free_seats"]
)
async def test_refund_that_breaks_off_frees_everything_once(
    shop: Shop, crash: CrashingProcess, clock: Clock, step: str
) -> None:
    hold = await shop.hold("r1s1", floor=2)
    other = await shop.hold("r1s2", floor=3, buyer="bob")
    for each in (hold, other):
        await shop.confirm(each)
    await drained(shop)
    await crash("refund", hold, step)
    await RefundService(shop.background).refund(shop.context, hold.id, RefundRequest(), None)
    await drained(shop)
    await clock.advance(60)
    await recovered(shop, clock)
    assert (await shop.states())[:2] == "fb"
    assert await shop.floor() == (7, 0)
    assert len(await shop.events("order.refunded")) == 1


@pytest.mark.parametrize("step", ["after MarkVoid", "before abort_confirm", "after abort_confirm"])
async def test_recovery_that_dies_is_repeated_by_the_next(
    shop: Shop, crash: CrashingProcess, clock: Clock, step: str
) -> None:
    hold = await shop.hold("r1s1")
    await crash("confirm", hold, "after begin_confirm")
    await crash("recover", hold, step)
    assert (await shop.order(hold.id)).status is OrderStatus.VOID
    await recovered(shop, clock)
    assert (await shop.states())[0] == "f"
    assert (await shop.read(hold.id)).status is HoldStatus.EXPIRED


@pytest.mark.parametrize("step", ["after RecoveryLease", "after free_seats", "before StoreSynced"])
async def test_recovery_that_dies_over_a_refund_is_repeated_by_the_next(
    shop: Shop, crash: CrashingProcess, clock: Clock, step: str
) -> None:
    hold = await shop.hold("r1s1", floor=2)
    await shop.confirm(hold)
    await drained(shop)
    await shop.ledger.commit(GiveBack(1, shop.inventory.uid, hold.id, await clock.now_ms()))
    await clock.advance(60)
    await crash("recover", hold, step)
    await clock.advance(60)
    await recovered(shop, clock)
    assert await shop.floor() == (10, 0)
    assert len(await shop.events("order.refunded")) == 1


async def test_sale_that_dies_behind_the_ledger_is_booked_by_recovery(
    shop: Shop, clock: Clock
) -> None:
    """The same as a crash after Sell, with another worker's recovery at work at once."""
    hold = await shop.hold("r1s1")
    answer = await shop.inventory.calls.begin_confirm(
        shop.inventory.ref, hold.id, reacquire=True, limit=6
    )
    assert answer.hold is not None
    await shop.ledger.commit(Sell(1, order_of_hold(shop.inventory, answer.hold, 1_000)))
    await recovered(shop, clock)
    assert (await shop.states())[0] == "b"
