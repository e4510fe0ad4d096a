import asyncio

import pytest
from support.inventory.harness import (
    FLOOR,
    HOLD_MAX_MS,
    HOLD_MS,
    PRICES,
    Clock,
    InventoryHarness,
    Make,
)

from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.settings import InventorySettings
from holdfast_lua import Code, Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.records import AreaUnits, HoldStatus
from holdfast_lua.calls.sale import SaleTimes


async def test_explicit_seats_are_held_with_prices_and_deadlines(harness: InventoryHarness) -> None:
    answer = await harness.hold(harness.seats("z1-1-3", "z1-3-1"), buyer="bea", hold_id="one")

    assert answer.code is Code.OK
    hold = answer.hold
    assert hold is not None
    assert (hold.id, hold.buyer, hold.status, hold.version) == ("one", "bea", HoldStatus.ACTIVE, 1)
    assert hold.seats == tuple(harness.indices("z1-1-3", "z1-3-1"))
    assert hold.prices == (PRICES["A"], PRICES["B"])
    assert hold.total == PRICES["A"] + PRICES["B"]
    assert hold.expires_ms == answer.now_ms + HOLD_MS
    assert hold.latest_ms == answer.now_ms + HOLD_MAX_MS
    assert await harness.states() == "ffhfffffff" + "f" * 10 + "hfffffffff"
    assert await harness.kinds() == ["hold.created"]
    await harness.recount()


async def test_seats_and_area_units_come_together_or_not_at_all(harness: InventoryHarness) -> None:
    both = await harness.held(harness.seats("z1-1-1"), floor=4)
    assert both.areas == (AreaUnits(0, 4, PRICES["GA"]),)
    assert both.total == PRICES["A"] + 4 * PRICES["GA"]

    before = await harness.counters()
    short = await harness.hold(harness.seats("z1-1-5"), floor=7, limit=0)
    assert (short.code, short.seats, short.areas) == (Code.SEAT_UNAVAILABLE, (), (0,))
    taken = await harness.hold(harness.seats("z1-1-1"), floor=1)
    assert (taken.code, taken.seats) == (Code.SEAT_UNAVAILABLE, tuple(harness.indices("z1-1-1")))
    assert await harness.counters() == before
    await harness.recount()


async def test_a_taken_seat_names_every_conflict_and_writes_nothing(
    harness: InventoryHarness,
) -> None:
    await harness.held(harness.seats("z1-1-1", "z1-1-2"))
    before = (await harness.states(), await harness.counters())

    answer = await harness.hold(harness.seats("z1-1-2", "z1-1-3", "z1-1-1", "z1-2-1"))

    assert answer.code is Code.SEAT_UNAVAILABLE
    assert answer.seats == tuple(harness.indices("z1-1-1", "z1-1-2"))
    assert (await harness.states(), await harness.counters()) == before


async def test_areas_alone_can_be_held(harness: InventoryHarness) -> None:
    hold = await harness.held(floor=6)

    assert (hold.seats, hold.rows, hold.units) == ((), (), 6)
    assert (await harness.counters())["a0f"] == 4
    await harness.recount()


async def test_a_sale_of_areas_alone_works(executor: Executor) -> None:
    harness = await InventoryHarness.install(executor, None, InventorySettings(areas=(FLOOR,)))
    await harness.held(floor=6)
    assert (await harness.hold(floor=6)).code is Code.SEAT_UNAVAILABLE
    await harness.held(floor=4)
    assert (await harness.counters())["free"] == 0
    assert (await harness.hold(harness.choice(1))).code is Code.SOLD_OUT
    await harness.recount()


async def test_the_same_id_and_request_finds_the_same_hold(harness: InventoryHarness) -> None:
    first = await harness.held(harness.choice(2), hold_id="one", buyer="bea")
    before = await harness.counters()

    again = await harness.hold(harness.choice(2), hold_id="one", buyer="bea")

    assert (again.code, again.hold) == (Code.HOLD_REPEATED, first)
    assert await harness.counters() == before


async def test_a_repeat_shows_the_hold_as_it_has_become(harness: InventoryHarness) -> None:
    await harness.held(harness.choice(2), hold_id="one", buyer="bea")
    await harness.calls.release_hold(harness.ref, "one", owner="bea")

    again = await harness.hold(harness.choice(2), hold_id="one", buyer="bea")

    assert again.code is Code.HOLD_REPEATED
    assert again.hold is not None
    assert again.hold.status is HoldStatus.RELEASED
    assert "h" not in await harness.states()


async def test_the_same_id_with_another_request_is_refused(harness: InventoryHarness) -> None:
    await harness.held(harness.choice(2), hold_id="one")

    answer = await harness.hold(harness.choice(3), hold_id="one", digest="other")

    assert (answer.code, answer.hold) == (Code.IDEMPOTENCY_MISMATCH, None)


async def test_a_cancelled_request_never_comes_to_be(harness: InventoryHarness) -> None:
    cancelled = await harness.calls.cancel_hold(harness.ref, "late", buyer="bea")
    assert cancelled.code is Code.OK

    answer = await harness.hold(harness.choice(2), hold_id="late", buyer="bea")

    assert answer.code is Code.HOLD_RELEASED
    assert "h" not in await harness.states()
    await harness.recount()


async def test_the_limit_counts_holds_and_orders(harness: InventoryHarness) -> None:
    first = await harness.held(harness.choice(2), buyer="bea", limit=6)
    await harness.confirmed(first.id)
    await harness.held(harness.choice(2), floor=1, buyer="bea", limit=6)

    assert (await harness.hold(harness.choice(2), buyer="bea", limit=6)).code is Code.HOLD_LIMIT
    assert (await harness.hold(harness.choice(1), buyer="bea", limit=6)).code is Code.OK
    assert (await harness.hold(harness.choice(1), buyer="bea", limit=6)).code is Code.HOLD_LIMIT
    assert (await harness.hold(harness.choice(1), buyer="abe", limit=6)).code is Code.OK
    await harness.recount()


async def test_units_count_again_after_release_and_refund(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.choice(6), buyer="bea")
    await harness.calls.release_hold(harness.ref, hold.id, owner="bea")
    hold = await harness.held(harness.choice(6), buyer="bea")
    order = await harness.confirmed(hold.id)
    await harness.calls.free_seats(harness.ref, order.id, seats=order.seats[:2])

    assert (await harness.hold(harness.choice(3), buyer="bea")).code is Code.HOLD_LIMIT
    assert (await harness.hold(harness.choice(2), buyer="bea")).code is Code.OK
    await harness.recount()


@pytest.mark.parametrize(
    ("lifecycle", "code"),
    [
        ("live", Code.OK),
        ("paused", Code.OK),
        ("draining", Code.OK),
        ("closed", Code.HOLDS_CLOSED),
    ],
)
async def test_the_lifecycle_decides_whether_holds_are_taken(
    make_harness: Make, lifecycle: str, code: Code
) -> None:
    harness = await make_harness(install={"lifecycle": lifecycle})
    assert (await harness.hold(harness.choice(1))).code is code


async def test_holds_open_and_end_to_the_millisecond(make_harness: Make, clock: Clock) -> None:
    opens = await clock.now_ms() + 60_000
    harness = await make_harness(install={"times": SaleTimes(0, opens, opens + 3_600_000)})

    early = await harness.hold(harness.choice(1))
    assert early.code is Code.HOLDS_NOT_OPEN
    await clock.advance_ms(60_000)
    assert (await harness.hold(harness.choice(1))).code is Code.OK
    await clock.advance_ms(3_600_000)
    assert (await harness.hold(harness.choice(1))).code is Code.HOLDS_CLOSED


async def test_a_pass_whose_session_ended_holds_nothing(
    harness: InventoryHarness, clock: Clock
) -> None:
    ends = await clock.now_ms() + 1000
    await harness.executor.command("ZADD", keys.active(harness.uid), ends, "pass")

    assert (await harness.hold(harness.choice(1), pass_id="other")).code is Code.PASS_ENDED
    await clock.advance_ms(1001)
    assert (await harness.hold(harness.choice(1), pass_id="pass")).code is Code.PASS_ENDED
    assert "h" not in await harness.states()


async def test_a_hold_extends_its_session_and_ends_its_reservation(
    harness: InventoryHarness, clock: Clock
) -> None:
    now = await clock.now_ms()
    await harness.executor.command("ZADD", keys.active(harness.uid), now + 60_000, "pass")
    await harness.executor.command("ZADD", keys.unheld(harness.uid), now + 60_000, "pass")

    hold = await harness.held(harness.choice(1), pass_id="pass")

    session = await harness.executor.command("ZSCORE", keys.active(harness.uid), "pass")
    assert int(float(session)) == hold.expires_ms
    assert await harness.executor.command("ZCARD", keys.unheld(harness.uid)) == 0


async def test_sold_out_only_when_nothing_of_it_is_free(make_harness: Make) -> None:
    harness = await make_harness(["AAB"], areas=())
    await harness.held(harness.seats("z1-1-1", "z1-1-2"))

    assert (await harness.hold(harness.choice(1, categories="A"))).code is Code.SOLD_OUT
    assert (await harness.hold(harness.choice(1, categories="B"))).code is Code.OK
    assert (await harness.hold(harness.choice(1))).code is Code.SOLD_OUT


async def test_a_party_is_told_when_only_singles_are_left(make_harness: Make) -> None:
    harness = await make_harness(["AAAAA"])
    await harness.held(harness.seats("z1-1-2", "z1-1-4"))

    assert (await harness.hold(harness.choice(2))).code is Code.NOT_ENOUGH_TOGETHER
    assert (await harness.hold(harness.choice(4))).code is Code.NOT_ENOUGH_TOGETHER
    assert (await harness.hold(harness.choice(1))).code is Code.OK


async def test_a_false_sold_out_is_never_said_while_holds_are_overdue(
    overdue_harness: InventoryHarness,
) -> None:
    # Given forty holds that are overdue
    harness = overdue_harness

    # When somebody asks for more than the first sweep frees
    codes = []
    for _ in range(4):
        answer = await harness.hold(harness.choice(40, prevent_orphans=False), limit=0)
        codes.append(answer.code)

    # Then the script asks to sweep again until all of it is free
    assert codes == [Code.SWEEP_AGAIN, Code.SWEEP_AGAIN, Code.OK, Code.SOLD_OUT]
    await harness.recount()


async def test_an_own_overdue_hold_does_not_use_up_the_limit(
    harness: InventoryHarness, clock: Clock
) -> None:
    await harness.held(harness.choice(6), buyer="bea", hold_ms=1000)
    await clock.advance_ms(1000)

    assert (await harness.hold(harness.choice(6), buyer="bea")).code is Code.OK
    await harness.recount()


async def test_selling_and_returning_the_last_unit_is_announced_once(make_harness: Make) -> None:
    harness = await make_harness(["AA"], areas=())
    hold = await harness.held(harness.choice(2))
    assert "inventory.sold_out" not in await harness.kinds()  # held is not sold

    await harness.confirmed(hold.id)
    await harness.calls.free_seats(harness.ref, hold.id, seats=hold.seats[:1])
    await harness.calls.free_seats(harness.ref, hold.id, seats=hold.seats[1:])

    assert await harness.kinds() == [
        "hold.created",
        "order.confirmed",
        "inventory.sold_out",
        "order.refunded",
        "inventory.reopened",
        "order.refunded",
    ]


async def test_a_hundred_buyers_race_for_one_seat(harness: InventoryHarness) -> None:
    answers = await asyncio.gather(*[harness.hold(harness.seats("z1-2-5")) for _ in range(100)])

    codes = [answer.code for answer in answers]
    assert codes.count(Code.OK) == 1
    assert codes.count(Code.SEAT_UNAVAILABLE) == 99
    await harness.recount()


async def test_a_race_over_several_connections_sells_each_seat_once(
    make_harness: Make, store_url: str
) -> None:
    harness = await make_harness(["A" * 20] * 3, areas=())
    bundle = harness.executor.bundle
    async with Executor(store_url, bundle) as one, Executor(store_url, bundle) as other:
        sides = [InventoryHarness(executor, harness.inventory) for executor in (one, other)]
        for number, side in enumerate(sides):
            calls = InventoryCalls(side.executor)
            side.inventory = SaleInventory(
                "sale", harness.ref, harness.plan, harness.inventory.settings, calls
            )
            side.numbers = iter(range(1000 * number, 1000 * number + 500))
        answers = await asyncio.gather(
            *[sides[at % 2].hold(harness.choice(2), seed=at) for at in range(80)]
        )

    held = [seat for answer in answers if answer.hold for seat in answer.hold.seats]
    assert len(held) == len(set(held)) == (await harness.states()).count("h") > 50
    assert {a.code for a in answers if a.hold is None} == {Code.NOT_ENOUGH_TOGETHER}
    await harness.recount()


async def test_losing_the_scripts_midway_changes_nothing(harness: InventoryHarness) -> None:
    await harness.held(harness.choice(2))
    await harness.executor.command("SCRIPT", "FLUSH")

    await harness.held(harness.choice(2))

    assert (await harness.states()).count("h") == 4
    await harness.recount()


async def test_explicit_seats_may_not_strand_a_single_seat_when_the_sale_says_so(
    make_harness: Make,
) -> None:
    harness = await make_harness(["AAAAAAAA"], prevent_orphans=True)

    stranded = await harness.hold(harness.seats("z1-1-2", "z1-1-3"))
    assert stranded.code is Code.ORPHAN_LEFT
    assert stranded.seats == (2,)
    between = await harness.hold(harness.seats("z1-1-3", "z1-1-5"))
    assert between.code is Code.ORPHAN_LEFT
    assert "h" not in await harness.states()
    await harness.held(harness.seats("z1-1-1", "z1-1-2"))
    # Of the six left, taking five leaves one over whatever one does: that is no reason to refuse.
    await harness.held(harness.seats(*(f"z1-1-{at}" for at in range(4, 9))))


async def test_orphans_among_explicit_seats_are_the_buyers_affair_by_default(
    harness: InventoryHarness,
) -> None:
    assert (await harness.hold(harness.seats("z1-1-2"))).code is Code.OK
