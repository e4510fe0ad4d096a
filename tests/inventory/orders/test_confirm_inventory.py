"""The store's half of a confirm and of a refund: confirming, booked, given back, made to agree."""

import pytest
from msgspec import structs
from support.inventory.harness import HOLD_MAX_MS, HOLD_MS, PRICES, Clock, InventoryHarness, Make

from holdfast_inventory.holds.inventory_image import record_for
from holdfast_lua import Code
from holdfast_lua.calls.hold_terms import HoldAnswer
from holdfast_lua.calls.records import AreaUnits, HoldRecord, HoldStatus


async def begin(
    harness: InventoryHarness, hold_id: str, *, reacquire: bool = False, limit: int = 6
) -> HoldAnswer:
    return await harness.calls.begin_confirm(harness.ref, hold_id, reacquire=reacquire, limit=limit)


async def finish(harness: InventoryHarness, hold_id: str) -> HoldAnswer:
    return await harness.calls.finish_confirm(harness.ref, hold_id, order_ref="order")


@pytest.mark.parametrize("paying", [True, False])
async def test_a_confirmed_hold_is_booked_with_one_event(
    harness: InventoryHarness, paying: bool
) -> None:
    hold = await harness.held(harness.choice(2), floor=3)
    if paying:
        await harness.calls.begin_paying(harness.ref, hold.id)

    assert (await begin(harness, hold.id)).code is Code.OK
    assert (await begin(harness, hold.id)).code is Code.UNCHANGED
    done = await finish(harness, hold.id)
    assert (await finish(harness, hold.id)).code is Code.HOLD_CONFIRMED
    assert (await begin(harness, hold.id)).code is Code.HOLD_CONFIRMED

    assert done.hold is not None
    assert (done.code, done.hold.status, done.hold.order_ref) == (
        Code.OK,
        HoldStatus.CONFIRMED,
        "order",
    )
    assert (await harness.states()).count("b") == 2
    assert (await harness.kinds()).count("order.confirmed") == 1
    await harness.recount()


async def test_time_never_ends_a_confirming_hold(harness: InventoryHarness, clock: Clock) -> None:
    hold = await harness.held(harness.choice(2))
    await begin(harness, hold.id)
    await clock.advance_ms(10 * HOLD_MAX_MS)

    assert (await harness.calls.expire_holds(harness.ref)).ended == 0
    assert (await finish(harness, hold.id)).code is Code.OK
    await harness.recount()


async def test_finishing_what_is_not_confirming_is_refused(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.choice(2))
    before = await harness.counters()
    assert (await finish(harness, hold.id)).code is Code.HOLD_STATE
    assert (await finish(harness, "nobody's")).code is Code.HOLD_UNKNOWN
    assert (await begin(harness, "nobody's")).code is Code.HOLD_UNKNOWN
    assert await harness.counters() == before


async def test_a_released_hold_cannot_be_confirmed(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.choice(2))
    await harness.calls.release_hold(harness.ref, hold.id, owner="")
    assert (await begin(harness, hold.id, reacquire=True)).code is Code.HOLD_RELEASED


@pytest.mark.parametrize("swept", [True, False])
async def test_a_late_payment_gets_its_seats_again_when_they_are_free(
    harness: InventoryHarness, clock: Clock, swept: bool
) -> None:
    hold = await harness.held(harness.choice(2), floor=2)
    await clock.advance_ms(HOLD_MS)
    if swept:
        await harness.calls.expire_holds(harness.ref)

    late = await begin(harness, hold.id, reacquire=True)

    assert late.hold is not None
    assert late.code is Code.HOLD_REACQUIRED
    assert (late.hold.status, late.hold.seats) == (HoldStatus.CONFIRMING, hold.seats)
    assert await harness.kinds() == ["hold.created", "hold.expired", "hold.reacquired"]
    await harness.recount()
    assert (await finish(harness, hold.id)).code is Code.OK
    await harness.recount()


@pytest.mark.parametrize("swept", [True, False])
async def test_a_late_payment_gets_nothing_when_the_policy_says_so(
    harness: InventoryHarness, clock: Clock, swept: bool
) -> None:
    hold = await harness.held(harness.choice(2))
    await clock.advance_ms(HOLD_MS)
    if swept:
        await harness.calls.expire_holds(harness.ref)

    assert (await begin(harness, hold.id)).code is Code.HOLD_EXPIRED
    assert "h" not in await harness.states()
    await harness.recount()


async def test_a_late_payment_gets_all_of_its_units_or_none(
    harness: InventoryHarness, clock: Clock
) -> None:
    hold = await harness.held(harness.seats("z1-1-1", "z1-1-2"), floor=8, limit=0)
    await clock.advance_ms(HOLD_MS)
    await harness.held(harness.seats("z1-1-2"), floor=5)

    late = await begin(harness, hold.id, reacquire=True, limit=0)

    assert late.code is Code.HOLD_EXPIRED
    assert (late.seats, late.areas) == (tuple(harness.indices("z1-1-2")), (0,))
    assert await harness.states() == "fh" + "f" * 28
    await harness.recount()


async def test_a_late_payment_counts_for_the_limit(harness: InventoryHarness, clock: Clock) -> None:
    hold = await harness.held(harness.choice(4, categories="B"), buyer="bea")
    await clock.advance_ms(HOLD_MS)
    await harness.held(harness.choice(3, categories="A"), buyer="bea")

    assert (await begin(harness, hold.id, reacquire=True)).code is Code.HOLD_LIMIT
    assert (await begin(harness, hold.id, reacquire=True, limit=7)).code is Code.HOLD_REACQUIRED
    await harness.recount()


async def test_a_late_payment_finds_seats_under_overdue_holds(
    make_harness: Make, clock: Clock
) -> None:
    await clock.stand_still()
    harness = await make_harness(["A" * 60], areas=())
    first = await harness.held(harness.choice(1))
    await clock.advance_ms(HOLD_MS)
    guid = harness.plan.guids[first.seats[0]]
    for other in range(30):
        name = guid if other == 29 else f"z1-1-{other + 1 if other < 29 else 60}"
        if name == guid and other != 29:
            name = "z1-1-60"
        await harness.held(harness.seats(name), hold_ms=1000 + other)
    await clock.advance_ms(2000)

    assert (await begin(harness, first.id, reacquire=True)).code is Code.SWEEP_AGAIN
    assert (await begin(harness, first.id, reacquire=True)).code is Code.HOLD_REACQUIRED
    await harness.recount()


async def test_a_late_payment_can_take_equivalent_seats(
    harness: InventoryHarness, clock: Clock
) -> None:
    hold = await harness.held(harness.seats("z1-1-1", "z1-1-2", "z1-3-1"))
    await clock.advance_ms(HOLD_MS)
    await harness.held(harness.seats("z1-1-1", "z1-1-2", "z1-3-1"))
    assert (await begin(harness, hold.id, reacquire=True)).code is Code.HOLD_EXPIRED

    choices = [harness.choice(2, categories="A"), harness.choice(1, categories="B")]
    late = await harness.calls.reacquire_hold(harness.ref, hold.id, choices, limit=6, seed=1)

    assert late.hold is not None
    assert late.code is Code.HOLD_REACQUIRED
    assert late.hold.status is HoldStatus.CONFIRMING
    assert late.hold.prices == hold.prices
    assert not set(late.hold.seats) & set(hold.seats)
    again = await harness.calls.reacquire_hold(harness.ref, hold.id, choices, limit=6, seed=2)
    assert (again.code, again.hold) == (Code.UNCHANGED, late.hold)
    await harness.recount()


async def test_equivalent_seats_for_all_or_for_none(
    harness: InventoryHarness, clock: Clock
) -> None:
    hold = await harness.held(harness.seats("z1-1-1", "z1-3-1"))
    await clock.advance_ms(HOLD_MS)
    await harness.held(harness.choice(10, categories="B"), limit=0)
    before = await harness.states()

    choices = [harness.choice(1, categories="A"), harness.choice(1, categories="B")]
    late = await harness.calls.reacquire_hold(harness.ref, hold.id, choices, limit=6, seed=1)

    assert late.code is Code.HOLD_EXPIRED
    assert await harness.states() == before
    await harness.recount()


async def test_aborting_frees_what_was_confirming(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.choice(2), floor=1)
    assert (
        await harness.calls.abort_confirm(harness.ref, hold.id, reason="lost")
    ).code is Code.HOLD_STATE
    await begin(harness, hold.id)

    first = await harness.calls.abort_confirm(harness.ref, hold.id, reason="lost")
    again = await harness.calls.abort_confirm(harness.ref, hold.id, reason="lost")

    assert first.hold is not None
    assert (first.hold.status, first.hold.reason) == (HoldStatus.RELEASED, "lost")
    assert again.code is Code.UNCHANGED
    assert await harness.states() == "f" * 30
    await harness.recount()


async def test_a_hold_is_dropped_in_any_state_short_of_confirmed(harness: InventoryHarness) -> None:
    active = await harness.held(harness.choice(1))
    paying = await harness.held(harness.choice(1))
    await harness.calls.begin_paying(harness.ref, paying.id)
    confirming = await harness.held(harness.choice(1))
    await begin(harness, confirming.id)
    booked = await harness.confirmed((await harness.held(harness.choice(1))).id)

    for hold in (active, paying, confirming):
        answer = await harness.calls.drop_hold(harness.ref, hold.id, reason="ledger_conflict")
        assert answer.code is Code.OK
    answer = await harness.calls.drop_hold(harness.ref, booked.id, reason="ledger_conflict")
    assert answer.code is Code.HOLD_STATE
    assert (await harness.states()).count("f") == 29
    await harness.recount()


def order_for(harness: InventoryHarness, hold_id: str, *guids: str, floor: int = 0) -> HoldRecord:
    """A sold order of the ledger as a hold."""
    areas = [AreaUnits(0, floor, PRICES["GA"])] if floor else []
    seats = harness.indices(*guids)
    return record_for(
        harness.plan,
        hold_id,
        HoldStatus.CONFIRMED,
        buyer="bea",
        seats=seats,
        prices=[PRICES["A"]] * len(seats),
        areas=areas,
        total=PRICES["A"] * len(seats),
        created_ms=1,
    )


async def test_the_ledgers_order_is_booked_whatever_the_store_knows(
    harness: InventoryHarness,
) -> None:
    await harness.inventory.block(harness.indices("z1-1-2"))
    order = order_for(harness, "order1", "z1-1-1", "z1-1-2", floor=2)

    first = await harness.calls.book_hold(harness.ref, order, order_ref="ref")
    again = await harness.calls.book_hold(harness.ref, order, order_ref="ref")

    assert (first.code, again.code) == (Code.OK, Code.HOLD_CONFIRMED)
    assert await harness.states() == "bb" + "f" * 28
    await harness.recount()


async def test_the_ledgers_order_names_the_seats_that_others_have(
    harness: InventoryHarness,
) -> None:
    other = await harness.held(harness.seats("z1-1-2"), floor=10, limit=0)
    order = order_for(harness, "order1", "z1-1-1", "z1-1-2", floor=2)
    before = await harness.states()

    refused = await harness.calls.book_hold(harness.ref, order, order_ref="ref")
    assert refused.code is Code.SEAT_UNAVAILABLE
    assert (refused.seats, refused.areas) == (tuple(harness.indices("z1-1-2")), (0,))
    assert await harness.states() == before
    await harness.calls.drop_hold(harness.ref, other.id, reason="ledger_conflict")

    assert (await harness.calls.book_hold(harness.ref, order, order_ref="ref")).code is Code.OK
    await harness.recount()


async def test_a_hold_on_other_seats_than_the_ledger_sold_gives_them_back(
    harness: InventoryHarness,
) -> None:
    hold = await harness.held(harness.seats("z1-1-1", "z1-1-2"), buyer="bea", floor=1)
    await begin(harness, hold.id)
    order = order_for(harness, hold.id, "z1-1-2", "z1-1-3")

    answer = await harness.calls.book_hold(harness.ref, order, order_ref="ref")

    assert answer.code is Code.OK
    assert await harness.states() == "fbb" + "f" * 27
    await harness.recount()


async def test_a_lapsed_hold_whose_order_was_sold_is_booked(
    harness: InventoryHarness, clock: Clock
) -> None:
    hold = await harness.held(harness.seats("z1-1-1"), buyer="bea")
    await clock.advance_ms(HOLD_MS)
    await harness.calls.expire_holds(harness.ref)

    answer = await harness.calls.book_hold(
        harness.ref, structs.replace(hold, ledger=True), order_ref="ref"
    )

    assert answer.code is Code.OK
    assert await harness.states() == "b" + "f" * 29
    await harness.recount()


async def test_a_refund_frees_what_the_order_still_has(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.seats("z1-1-1", "z1-1-2", "z1-1-3"), floor=3)
    await harness.confirmed(hold.id)
    one = AreaUnits(0, 1, PRICES["GA"])

    partly = await harness.calls.free_seats(
        harness.ref, hold.id, seats=[0, 2, 29], areas=[one], amount=100
    )
    assert partly.hold is not None
    assert (partly.code, partly.hold.seats) == (Code.OK, (1,))
    assert partly.hold.areas == (AreaUnits(0, 2, PRICES["GA"]),)
    assert await harness.states() == "fbf" + "f" * 27
    await harness.recount()

    rest = await harness.calls.free_seats(
        harness.ref, hold.id, seats=[1], areas=[AreaUnits(0, 9, 0)], amount=100
    )
    assert rest.hold is not None
    assert (rest.hold.status, rest.hold.reason) == (HoldStatus.RELEASED, "refunded")
    assert await harness.states() == "f" * 30
    await harness.recount()


async def test_a_repeated_refund_cannot_free_the_next_owners_seat(
    harness: InventoryHarness,
) -> None:
    hold = await harness.held(harness.seats("z1-1-1", "z1-1-2"))
    await harness.confirmed(hold.id)
    await harness.calls.free_seats(harness.ref, hold.id, seats=[0])
    new = await harness.held(harness.seats("z1-1-1"))
    await harness.confirmed(new.id)

    again = await harness.calls.free_seats(harness.ref, hold.id, seats=[0])

    assert again.code is Code.UNCHANGED
    assert (await harness.states()).startswith("bb")
    assert (await harness.kinds()).count("order.refunded") == 1
    await harness.recount()


async def test_only_a_confirmed_order_is_refunded(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.choice(1))
    refused = await harness.calls.free_seats(harness.ref, hold.id, seats=list(hold.seats))
    assert refused.code is Code.HOLD_STATE
    unknown = await harness.calls.free_seats(harness.ref, "nobody's", seats=[0])
    assert unknown.code is Code.HOLD_UNKNOWN


async def test_a_due_refund_is_announced_once(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.choice(1))

    async def require(hold_id: str) -> Code:
        answer = await harness.calls.require_refund(
            harness.ref, hold_id, order_ref="ref", amount=100, reason="hold_expired"
        )
        return answer.code

    assert await require(hold.id) is Code.OK
    assert await require(hold.id) is Code.UNCHANGED
    assert await require("forgotten") is Code.OK
    assert (await harness.kinds()).count("order.refund_required") == 2
