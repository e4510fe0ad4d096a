import random
from dataclasses import replace
from functools import cache

import msgspec
import pytest
from support.inventory.harness import (
    FLOOR,
    PRICES,
    SETTINGS,
    SPORTS_HALL,
    Clock,
    InventoryHarness,
    Make,
    plan_json,
)

from holdfast_inventory.holds.inventory_image import make_image, record_for
from holdfast_inventory.holds.seat_map import SeatMap
from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_lua import Code, Executor, SaleRef, StoreBehind
from holdfast_lua.calls import keys
from holdfast_lua.calls.hold_terms import SeatsReading
from holdfast_lua.calls.inventory_install import InstallFenced, install_inventory
from holdfast_lua.calls.records import AreaUnits, HoldRecord, HoldStatus
from holdfast_lua.calls.sale import SaleCalls, SaleTimes


async def test_blocking_takes_only_free_seats_off_sale(harness: InventoryHarness) -> None:
    await harness.held(harness.seats("z1-1-1"))
    await harness.confirmed((await harness.held(harness.seats("z1-1-2"))).id)

    some = harness.indices("z1-1-1", "z1-1-2", "z1-1-3", "z1-2-1")
    assert await harness.inventory.block(some) == 2
    assert await harness.inventory.block(some) == 0
    assert await harness.states() == "hbx" + "f" * 7 + "x" + "f" * 19
    assert (await harness.hold(harness.seats("z1-1-3"))).code is Code.SEAT_UNAVAILABLE
    await harness.recount()

    assert await harness.inventory.unblock(some) == 2
    assert await harness.states() == "hb" + "f" * 28
    assert [kind for kind in await harness.kinds() if kind.startswith("seats")] == [
        "seats.blocked",
        "seats.unblocked",
    ]
    await harness.recount()


async def test_blocking_the_last_free_seats_sells_out(make_harness: Make) -> None:
    harness = await make_harness(["AA"], areas=())
    await harness.inventory.block([0, 1])
    assert (await harness.kinds())[-1] == "inventory.sold_out"
    await harness.inventory.unblock([0])
    assert (await harness.kinds())[-1] == "inventory.reopened"


async def test_the_map_has_counts_and_the_cursor_of_its_moment(harness: InventoryHarness) -> None:
    await harness.held(harness.seats("z1-1-1"), floor=3)
    await harness.confirmed((await harness.held(harness.seats("z1-1-2"), floor=2)).id)
    await harness.inventory.block([3])

    reading = (await harness.inventory.seat_map()).reading
    assert reading.states.decode() == await harness.states() == "hbfx" + "f" * 26
    assert (reading.free, reading.held, reading.booked, reading.blocked) == (32, 4, 3, 1)
    assert reading.areas == ((5, 3),)
    assert reading.cursor == (1, 4)
    assert (await harness.inventory.seat_map()).version == "1-4"


async def test_the_map_never_shows_a_hold_past_its_deadline(
    harness: InventoryHarness, clock: Clock
) -> None:
    hold = await harness.held(harness.choice(2))
    assert (await harness.inventory.seat_map()).reading.held == 2
    await clock.advance_ms(hold.expires_ms - await clock.now_ms())
    await harness.held(floor=1)  # this process learns of a newer revision

    assert (await harness.inventory.seat_map()).reading.states == b"f" * 30


async def test_the_map_is_read_again_only_when_something_changed(harness: InventoryHarness) -> None:
    first = await harness.inventory.seat_map()
    assert await harness.inventory.seat_map() is first
    await harness.held(harness.choice(1))
    assert (await harness.inventory.seat_map()).reading.held == 1


def test_a_map_of_sixty_thousand_seats_compresses_well() -> None:
    plan = compile_plan(plan_json(*([["A" * 50] * 40] * 30)), SETTINGS)
    dice = random.Random(1)
    states = bytearray()
    while len(states) < len(plan):  # parties of one to six, half of the plan sold
        states += bytes([dice.choices(b"fhb", (5, 1, 4))[0]]) * dice.randint(1, 6)
    reading = SeatsReading(1, 1, 1, (1, 1), bytes(states[: len(plan)]), 1, 1, 1, 1, (), False)
    assert len(plan) == 60_000
    assert len(SeatMap(reading, plan, SETTINGS).json_gzip) <= 15_000


async def test_everything_refuses_while_the_store_is_behind(harness: InventoryHarness) -> None:
    harness.ref.revision += 1
    before = await harness.counters()
    with pytest.raises(StoreBehind):
        await harness.hold(harness.choice(1))
    with pytest.raises(StoreBehind):
        await harness.inventory.seat_map()
    with pytest.raises(StoreBehind):
        await harness.calls.expire_holds(harness.ref)
    assert await harness.counters() == before


@cache
def sports_hall() -> Plan:
    return compile_plan(SPORTS_HALL.read_bytes(), SETTINGS)


def order(hold_id: str, status: HoldStatus, seats: list[int], *, floor: int = 0) -> HoldRecord:
    return record_for(
        sports_hall(),
        hold_id,
        status,
        buyer=f"buyer of {hold_id}",
        seats=seats,
        prices=[PRICES["II"]] * len(seats),
        areas=[AreaUnits(0, floor, 0)] if floor else [],
        total=PRICES["II"] * len(seats),
        created_ms=5,
        expires_ms=10**15,
    )


async def test_an_installation_brings_back_orders_and_pending_holds(executor: Executor) -> None:
    settings = replace(SETTINGS, areas=(FLOOR,))
    holds = [
        order("sold", HoldStatus.CONFIRMED, [0, 1], floor=4),
        order("pending", HoldStatus.PAYING, [2, 3], floor=2),
        order("gone", HoldStatus.EXPIRED, [4]),
    ]
    harness = await InventoryHarness.install(
        executor, SPORTS_HALL.read_bytes(), settings, holds=holds, blocked=[1, 5]
    )

    assert (await harness.states())[:7] == "bbhhfxf"
    assert set(await harness.holds()) == {"sold", "pending", "gone"}
    await harness.calls.begin_confirm(harness.ref, "pending", reacquire=False, limit=6)
    assert (
        await harness.calls.finish_confirm(harness.ref, "pending", order_ref="r")
    ).code is Code.OK
    refund = await harness.calls.free_seats(harness.ref, "sold", seats=[0])
    assert refund.code is Code.OK
    assert (await harness.states())[:7] == "fbbbfxf"


async def test_installing_thousands_of_orders_in_chunks(executor: Executor) -> None:
    holds = [order(f"o{seat}", HoldStatus.CONFIRMED, [seat]) for seat in range(0, 1200)]
    harness = await InventoryHarness.install(
        executor, SPORTS_HALL.read_bytes(), SETTINGS, holds=holds
    )
    assert len(await harness.holds()) == 1200
    assert (await harness.counters())["free"] == 21
    await harness.recount()


def test_an_image_refuses_what_the_ledger_rules_out() -> None:
    plan = sports_hall()
    twice = [order("one", HoldStatus.CONFIRMED, [0, 1]), order("two", HoldStatus.PAYING, [1])]
    with pytest.raises(ValueError, match="seat 1 is in two holds"):
        make_image(plan, SETTINGS, twice)


async def test_an_older_epoch_cannot_install_over_a_newer_one(harness: InventoryHarness) -> None:
    image = make_image(harness.plan, harness.inventory.settings)
    executor, uid = harness.executor, harness.uid
    assert not await install_inventory(executor, uid, 1, image)  # this epoch is installed
    assert await install_inventory(executor, uid, 3, image)
    with pytest.raises(InstallFenced):
        await install_inventory(executor, uid, 2, image)
    with pytest.raises(StoreBehind):  # until the sale hash is there nothing can be done with it
        await harness.hold(harness.choice(1))


async def test_two_processes_that_install_one_epoch_leave_one_whole_stock(
    executor: Executor,
) -> None:
    # Given one process that has installed everything but the sale hash
    plan = sports_hall()
    holds = [order(f"o{seat}", HoldStatus.PAYING, [seat]) for seat in range(600)]
    image = make_image(plan, SETTINGS, holds)
    ref = SaleRef("twice", 4)
    assert await install_inventory(executor, ref.uid, ref.epoch, image)

    # When another begins, and the first one commits meanwhile
    assert await install_inventory(executor, ref.uid, ref.epoch, image)
    await SaleCalls(executor).install(
        ref,
        name="twice",
        lifecycle="live",
        settings_version=1,
        times=SaleTimes(),
        inventory=image.sale_fields(),
    )
    assert not await install_inventory(executor, ref.uid, ref.epoch, image)

    # Then all holds are there, once
    assert await executor.command("HLEN", keys.holds(ref.uid)) == 600
    assert await executor.command("ZCARD", keys.due(ref.uid)) == 600


async def test_events_are_paged_without_gap_and_trimming_is_told(harness: InventoryHarness) -> None:
    for _ in range(5):
        await harness.held(harness.choice(1))

    page = await harness.calls.read_events(harness.ref, (1, 2), 2)
    assert [event.cursor for event in page.events] == [(1, 3), (1, 4)]
    assert (page.last, page.trimmed) == ((1, 5), False)
    assert (await harness.calls.read_events(harness.ref, (1, 5), 2)).events == []
    assert (await harness.calls.read_events(harness.ref, (1, 6), 2)).trimmed  # from another future
    await harness.executor.command("XTRIM", keys.events(harness.uid), "MAXLEN", 2)
    assert (await harness.calls.read_events(harness.ref, (1, 2), 2)).trimmed
    assert not (await harness.calls.read_events(harness.ref, (1, 3), 2)).trimmed
    assert len((await harness.calls.read_events(harness.ref, None, 9)).events) == 2


async def test_an_event_tells_what_was_held_and_by_whom(harness: InventoryHarness) -> None:
    hold = await harness.held(harness.seats("z1-1-1"), floor=2, buyer="bea")
    event = (await harness.calls.read_events(harness.ref, None, 1)).events[0]
    body = msgspec.msgpack.decode(event.body)
    assert (body["type"], body["subject"], body["sale"]) == ("hold.created", hold.id, "sale")
    assert body["id"] == f"{harness.uid}.1-1"
    data = body["data"]
    assert (data["buyer"], data["seats"], data["total"]) == ("bea", [0], hold.total)
    assert data["areas"] == [0, 2, PRICES["GA"]]
