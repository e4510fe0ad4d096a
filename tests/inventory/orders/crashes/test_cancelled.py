"""Tasks that are cancelled in the middle: a client that is gone, a worker that shuts down.

What they had begun is carried to an end by others or left where recovery finds it; and nobody else
waits for what they held: no lock, no connection, no place in a batch.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest
from conftest import Clock
from support.ledger.small_sale import Shop, drained, make_inventory

from holdfast_inventory.holds import seat_blocks as blocking
from holdfast_inventory.orders.paying import begin_paying
from holdfast_inventory.orders.recovery import PATIENCE_MS, Recovery
from holdfast_inventory.orders.refund import RefundRequest, RefundService
from holdfast_ledger import AuditEntry, Ledger, LedgerUnavailable, Order, OrderStatus
from holdfast_lua import Executor, SaleRef

STEPS = 14
"""how often a deed is cancelled, each time a moment later"""
MOMENT_SECONDS = 0.0008
SOON_SECONDS = 2.0
"""far below what anybody may wait for the ledger"""


async def cancelled_at(
    step: int, deed: Callable[[], Awaitable[object]], moment_seconds: float = MOMENT_SECONDS
) -> None:
    """Begin the deed, and cancel it after so many moments."""
    task = asyncio.ensure_future(deed())
    for _ in range(step):
        await asyncio.sleep(moment_seconds)
    task.cancel()
    await asyncio.wait({task})


async def settled(shop: Shop, clock: Clock) -> None:
    """What recovery makes of it."""
    await drained(shop)
    # A COMMIT that was cancelled may still be on its way to the file. Recovery would find it when
    # it comes by next; here it comes by only behind it.
    async with shop.ledger.database.writing():
        pass
    recovery = Recovery(shop.ledger)
    await recovery.visit(shop.inventory)
    await clock.advance_ms(PATIENCE_MS + 1)
    await recovery.visit(shop.inventory)
    await shop.audit()


@pytest.mark.parametrize("step", range(STEPS))
async def test_cancelled_confirm_is_sold_once_or_not_at_all(
    shop: Shop, clock: Clock, step: int
) -> None:
    """Given two holds, the confirm of one cancelled, the other's waits for nobody."""
    hold, other = await shop.hold("r1s1"), await shop.hold("r1s2", buyer="bob")
    await cancelled_at(step, lambda: shop.confirm(hold))
    async with asyncio.timeout(SOON_SECONDS):
        assert (await shop.confirm(other)).order.status is OrderStatus.SOLD
    if step % 2:
        assert (await shop.confirm(hold)).order.status is OrderStatus.SOLD
    await settled(shop, clock)
    states = (await shop.states())[:2]
    assert states == "bb" if step % 2 else states in {"bb", "fb", "hb"}
    confirmed = [event["seats"] for event in await shop.events("order.confirmed")]
    assert len(confirmed) == states.count("b")


@pytest.mark.parametrize("step", range(0, STEPS, 2))
async def test_cancelled_refund_gives_back_once_or_not_at_all(
    shop: Shop, clock: Clock, step: int
) -> None:
    hold = await shop.hold("r1s1", floor=2)
    await shop.confirm(hold)
    await drained(shop)
    refund_service = RefundService(shop.background)

    async def refund() -> Order:
        return (await refund_service.refund(shop.context, hold.id, RefundRequest(), None)).order

    await cancelled_at(step, refund)
    await settled(shop, clock)
    order = await shop.order(hold.id)
    assert order.status in {OrderStatus.SOLD, OrderStatus.REFUNDED}
    assert (await shop.states())[0] == ("b" if order.status is OrderStatus.SOLD else "f")
    async with asyncio.timeout(SOON_SECONDS):
        assert (await refund()).status is OrderStatus.REFUNDED
    await settled(shop, clock)
    assert len(await shop.events("order.refunded")) == 1
    assert await shop.floor() == (10, 0)


@pytest.mark.parametrize("step", range(0, STEPS, 2))
async def test_cancelled_paying_and_block_leave_what_a_repeat_finishes(
    shop: Shop, clock: Clock, step: int
) -> None:
    hold = await shop.hold("r1s1")
    await cancelled_at(step, lambda: begin_paying(shop.context, hold.id))
    await cancelled_at(step, lambda: blocking.block(shop.context, [8, 9]))
    async with asyncio.timeout(SOON_SECONDS):
        assert (await begin_paying(shop.context, hold.id)).order.status is OrderStatus.PENDING
        assert (await blocking.block(shop.context, [8, 9])).blocked == (8, 9)
    await shop.lose_store()
    assert (await shop.states())[:10] == "hfffffffxx"


@pytest.fixture
async def crowd(executor: Executor, shop_ledger: Ledger, shop: Shop) -> AsyncIterator[list[Shop]]:
    """The same sale in as many workers as SQLite lets in one after the other."""
    url = shop_ledger.database.url.render_as_string(hide_password=False)
    others = [await Ledger.open(url) for _ in range(3)]
    ref = SaleRef(shop.inventory.uid, 1)
    inventory = make_inventory(executor, shop.inventory.name, ref, shop.inventory.settings)
    yield [shop, *(Shop(executor, ledger, inventory) for ledger in others)]
    for ledger in others:
        await ledger.close()


async def test_cancelled_writers_keep_no_other_worker_out(crowd: list[Shop], clock: Clock) -> None:
    """Catches a write lock that goes with a task: every other worker would wait for it in vain."""
    uid = crowd[0].inventory.uid
    for n in range(60):
        victim, other = crowd[n % 4], crowd[(n + 1) % 4]
        write = partial(victim.ledger.sales.raise_ceiling, uid, epoch=1, ceiling=1_000 + n)
        await cancelled_at(n % 5, write, MOMENT_SECONDS / 3)
        async with asyncio.timeout(SOON_SECONDS):
            await other.ledger.audit.append(AuditEntry("other", "write"))
    hold = await crowd[0].hold(floor=2)
    assert (await crowd[3].confirm(hold)).order.status is OrderStatus.SOLD
    await drained(crowd[3])
    await crowd[0].audit()


async def test_cancelled_lane_of_the_group_commit_leaves_nobody_waiting(shop: Shop) -> None:
    """Catches callers who would wait for ever: those of its batch are told that nobody knows."""
    holds = [await shop.hold(f"r1s{n}") for n in (1, 2, 3)]
    confirms = [asyncio.create_task(shop.confirm(hold)) for hold in holds]
    lanes: set[asyncio.Task[object]] = set()
    while not lanes:
        await asyncio.sleep(0)
        lanes = {task for task in asyncio.all_tasks() if "_run_lane" in repr(task.get_coro())}
    await asyncio.sleep(0)
    lanes.pop().cancel()
    async with asyncio.timeout(SOON_SECONDS):
        answers = await asyncio.gather(*confirms, return_exceptions=True)
    assert any(isinstance(answer, LedgerUnavailable) for answer in answers)
    for hold in holds:
        assert (await shop.confirm(hold)).order.status is OrderStatus.SOLD
    await drained(shop)
    await shop.audit()
