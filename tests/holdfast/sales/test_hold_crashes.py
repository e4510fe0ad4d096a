"""A worker crashes in the middle of what buyers ask of a sale, and others go on.

As in test_sale_crashes.py: a real process crashes at each step, and the steps are the rows of
docs/correctness.md. What is done with an order is in tests/inventory/orders/crashes.
"""

import secrets

import pytest
from conftest import Clock
from support.crashes.crashing_worker import CrashingWorker
from support.http.refusals import refusal_of
from support.sales.worker import NAME, Worker, confirm, head_of, lose, reconciled

from holdfast.sales.spec import AllotmentSpec
from holdfast_inventory.holds.hold_requests import BuyerRef, HoldBody, resolve
from holdfast_inventory.orders.paying import begin_paying
from holdfast_lua.calls.records import HoldRecord, HoldStatus
from holdfast_web.errors import ErrorCode, HoldfastError


@pytest.mark.parametrize("step", ["before hold_seats", "after hold_seats"])
async def test_hold_that_broke_off_is_found_under_its_key(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    await worker.create(NAME)
    await crash("hold", step, key="the-key")
    held = (await head_of(worker, NAME)).units.held
    assert held == (2 if step == "after hold_seats" else 0)
    hold = await worker.hold(NAME, "the-key")
    assert hold.units == (await head_of(worker, NAME)).units.held == 2


@pytest.mark.parametrize("paid", [False, True])
@pytest.mark.parametrize(
    "step", ["after sales.bump_epoch", "after install_holds", "after install_sale"]
)
async def test_rebuild_that_broke_off_answers_the_repeated_hold(
    worker: Worker, crash: CrashingWorker, step: str, paid: bool
) -> None:
    """Given a hold that is being paid or sold, its key finds it, though the store was lost."""
    await worker.create(NAME)
    hold = await worker.hold(NAME, "the-key")
    await begin_paying(await worker.context(NAME), hold.id)
    if paid:
        await confirm(worker, NAME, hold)
    await lose(worker, NAME)
    await crash("load", step)
    fresh = worker.newcomer()
    again = await fresh.hold(NAME, "the-key")
    assert (again.id, again.seats) == (hold.id, hold.seats)
    assert again.status is (HoldStatus.CONFIRMED if paid else HoldStatus.PAYING)
    await reconciled(fresh, NAME)


@pytest.mark.parametrize(
    "step", ["after sales.bump_epoch", "after install_inventory", "after install_sale"]
)
async def test_rebuild_that_broke_off_keeps_what_is_set_aside(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    """Given seats and units of a channel, some of them sold, the others stay the channel's."""
    await worker.create(NAME, allotments=(AllotmentSpec("fans", seats=("r1s1", "r1s2", "r1s3")),))
    fan = BuyerRef("fan", "key:test")
    await confirm_seats(worker, ("r1s1",), fan, frozenset({"fans"}))
    await lose(worker, NAME)
    await crash("load", step)
    fresh = worker.newcomer()
    refusal = await refusal_of(
        hold_seats(fresh, ("r1s2",), BuyerRef("ann", "key:test"), frozenset())
    )
    assert refusal.code is ErrorCode.CHANNEL_REQUIRED
    refusal = await refusal_of(hold_seats(fresh, ("r1s1",), fan, frozenset({"fans"})))
    assert refusal.code is ErrorCode.SEAT_UNAVAILABLE
    best = await fresh.hold(NAME, "best")
    assert not {0, 1, 2} & set(best.seats)
    assert (await hold_seats(fresh, ("r1s2",), fan, frozenset({"fans"}))).seats == (1,)
    await reconciled(fresh, NAME)


@pytest.mark.parametrize("step", ["before release_hold", "after release_hold"])
async def test_release_that_broke_off_can_be_repeated(
    worker: Worker, crash: CrashingWorker, step: str
) -> None:
    await worker.create(NAME)
    hold = await worker.hold(NAME, "key")
    await crash("release", step, hold=hold.id)
    inventory = (await worker.directory.get(NAME)).inventory
    await inventory.release(hold.id, owner="", version=0)
    units = (await head_of(worker, NAME)).units
    assert (units.held, units.free) == (0, 70)


@pytest.mark.parametrize("step", ["before extend_hold", "after extend_hold"])
async def test_extend_that_broke_off_can_be_repeated_within_its_bound(
    worker: Worker, crash: CrashingWorker, clock: Clock, step: str
) -> None:
    sale = await worker.create(NAME)
    hold = await worker.hold(NAME, "key")
    latest_ms = hold.created_ms + sale.inventory.settings.hold_max_ms
    for _ in range(2):
        await clock.advance(sale.inventory.settings.hold_ms / 1000 - 60)
        await crash("extend", step, hold=hold.id)
        await sale.inventory.extend(hold.id, owner="", version=0)
    extended = (await sale.inventory.read(hold.id, owner="")).hold
    assert extended is not None
    assert extended.expires_ms == latest_ms
    await reconciled(worker, NAME)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("step", ["before cancel_hold", "after cancel_hold"])
async def test_cancel_that_broke_off_keeps_the_hold_from_coming(
    worker: Worker, crash: CrashingWorker, step: str, held: bool
) -> None:
    sale = await worker.create(NAME)
    if held:
        await worker.hold(NAME, "the-key")
    await crash("cancel", step, key="the-key")
    await sale.inventory.cancel(BuyerRef("ann", "key:test"), key="the-key")
    if held:
        assert (await worker.hold(NAME, "the-key")).status is HoldStatus.RELEASED
    else:
        with pytest.raises(HoldfastError):
            await worker.hold(NAME, "the-key")
    assert (await head_of(worker, NAME)).units.held == 0
    await reconciled(worker, NAME)


@pytest.mark.parametrize("step", ["before expire_holds", "after expire_holds"])
async def test_sweep_that_broke_off_is_gone_on_with(
    worker: Worker, crash: CrashingWorker, clock: Clock, step: str
) -> None:
    sale = await worker.create(NAME)
    await worker.hold(NAME, "key")
    await clock.advance(sale.inventory.settings.hold_ms / 1000 + 1)
    await crash("sweep", step)
    await worker.builder.sweep(sale)
    assert (await head_of(worker, NAME)).units.held == 0
    kinds = [event.kind for event in (await sale.inventory.events(None, 1_000)).events]
    assert kinds.count("hold.expired") == 1


async def hold_seats(
    worker: Worker, seats: tuple[str, ...], buyer: BuyerRef, channels: frozenset[str]
) -> HoldRecord:
    inventory = (await worker.directory.get(NAME)).inventory
    hold_request = resolve(HoldBody(seats=seats), inventory.plan, inventory.settings, channels)
    answer = await inventory.hold(hold_request, buyer, key=secrets.token_hex(8), digest="digest")
    assert answer.hold is not None
    return answer.hold


async def confirm_seats(
    worker: Worker, seats: tuple[str, ...], buyer: BuyerRef, channels: frozenset[str]
) -> None:
    await confirm(worker, NAME, await hold_seats(worker, seats, buyer, channels))
