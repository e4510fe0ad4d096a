import asyncio

import pytest
from support.inventory.harness import HOLD_MAX_MS, HOLD_MS, Clock, InventoryHarness, Make

from holdfast_inventory.holds.hold_requests import BestAvailable, BuyerRef, HoldRequest
from holdfast_lua import Code
from holdfast_lua.calls import keys
from holdfast_lua.calls.records import HoldStatus

KEPT_AFTER_RELEASE_MS = 60 * 60 * 1000
KEPT_AFTER_EXPIRY_MS = 24 * 60 * 60 * 1000


async def test_extending_moves_the_deadline_up_to_the_latest_time(
    harness: InventoryHarness, clock: Clock
) -> None:
    await clock.stand_still()
    hold = await harness.held(harness.choice(2), buyer="bea")
    await clock.advance_ms(HOLD_MS - 1000)

    longer = await harness.calls.extend_hold(
        harness.ref, hold.id, owner="bea", version=1, extend_ms=HOLD_MS
    )
    assert longer.code is Code.OK
    assert longer.hold is not None
    assert longer.hold.version == 2
    assert longer.hold.expires_ms == longer.now_ms + HOLD_MS

    most = await harness.calls.extend_hold(
        harness.ref, hold.id, owner="", version=0, extend_ms=2 * HOLD_MAX_MS
    )
    assert most.hold is not None
    assert most.hold.expires_ms == hold.created_ms + HOLD_MAX_MS == hold.latest_ms
    again = await harness.calls.extend_hold(
        harness.ref, hold.id, owner="bea", version=0, extend_ms=HOLD_MS
    )
    assert (again.code, again.hold) == (Code.UNCHANGED, most.hold)
    assert await harness.kinds() == ["hold.created", "hold.extended", "hold.extended"]
    await harness.recount()


async def test_extending_extends_the_session(harness: InventoryHarness, clock: Clock) -> None:
    now = await clock.now_ms()
    await harness.executor.command("ZADD", keys.active(harness.uid), now + 60_000, "pass")
    hold = await harness.held(harness.choice(1), pass_id="pass")
    await clock.advance_ms(1000)
    longer = await harness.calls.extend_hold(
        harness.ref, hold.id, owner="", version=0, extend_ms=HOLD_MS
    )
    session = await harness.executor.command("ZSCORE", keys.active(harness.uid), "pass")
    assert longer.hold is not None
    assert int(float(session)) == longer.hold.expires_ms > hold.expires_ms


async def test_paying_pauses_expiry_up_to_the_latest_time(
    harness: InventoryHarness, clock: Clock
) -> None:
    await clock.stand_still()
    hold = await harness.held(harness.choice(2), buyer="bea")

    paying = await harness.calls.begin_paying(harness.ref, hold.id)
    assert paying.hold is not None
    assert (paying.hold.status, paying.hold.ledger) == (HoldStatus.PAYING, True)
    assert paying.hold.expires_ms == hold.latest_ms
    assert (await harness.calls.begin_paying(harness.ref, hold.id)).code is Code.UNCHANGED

    await clock.advance_ms(HOLD_MAX_MS - 1000)
    assert (await harness.calls.expire_holds(harness.ref)).ended == 0
    await clock.advance_ms(1000)
    assert (await harness.calls.expire_holds(harness.ref)).ended == 1
    assert "h" not in await harness.states()
    await harness.recount()


async def test_only_the_platform_releases_while_the_buyer_pays(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.choice(2), buyer="bea")
    await harness.calls.begin_paying(harness.ref, hold.id)

    assert (await harness.calls.release_hold(harness.ref, hold.id, owner="bea")).code is (
        Code.HOLD_STATE
    )
    assert (await harness.calls.release_hold(harness.ref, hold.id, owner="")).code is Code.OK
    await harness.recount()


async def test_releasing_frees_everything_at_once_and_only_once(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.choice(3), floor=2, buyer="bea")

    first = await harness.calls.release_hold(
        harness.ref, hold.id, owner="bea", reason="changed mind"
    )
    other = await harness.held(harness.seats(*(harness.plan.guids[seat] for seat in hold.seats)))
    second = await harness.calls.release_hold(harness.ref, hold.id, owner="bea")

    assert first.hold is not None
    assert (first.code, first.hold.reason) == (Code.OK, "changed mind")
    assert (second.code, second.hold) == (Code.UNCHANGED, first.hold)
    assert (await harness.states()).count("h") == 3
    assert other.status is HoldStatus.ACTIVE
    assert await harness.kinds() == ["hold.created", "hold.released", "hold.created"]
    await harness.recount()


@pytest.mark.parametrize("operation", ["extend", "release", "pay"])
async def test_only_the_owner_and_only_the_version_seen(
    harness: InventoryHarness, operation: str
) -> None:
    hold = await harness.held(harness.choice(2), buyer="bea")

    async def act(owner: str, version: int, hold_id: str = hold.id) -> Code:
        if operation == "extend":
            answer = await harness.calls.extend_hold(
                harness.ref, hold_id, owner=owner, version=version, extend_ms=2 * HOLD_MS
            )
        elif operation == "release":
            answer = await harness.calls.release_hold(
                harness.ref, hold_id, owner=owner, version=version
            )
        else:
            answer = await harness.calls.begin_paying(
                harness.ref, hold_id, owner=owner, version=version
            )
        return answer.code

    before = await harness.counters()
    assert await act("abe", 0) is Code.NOT_OWNER
    assert await act("bea", 7) is Code.HOLD_CHANGED
    assert await act("bea", 0, "nobody's") is Code.HOLD_UNKNOWN
    assert await harness.counters() == before
    assert await act("bea", 1) is Code.OK


@pytest.mark.parametrize("swept", [True, False])
async def test_a_hold_ends_at_its_deadline_to_the_millisecond(
    harness: InventoryHarness, clock: Clock, swept: bool
) -> None:
    hold = await harness.held(harness.choice(2), buyer="bea")
    await clock.stand_still()
    await clock.advance_ms(hold.expires_ms - await clock.now_ms() - 1)
    assert (
        await harness.calls.release_hold(harness.ref, hold.id, owner="", version=99)
    ).code is Code.HOLD_CHANGED  # alive: the version is looked at
    await clock.advance_ms(1)
    if swept:
        await harness.calls.expire_holds(harness.ref)

    seen = await harness.calls.read_hold(harness.ref, hold.id)
    assert seen.hold is not None
    assert seen.hold.status_at(seen.now_ms) is HoldStatus.EXPIRED
    for answer in (
        await harness.calls.extend_hold(harness.ref, hold.id, owner="", version=0, extend_ms=1),
        await harness.calls.release_hold(harness.ref, hold.id, owner=""),
        await harness.calls.begin_paying(harness.ref, hold.id),
    ):
        assert answer.code is Code.HOLD_EXPIRED
    guids = [harness.plan.guids[seat] for seat in hold.seats]
    assert (await harness.hold(harness.seats(*guids))).code is Code.OK
    assert await harness.kinds() == ["hold.created", "hold.expired", "hold.created"]
    assert await harness.executor.command("HGET", keys.sale(harness.ref.uid), "expired") == b"1"
    await harness.recount()


async def test_ten_thousand_overdue_holds_are_freed_in_bounded_bites(
    make_harness: Make, clock: Clock
) -> None:
    harness = await make_harness(*([["A" * 50] * 20] * 10), areas=())
    for _ in range(20):
        await asyncio.gather(
            *[harness.hold(harness.choice(1), hold_ms=60_000 + at) for at in range(500)]
        )
    assert (await harness.counters())["free"] == 0
    await clock.advance_ms(61_000)

    bites = []
    while True:
        sweep = await harness.calls.expire_holds(harness.ref)
        bites.append(sweep.ended)
        if not sweep.more:
            break

    assert sum(bites) == 10_000
    assert max(bites) <= 500
    assert (await harness.counters())["free"] == 10_000
    assert (await harness.calls.expire_holds(harness.ref)).ended == 0
    await harness.recount()


async def test_a_hall_that_is_all_overdue_sells_at_the_first_request(
    make_harness: Make, clock: Clock
) -> None:
    harness = await make_harness(["A" * 40] * 40, areas=(), max_units_per_buyer=40)
    await asyncio.gather(
        *[harness.hold(harness.choice(2), limit=0, hold_ms=1000) for _ in range(800)]
    )
    await clock.advance_ms(1000)

    hold_request = HoldRequest((), BestAvailable(quantity=40), frozenset(), ())
    answer = await harness.inventory.hold(hold_request, BuyerRef("bea", "key"), key="k", digest="d")

    assert answer.hold is not None
    assert harness.plan.adjacent(answer.hold.seats)


async def test_released_holds_are_forgotten_an_hour_later(
    harness: InventoryHarness, clock: Clock
) -> None:
    await clock.stand_still()
    gone = await harness.held(harness.choice(1))
    await harness.calls.release_hold(harness.ref, gone.id, owner="")
    paid = await harness.held(harness.choice(1))
    await harness.calls.begin_paying(harness.ref, paid.id)
    await harness.calls.release_hold(harness.ref, paid.id, owner="")
    await clock.advance_ms(KEPT_AFTER_RELEASE_MS - 1000)
    await harness.calls.expire_holds(harness.ref)
    assert set(await harness.holds()) == {gone.id, paid.id}

    await clock.advance_ms(2000)
    sweep = await harness.calls.expire_holds(harness.ref)

    assert sweep.ended == 0
    assert set(await harness.holds()) == {paid.id}  # the ledger knows it
    await harness.recount()


async def test_expired_holds_are_forgotten_a_day_later(
    harness: InventoryHarness, clock: Clock
) -> None:
    await clock.stand_still()
    late = await harness.held(harness.choice(1))
    await clock.advance_ms(HOLD_MS)
    await harness.calls.expire_holds(harness.ref)
    await clock.advance_ms(KEPT_AFTER_EXPIRY_MS - 1000)
    await harness.calls.expire_holds(harness.ref)
    assert set(await harness.holds()) == {late.id}
    await clock.advance_ms(2000)
    await harness.calls.expire_holds(harness.ref)
    assert await harness.holds() == {}
    await harness.recount()


async def test_extending_that_would_hardly_move_the_deadline_changes_nothing(
    harness: InventoryHarness, clock: Clock
) -> None:
    """Else a buyer who asks all the time would fill the events."""
    hold = await harness.held(harness.choice(1))
    await clock.stand_still()

    async def extend() -> Code:
        answer = await harness.calls.extend_hold(
            harness.ref, hold.id, owner="", version=0, extend_ms=HOLD_MS
        )
        return answer.code

    await clock.advance_ms(2000)
    assert await extend() is Code.OK
    await clock.advance_ms(999)
    assert await extend() is Code.UNCHANGED
    await clock.advance_ms(1)
    assert await extend() is Code.OK
    assert (await harness.kinds()).count("hold.extended") == 2


async def test_cancelling_what_arrived_releases_it(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.choice(2), buyer="bea")
    assert (
        await harness.calls.cancel_hold(harness.ref, hold.id, buyer="abe")
    ).code is Code.NOT_OWNER
    assert (await harness.calls.cancel_hold(harness.ref, hold.id, buyer="bea")).code is Code.OK
    assert (
        await harness.calls.cancel_hold(harness.ref, hold.id, buyer="bea")
    ).code is Code.UNCHANGED
    assert "h" not in await harness.states()
    await harness.recount()


async def test_cancelling_a_payment_under_way_is_refused(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.choice(2), buyer="bea")
    await harness.calls.begin_paying(harness.ref, hold.id)
    assert (
        await harness.calls.cancel_hold(harness.ref, hold.id, buyer="bea")
    ).code is Code.HOLD_STATE


async def test_a_buyer_sees_own_holds_and_orders(harness: InventoryHarness) -> None:
    first = await harness.held(harness.choice(2), buyer="bea")
    order = await harness.confirmed((await harness.held(harness.choice(1), buyer="bea")).id)
    gone = await harness.held(harness.choice(1), buyer="bea")
    await harness.calls.release_hold(harness.ref, gone.id, owner="bea")
    await harness.held(harness.choice(1), buyer="bea and more")

    _, holds = await harness.inventory.holds_of("bea")

    assert [hold.id for hold in holds] == [first.id, order.id]
