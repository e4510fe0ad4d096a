"""The store's half of a confirm and of a refund: confirming, booked, given back, made to agree."""

from __future__ import annotations

import pytest
from msgspec import structs
from support.inventory.harness import HOLD_MAX_MS, HOLD_MS, PRICES, Clock, Make, Stock

from holdfast_inventory.holds.inventory_image import record_for
from holdfast_lua import Code
from holdfast_lua.calls.hold_terms import HoldAnswer
from holdfast_lua.calls.records import AreaUnits, HoldRecord, HoldStatus


async def begin(
    stock: Stock, hold_id: str, *, reacquire: bool = False, limit: int = 6
) -> HoldAnswer:
    return await stock.calls.begin_confirm(stock.ref, hold_id, reacquire=reacquire, limit=limit)


async def finish(stock: Stock, hold_id: str) -> HoldAnswer:
    return await stock.calls.finish_confirm(stock.ref, hold_id, order_ref="order")


@pytest.mark.parametrize("paying", [True, False])
async def test_a_confirmed_hold_is_booked_with_one_event(stock: Stock, paying: bool) -> None:
    hold = await stock.held(stock.choice(2), floor=3)
    if paying:
        await stock.calls.begin_paying(stock.ref, hold.id)

    assert (await begin(stock, hold.id)).code is Code.OK
    assert (await begin(stock, hold.id)).code is Code.UNCHANGED
    done = await finish(stock, hold.id)
    assert (await finish(stock, hold.id)).code is Code.HOLD_CONFIRMED
    assert (await begin(stock, hold.id)).code is Code.HOLD_CONFIRMED

    assert done.hold is not None
    assert (done.code, done.hold.status, done.hold.order_ref) == (
        Code.OK,
        HoldStatus.CONFIRMED,
        "order",
    )
    assert (await stock.states()).count("b") == 2
    assert (await stock.kinds()).count("order.confirmed") == 1
    await stock.recount()


async def test_time_never_ends_a_confirming_hold(stock: Stock, clock: Clock) -> None:
    hold = await stock.held(stock.choice(2))
    await begin(stock, hold.id)
    await clock.advance_ms(10 * HOLD_MAX_MS)

    assert (await stock.calls.expire_holds(stock.ref)).ended == 0
    assert (await finish(stock, hold.id)).code is Code.OK
    await stock.recount()


async def test_finishing_what_is_not_confirming_is_refused(stock: Stock) -> None:
    hold = await stock.held(stock.choice(2))
    before = await stock.counters()
    assert (await finish(stock, hold.id)).code is Code.HOLD_STATE
    assert (await finish(stock, "nobody's")).code is Code.HOLD_UNKNOWN
    assert (await begin(stock, "nobody's")).code is Code.HOLD_UNKNOWN
    assert await stock.counters() == before


async def test_a_released_hold_cannot_be_confirmed(stock: Stock) -> None:
    hold = await stock.held(stock.choice(2))
    await stock.calls.release_hold(stock.ref, hold.id, owner="")
    assert (await begin(stock, hold.id, reacquire=True)).code is Code.HOLD_RELEASED


@pytest.mark.parametrize("swept", [True, False])
async def test_a_late_payment_gets_its_seats_again_when_they_are_free(
    stock: Stock, clock: Clock, swept: bool
) -> None:
    hold = await stock.held(stock.choice(2), floor=2)
    await clock.advance_ms(HOLD_MS)
    if swept:
        await stock.calls.expire_holds(stock.ref)

    late = await begin(stock, hold.id, reacquire=True)

    assert late.hold is not None
    assert late.code is Code.HOLD_REACQUIRED
    assert (late.hold.status, late.hold.seats) == (HoldStatus.CONFIRMING, hold.seats)
    assert await stock.kinds() == ["hold.created", "hold.expired", "hold.reacquired"]
    await stock.recount()
    assert (await finish(stock, hold.id)).code is Code.OK
    await stock.recount()


@pytest.mark.parametrize("swept", [True, False])
async def test_a_late_payment_gets_nothing_when_the_policy_says_so(
    stock: Stock, clock: Clock, swept: bool
) -> None:
    hold = await stock.held(stock.choice(2))
    await clock.advance_ms(HOLD_MS)
    if swept:
        await stock.calls.expire_holds(stock.ref)

    assert (await begin(stock, hold.id)).code is Code.HOLD_EXPIRED
    assert "h" not in await stock.states()
    await stock.recount()


async def test_a_late_payment_gets_all_of_its_units_or_none(stock: Stock, clock: Clock) -> None:
    hold = await stock.held(stock.seats("z1-1-1", "z1-1-2"), floor=8, limit=0)
    await clock.advance_ms(HOLD_MS)
    await stock.held(stock.seats("z1-1-2"), floor=5)

    late = await begin(stock, hold.id, reacquire=True, limit=0)

    assert late.code is Code.HOLD_EXPIRED
    assert (late.seats, late.areas) == (tuple(stock.indices("z1-1-2")), (0,))
    assert await stock.states() == "fh" + "f" * 28
    await stock.recount()


async def test_a_late_payment_counts_for_the_limit(stock: Stock, clock: Clock) -> None:
    hold = await stock.held(stock.choice(4, categories="B"), buyer="bea")
    await clock.advance_ms(HOLD_MS)
    await stock.held(stock.choice(3, categories="A"), buyer="bea")

    assert (await begin(stock, hold.id, reacquire=True)).code is Code.HOLD_LIMIT
    assert (await begin(stock, hold.id, reacquire=True, limit=7)).code is Code.HOLD_REACQUIRED
    await stock.recount()


async def test_a_late_payment_finds_seats_under_overdue_holds(
    make_stock: Make, clock: Clock
) -> None:
    stock = await make_stock(["A" * 60], areas=())
    first = await stock.held(stock.choice(1))
    await clock.advance_ms(HOLD_MS)
    guid = stock.plan.guids[first.seats[0]]
    for other in range(30):
        name = guid if other == 29 else f"z1-1-{other + 1 if other < 29 else 60}"
        if name == guid and other != 29:
            name = "z1-1-60"
        await stock.held(stock.seats(name), hold_ms=1000 + other)
    await clock.advance_ms(2000)

    assert (await begin(stock, first.id, reacquire=True)).code is Code.SWEEP_AGAIN
    assert (await begin(stock, first.id, reacquire=True)).code is Code.HOLD_REACQUIRED
    await stock.recount()


async def test_a_late_payment_can_take_equivalent_seats(stock: Stock, clock: Clock) -> None:
    hold = await stock.held(stock.seats("z1-1-1", "z1-1-2", "z1-3-1"))
    await clock.advance_ms(HOLD_MS)
    await stock.held(stock.seats("z1-1-1", "z1-1-2", "z1-3-1"))
    assert (await begin(stock, hold.id, reacquire=True)).code is Code.HOLD_EXPIRED

    choices = [stock.choice(2, categories="A"), stock.choice(1, categories="B")]
    late = await stock.calls.reacquire_hold(stock.ref, hold.id, choices, limit=6, seed=1)

    assert late.hold is not None
    assert late.code is Code.HOLD_REACQUIRED
    assert late.hold.status is HoldStatus.CONFIRMING
    assert late.hold.prices == hold.prices
    assert not set(late.hold.seats) & set(hold.seats)
    again = await stock.calls.reacquire_hold(stock.ref, hold.id, choices, limit=6, seed=2)
    assert (again.code, again.hold) == (Code.UNCHANGED, late.hold)
    await stock.recount()


async def test_equivalent_seats_for_all_or_for_none(stock: Stock, clock: Clock) -> None:
    hold = await stock.held(stock.seats("z1-1-1", "z1-3-1"))
    await clock.advance_ms(HOLD_MS)
    await stock.held(stock.choice(10, categories="B"), limit=0)
    before = await stock.states()

    choices = [stock.choice(1, categories="A"), stock.choice(1, categories="B")]
    late = await stock.calls.reacquire_hold(stock.ref, hold.id, choices, limit=6, seed=1)

    assert late.code is Code.HOLD_EXPIRED
    assert await stock.states() == before
    await stock.recount()


async def test_aborting_frees_what_was_confirming(stock: Stock) -> None:
    hold = await stock.held(stock.choice(2), floor=1)
    assert (
        await stock.calls.abort_confirm(stock.ref, hold.id, reason="lost")
    ).code is Code.HOLD_STATE
    await begin(stock, hold.id)

    first = await stock.calls.abort_confirm(stock.ref, hold.id, reason="lost")
    again = await stock.calls.abort_confirm(stock.ref, hold.id, reason="lost")

    assert first.hold is not None
    assert (first.hold.status, first.hold.reason) == (HoldStatus.RELEASED, "lost")
    assert again.code is Code.UNCHANGED
    assert await stock.states() == "f" * 30
    await stock.recount()


async def test_a_hold_is_dropped_in_any_state_short_of_confirmed(stock: Stock) -> None:
    active = await stock.held(stock.choice(1))
    paying = await stock.held(stock.choice(1))
    await stock.calls.begin_paying(stock.ref, paying.id)
    confirming = await stock.held(stock.choice(1))
    await begin(stock, confirming.id)
    booked = await stock.confirmed((await stock.held(stock.choice(1))).id)

    for hold in (active, paying, confirming):
        answer = await stock.calls.drop_hold(stock.ref, hold.id, reason="ledger_conflict")
        assert answer.code is Code.OK
    answer = await stock.calls.drop_hold(stock.ref, booked.id, reason="ledger_conflict")
    assert answer.code is Code.HOLD_STATE
    assert (await stock.states()).count("f") == 29
    await stock.recount()


def order_for(stock: Stock, hold_id: str, *guids: str, floor: int = 0) -> HoldRecord:
    """A sold order of the ledger as a hold."""
    areas = [AreaUnits(0, floor, PRICES["GA"])] if floor else []
    seats = stock.indices(*guids)
    return record_for(
        stock.plan,
        hold_id,
        HoldStatus.CONFIRMED,
        buyer="bea",
        seats=seats,
        prices=[PRICES["A"]] * len(seats),
        areas=areas,
        total=PRICES["A"] * len(seats),
        created_ms=1,
    )


async def test_the_ledgers_order_is_booked_whatever_the_store_knows(stock: Stock) -> None:
    await stock.inventory.block(stock.indices("z1-1-2"))
    order = order_for(stock, "order1", "z1-1-1", "z1-1-2", floor=2)

    first = await stock.calls.book_hold(stock.ref, order, order_ref="ref")
    again = await stock.calls.book_hold(stock.ref, order, order_ref="ref")

    assert (first.code, again.code) == (Code.OK, Code.HOLD_CONFIRMED)
    assert await stock.states() == "bb" + "f" * 28
    await stock.recount()


async def test_the_ledgers_order_names_the_seats_that_others_have(stock: Stock) -> None:
    other = await stock.held(stock.seats("z1-1-2"), floor=10, limit=0)
    order = order_for(stock, "order1", "z1-1-1", "z1-1-2", floor=2)
    before = await stock.states()

    refused = await stock.calls.book_hold(stock.ref, order, order_ref="ref")
    assert refused.code is Code.SEAT_UNAVAILABLE
    assert (refused.seats, refused.areas) == (tuple(stock.indices("z1-1-2")), (0,))
    assert await stock.states() == before
    await stock.calls.drop_hold(stock.ref, other.id, reason="ledger_conflict")

    assert (await stock.calls.book_hold(stock.ref, order, order_ref="ref")).code is Code.OK
    await stock.recount()


async def test_a_hold_on_other_seats_than_the_ledger_sold_gives_them_back(stock: Stock) -> None:
    hold = await stock.held(stock.seats("z1-1-1", "z1-1-2"), buyer="bea", floor=1)
    await begin(stock, hold.id)
    order = order_for(stock, hold.id, "z1-1-2", "z1-1-3")

    answer = await stock.calls.book_hold(stock.ref, order, order_ref="ref")

    assert answer.code is Code.OK
    assert await stock.states() == "fbb" + "f" * 27
    await stock.recount()


async def test_a_lapsed_hold_whose_order_was_sold_is_booked(stock: Stock, clock: Clock) -> None:
    hold = await stock.held(stock.seats("z1-1-1"), buyer="bea")
    await clock.advance_ms(HOLD_MS)
    await stock.calls.expire_holds(stock.ref)

    answer = await stock.calls.book_hold(
        stock.ref, structs.replace(hold, ledger=True), order_ref="ref"
    )

    assert answer.code is Code.OK
    assert await stock.states() == "b" + "f" * 29
    await stock.recount()


async def test_a_refund_frees_what_the_order_still_has(stock: Stock) -> None:
    hold = await stock.held(stock.seats("z1-1-1", "z1-1-2", "z1-1-3"), floor=3)
    await stock.confirmed(hold.id)
    one = AreaUnits(0, 1, PRICES["GA"])

    partly = await stock.calls.free_seats(
        stock.ref, hold.id, seats=[0, 2, 29], areas=[one], amount=100
    )
    assert partly.hold is not None
    assert (partly.code, partly.hold.seats) == (Code.OK, (1,))
    assert partly.hold.areas == (AreaUnits(0, 2, PRICES["GA"]),)
    assert await stock.states() == "fbf" + "f" * 27
    await stock.recount()

    rest = await stock.calls.free_seats(
        stock.ref, hold.id, seats=[1], areas=[AreaUnits(0, 9, 0)], amount=100
    )
    assert rest.hold is not None
    assert (rest.hold.status, rest.hold.reason) == (HoldStatus.RELEASED, "refunded")
    assert await stock.states() == "f" * 30
    await stock.recount()


async def test_a_repeated_refund_cannot_free_the_next_owners_seat(stock: Stock) -> None:
    hold = await stock.held(stock.seats("z1-1-1", "z1-1-2"))
    await stock.confirmed(hold.id)
    await stock.calls.free_seats(stock.ref, hold.id, seats=[0])
    new = await stock.held(stock.seats("z1-1-1"))
    await stock.confirmed(new.id)

    again = await stock.calls.free_seats(stock.ref, hold.id, seats=[0])

    assert again.code is Code.UNCHANGED
    assert (await stock.states()).startswith("bb")
    assert (await stock.kinds()).count("order.refunded") == 1
    await stock.recount()


async def test_only_a_confirmed_order_is_refunded(stock: Stock) -> None:
    hold = await stock.held(stock.choice(1))
    refused = await stock.calls.free_seats(stock.ref, hold.id, seats=list(hold.seats))
    assert refused.code is Code.HOLD_STATE
    unknown = await stock.calls.free_seats(stock.ref, "nobody's", seats=[0])
    assert unknown.code is Code.HOLD_UNKNOWN


async def test_a_due_refund_is_announced_once(stock: Stock) -> None:
    hold = await stock.held(stock.choice(1))

    async def tell(hold_id: str) -> Code:
        answer = await stock.calls.require_refund(
            stock.ref, hold_id, order_ref="ref", amount=100, reason="hold_expired"
        )
        return answer.code

    assert await tell(hold.id) is Code.OK
    assert await tell(hold.id) is Code.UNCHANGED
    assert await tell("forgotten") is Code.OK
    assert (await stock.kinds()).count("order.refund_required") == 2
