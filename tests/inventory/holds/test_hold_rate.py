"""What one buyer can leave in the store, however often they hold, release and cancel."""

import pytest
from support.inventory.harness import HOLD_MS, Clock, InventoryHarness

from holdfast_lua import Code
from holdfast_lua.calls import keys

AT_ONCE = 60
EVERY_MS = 60_000
KEPT_MS = 3_600_000
CALLS = 400
PASS = "pass-bea"


@pytest.fixture
async def session(harness: InventoryHarness, clock: Clock) -> InventoryHarness:
    """The inventory, with the session of a pass in it."""
    await clock.stand_still()
    await renewed(harness, clock)
    return harness


async def renewed(harness: InventoryHarness, clock: Clock) -> None:
    deadline = await clock.now_ms() + 4 * KEPT_MS
    await harness.executor.command("ZADD", keys.active(harness.uid), deadline, PASS)


async def memory(harness: InventoryHarness) -> int:
    """Bytes of the keys that a buyer's holds are in; of events there is a bounded number."""
    names = (keys.holds, keys.buyers, keys.due, keys.active, keys.unheld)
    sizes = [await harness.executor.command("MEMORY", "USAGE", key(harness.uid)) for key in names]
    return sum(size or 0 for size in sizes)


async def cycle(harness: InventoryHarness, pass_id: str = PASS) -> Code:
    """Holds a seat and gives it back."""
    made = await harness.hold(harness.choice(1), buyer="bea", pass_id=pass_id)
    if made.hold is not None:
        released = await harness.calls.release_hold(harness.ref, made.hold.id, owner="bea")
        assert released.code is Code.OK
    return made.code


async def cancel(harness: InventoryHarness, number: int, pass_id: str = PASS) -> Code:
    answer = await harness.calls.cancel_hold(
        harness.ref, f"made-up-{number}", buyer="bea", pass_id=pass_id
    )
    return answer.code


async def test_holding_and_releasing_all_the_time_leaves_a_bounded_number_of_records(
    session: InventoryHarness, clock: Clock
) -> None:
    codes = [await cycle(session) for _ in range(CALLS)]
    assert codes == [Code.OK] * AT_ONCE + [Code.TOO_MANY_ENDED] * (CALLS - AT_ONCE)
    assert len(await session.holds()) == AT_ONCE
    assert await memory(session) < AT_ONCE * 800
    refused = await session.hold(session.choice(1), buyer="bea", pass_id=PASS)
    assert refused.wait_ms == EVERY_MS
    await clock.advance_ms(EVERY_MS)
    assert [await cycle(session), await cycle(session)] == [Code.OK, Code.TOO_MANY_ENDED]
    await session.recount()


async def test_cancelling_under_new_keys_all_the_time_leaves_a_bounded_number_of_tombstones(
    session: InventoryHarness, clock: Clock
) -> None:
    codes = [await cancel(session, number) for number in range(CALLS)]
    assert codes == [Code.OK] * AT_ONCE + [Code.TOO_MANY_ENDED] * (CALLS - AT_ONCE)
    assert len(await session.holds()) == AT_ONCE
    assert await memory(session) < AT_ONCE * 800
    assert await cancel(session, 0) is Code.UNCHANGED  # a repeat costs nothing
    assert await cycle(session) is Code.TOO_MANY_ENDED  # both draw on one allowance
    assert await session.kinds() == []


async def test_a_day_of_it_is_bounded_by_the_last_hour(
    session: InventoryHarness, clock: Clock
) -> None:
    """And once the buyer stops, nothing is left of them, nor of how fast they were."""
    most = 0
    for number in range(8 * CALLS):
        await cancel(session, number)
        if number % 40 == 0:
            await clock.advance_ms(20 * EVERY_MS)
            await renewed(session, clock)
            await session.calls.expire_holds(session.ref)
            most = max(most, len(await session.holds()))
    assert AT_ONCE < most <= AT_ONCE + KEPT_MS // EVERY_MS
    await clock.advance_ms(2 * KEPT_MS)
    await session.calls.expire_holds(session.ref)
    assert await session.holds() == {}
    assert await session.executor.command("EXISTS", keys.buyers(session.uid)) == 0
    assert await session.executor.command("EXISTS", keys.due(session.uid)) == 0
    await session.recount()


async def test_pass_whose_session_is_over_leaves_no_tombstone(session: InventoryHarness) -> None:
    await session.executor.command("ZREM", keys.active(session.uid), PASS)
    before = await session.counters()
    assert [await cancel(session, number) for number in range(3)] == [Code.PASS_ENDED] * 3
    assert await session.holds() == {}
    assert await session.counters() == before
    # Nor can what they would have kept from coming come.
    assert await cycle(session) is Code.PASS_ENDED


async def test_who_has_too_many_still_gives_back_what_they_have(session: InventoryHarness) -> None:
    held = [await session.held(session.choice(1), buyer="bea", pass_id=PASS) for _ in range(3)]
    for number in range(AT_ONCE):
        await cancel(session, number)
    released = await session.calls.release_hold(session.ref, held[0].id, owner="bea")
    cancelled = await session.calls.cancel_hold(session.ref, held[1].id, buyer="bea", pass_id=PASS)
    assert (released.code, cancelled.code) == (Code.OK, Code.OK)
    late = await session.calls.begin_confirm(session.ref, held[2].id, reacquire=False, limit=6)
    assert late.code is Code.OK
    # What they were charged for that they wait for as well.
    refused = await session.hold(session.choice(1), buyer="bea", pass_id=PASS)
    assert (refused.code, refused.wait_ms) == (Code.TOO_MANY_ENDED, 3 * EVERY_MS)
    await session.recount()


async def test_holds_that_run_out_are_charged_too(session: InventoryHarness, clock: Clock) -> None:
    for _ in range(AT_ONCE // 6 + 1):
        for _ in range(6):
            made = await session.hold(session.choice(1), buyer="bea", pass_id=PASS, hold_ms=1000)
        await clock.advance_ms(1000)
        await session.calls.expire_holds(session.ref)
    assert made.code is Code.TOO_MANY_ENDED
    assert len(await session.holds()) <= AT_ONCE + 6


async def test_platforms_and_other_buyers_are_not_limited(
    session: InventoryHarness, clock: Clock
) -> None:
    for number in range(2 * AT_ONCE):
        assert await cancel(session, number, pass_id="") is Code.OK
        assert await cycle(session, pass_id="") is Code.OK
    assert await cycle(session) is Code.OK
    for number in range(2 * AT_ONCE):
        await cancel(session, 1000 + number)
    deadline = await clock.now_ms() + HOLD_MS
    await session.executor.command("ZADD", keys.active(session.uid), deadline, "pass-ann")
    other = await session.hold(session.choice(1), buyer="ann", pass_id="pass-ann")
    assert other.code is Code.OK


async def test_allowance_outlives_what_else_happens_to_the_buyer(
    session: InventoryHarness, clock: Clock
) -> None:
    """A purchase, a late payment, a refund: each rewrites the buyer's entry."""
    bought = await session.held(session.choice(1), buyer="bea", pass_id=PASS)
    late = await session.held(session.choice(1), buyer="bea", pass_id=PASS, hold_ms=1000)
    await clock.advance_ms(1000)
    await session.calls.expire_holds(session.ref)
    for number in range(AT_ONCE):
        await cancel(session, number)
    await session.confirmed(bought.id)
    again = await session.calls.begin_confirm(session.ref, late.id, reacquire=True, limit=6)
    assert again.code is Code.HOLD_REACQUIRED
    await session.calls.free_seats(session.ref, bought.id, seats=bought.seats)
    assert await cycle(session) is Code.TOO_MANY_ENDED
    await session.recount()


async def test_holds_of_a_buyer_are_found_beside_what_is_charged_to_them(
    session: InventoryHarness,
) -> None:
    held = [await session.held(session.choice(1), buyer="bea", pass_id=PASS) for _ in range(2)]
    await cycle(session)
    assert [hold.id for hold in (await session.inventory.holds_of("bea"))[1]] == [
        h.id for h in held
    ]


async def test_entry_that_an_earlier_version_has_added_to_is_read(
    session: InventoryHarness,
) -> None:
    """Given two versions of the service on one store, as during an update."""
    await cycle(session)
    key = keys.buyers(session.uid)
    entry = (await session.executor.command("HGET", key, "bea")).decode()
    await session.executor.command("HSET", key, "bea", f"2{entry[1:]} theirs")
    ours = await session.held(session.choice(1), buyer="bea", pass_id=PASS)
    assert (await session.executor.command("HGET", key, "bea")).decode() == (
        f"3 theirs {ours.id}{entry[1:]}"
    )
