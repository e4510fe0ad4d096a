"""Holds of one tick are one script call, and come out as if they had been made one by one."""

import asyncio
import random
from typing import Any

import pytest
from support.inventory.harness import PRICES, Clock, InventoryHarness, Make, plan_json

from holdfast_inventory.settings import Area, InventorySettings
from holdfast_lua import Code, Executor, ScriptFault
from holdfast_lua.calls import keys
from holdfast_lua.calls.hold_terms import HoldAnswer, HoldTerms, SeatChoice, SeatList, pack_request
from holdfast_lua.calls.records import HoldStatus

KEYS = (
    *(keys.sale, keys.events, keys.seats, keys.rows, keys.holds, keys.buyers, keys.due),
    *(keys.layout, keys.active, keys.unheld, keys.started),
)
SEEDS = range(12)
HALF_AN_HOUR_MS = 1_900_000
ZONES = (["AAAAAAAA", "AAA BBBBB", "aABBBBBB"], ["BBBBBB", "CCCCCCCCCC"])


async def calls_of(executor: Executor) -> int:
    """How many scripts the store has run."""
    stats = (await executor.command("INFO", "commandstats")).decode()
    line = next(line for line in stats.splitlines() if line.startswith("cmdstat_evalsha:"))
    return int(line.partition("calls=")[2].partition(",")[0])


async def test_holds_of_one_tick_are_one_call_and_one_revision(make_harness: Make) -> None:
    harness = await make_harness(["A" * 40] * 3)
    await harness.held(floor=1)  # the script is in the store
    before, calls = await harness.counters(), await calls_of(harness.executor)

    answers = await asyncio.gather(*[harness.hold(harness.choice(2), seed=at) for at in range(32)])

    assert {answer.code for answer in answers} == {Code.OK}
    assert await calls_of(harness.executor) == calls + 1
    assert {answer.revision for answer in answers} == {before["revision"] + 1}
    assert (await harness.counters())["free"] == before["free"] - 64
    assert await harness.kinds() == ["hold.created"] * 33
    await harness.recount()


async def test_events_follow_the_order_of_asking_without_a_gap(make_harness: Make) -> None:
    harness = await make_harness(["A" * 40] * 3)
    ids = [f"h{number}" for number in range(70)]  # more than one batch
    await asyncio.gather(*[harness.hold(floor=0, seats=harness.choice(1), hold_id=i) for i in ids])

    reading = await harness.calls.read_events(harness.ref, None, 500)
    assert [event.cursor for event in reading.events] == [(1, at) for at in range(1, 71)]
    subjects = [event.body for event in reading.events]
    assert all(hold_id.encode() in body for hold_id, body in zip(ids, subjects, strict=True))


async def test_each_hold_is_refused_or_made_by_itself(harness: InventoryHarness) -> None:
    """Given five of a tick: the second wants a seat of the first, the fourth too much floor."""
    first, second, third, fourth, fifth = await asyncio.gather(
        harness.hold(harness.seats("z1-1-1", "z1-1-2")),
        harness.hold(harness.seats("z1-1-2", "z1-1-3"), floor=1),
        harness.hold(harness.seats("z1-1-3"), floor=5),
        harness.hold(harness.choice(1), floor=6, limit=0),
        harness.hold(harness.choice(2, categories="A")),
    )
    assert (second.code, second.seats) == (Code.SEAT_UNAVAILABLE, tuple(harness.indices("z1-1-2")))
    assert (fourth.code, fourth.areas) == (Code.SEAT_UNAVAILABLE, (0,))
    assert [first.code, third.code, fifth.code] == [Code.OK] * 3
    assert (await harness.states()).count("h") == 5
    await harness.recount()


async def test_the_limit_counts_the_holds_of_the_same_tick(harness: InventoryHarness) -> None:
    answers = await asyncio.gather(
        *[harness.hold(harness.choice(2), buyer="bea", limit=5) for _ in range(3)],
        harness.hold(harness.choice(2), buyer="abe", limit=5),
        harness.hold(harness.choice(1), buyer="bea", limit=5),
    )
    codes = [answer.code for answer in answers]
    assert codes == [Code.OK, Code.OK, Code.HOLD_LIMIT, Code.OK, Code.OK]
    await harness.recount()


async def test_the_same_id_twice_in_a_tick_is_one_hold(harness: InventoryHarness) -> None:
    first, again, other = await asyncio.gather(
        harness.hold(harness.choice(2), hold_id="one", buyer="bea"),
        harness.hold(harness.choice(2), hold_id="one", buyer="bea"),
        harness.hold(harness.choice(2), hold_id="one", buyer="bea", digest="other"),
    )
    assert (first.code, again.code) == (Code.OK, Code.HOLD_REPEATED)
    assert (again.hold, again.revision) == (first.hold, first.revision)
    assert other.code is Code.IDEMPOTENCY_MISMATCH
    assert (await harness.states()).count("h") == 2
    await harness.recount()


async def test_a_row_that_serves_only_since_the_hold_before_is_found(make_harness: Make) -> None:
    """Given three seats in front, which for two would leave one alone: one buyer takes an end."""
    harness = await make_harness(["AAA", "A" * 8])
    behind, single, front = await asyncio.gather(
        harness.hold(harness.choice(2)),
        harness.hold(harness.choice(1)),
        harness.hold(harness.choice(2)),
    )
    holds = [answer.hold for answer in (behind, single, front)]
    assert [[row.position for row in hold.rows] for hold in holds if hold] == [[2], [1], [1]]
    await harness.recount()


async def test_what_a_search_did_not_meet_before_it_can_meet_later(make_harness: Make) -> None:
    """Given that nobody has a run of two when the first looks for one; then the third row does."""
    harness = await make_harness(["   A", "A" * 8, "  AAA", "A" * 8])
    answers = await asyncio.gather(
        harness.hold(harness.choice(2)),
        harness.hold(harness.seats("z1-3-3")),
        harness.hold(harness.seats("z1-2-1", "z1-2-2", "z1-2-7", "z1-2-8")),
        harness.hold(harness.choice(2)),
    )
    first, _, _, last = answers
    assert first.hold is not None
    assert first.hold.seats == tuple(harness.indices("z1-2-4", "z1-2-5"))
    assert last.hold is not None
    assert last.hold.seats == tuple(harness.indices("z1-3-4", "z1-3-5"))
    await harness.recount()


async def test_every_pass_of_a_tick_is_judged_and_extended(
    harness: InventoryHarness, clock: Clock
) -> None:
    now = await clock.now_ms()
    for key in (keys.active, keys.unheld):
        await harness.executor.command(
            "ZADD", key(harness.uid), now + 60_000, "p1", now + 60_000, "p2"
        )
    answers = await asyncio.gather(
        harness.hold(harness.choice(1), pass_id="p1"),
        harness.hold(harness.choice(1), pass_id="gone"),
        harness.hold(harness.choice(1)),
        harness.hold(harness.choice(1), pass_id="p2"),
    )
    assert [a.code for a in answers] == [Code.OK, Code.PASS_ENDED, Code.OK, Code.OK]
    for answer, pass_id in ((answers[0], "p1"), (answers[3], "p2")):
        assert answer.hold is not None
        session = await harness.executor.command("ZSCORE", keys.active(harness.uid), pass_id)
        assert int(float(session)) == answer.hold.expires_ms
    assert await harness.executor.command("ZCARD", keys.unheld(harness.uid)) == 0
    await harness.recount()


async def test_a_batch_of_refusals_changes_nothing(harness: InventoryHarness) -> None:
    await harness.held(harness.seats("z1-1-1"))
    before = (await harness.counters(), await harness.kinds())
    answers = await asyncio.gather(*[harness.hold(harness.seats("z1-1-1")) for _ in range(9)])
    assert {answer.code for answer in answers} == {Code.SEAT_UNAVAILABLE}
    assert {answer.revision for answer in answers} == {before[0]["revision"]}
    assert (await harness.counters(), await harness.kinds()) == before


async def test_what_is_overdue_is_swept_once_for_all_who_want_it(
    overdue_harness: InventoryHarness,
) -> None:
    harness = overdue_harness

    answers = await asyncio.gather(*[harness.hold(harness.choice(8), limit=0) for _ in range(6)])

    assert [answer.code for answer in answers] == [Code.OK] * 5 + [Code.SOLD_OUT]
    assert (await harness.kinds())[40:] == ["hold.expired"] * 40 + ["hold.created"] * 5
    await harness.recount()


async def test_a_repeat_shows_what_the_sweep_of_its_block_made_of_it(
    make_harness: Make, clock: Clock
) -> None:
    harness = await make_harness(["A" * 10])
    await harness.held(harness.choice(2), hold_id="one", hold_ms=1000)
    await clock.advance_ms(1000)
    again, _ = await asyncio.gather(
        harness.hold(harness.choice(2), hold_id="one"), harness.hold(harness.choice(2))
    )
    assert again.code is Code.HOLD_REPEATED
    assert again.hold == (await harness.holds())["one"]
    assert again.hold.status is HoldStatus.EXPIRED
    await harness.recount()


@pytest.mark.parametrize("spoilt", [0, 1, 2])
async def test_a_part_that_makes_no_sense_leaves_no_half_a_batch(
    make_harness: Make, clock: Clock, spoilt: int
) -> None:
    """Everything is taken apart before anything is written, by the sweep either."""
    harness = await make_harness(["A" * 40])
    await harness.held(harness.choice(2), hold_ms=1000)
    await clock.advance_ms(1000)
    before = (await harness.states(), await harness.counters(), await harness.kinds())
    terms = HoldTerms("h", "digest", "bea", "", 1000, 1000, 0)
    parts = pack_request(terms, (), harness.choice(2))
    args = [*parts, *parts[:spoilt], b"\xc1", *parts[spoilt + 1 :]]

    with pytest.raises(ScriptFault):
        await harness.executor.run("hold_seats", [key(harness.uid) for key in KEYS], (1, 1, *args))

    assert (await harness.states(), await harness.counters(), await harness.kinds()) == before


class Twin:
    """The same requests for two sales that began alike."""

    def __init__(self, seed: int, together: InventoryHarness, one_by_one: InventoryHarness) -> None:
        self.random = random.Random(seed)
        self.together, self.one_by_one = together, one_by_one
        self.number, self.repeats = 0, 0.1

    def asked(self) -> dict[str, Any]:
        dice = self.random
        self.number += 1
        how: dict[str, Any] = {
            "floor": dice.choice((0, 0, 0, 1, 4)),
            "hold_id": f"h{self.number if dice.random() > self.repeats else dice.randrange(9)}",
            "buyer": f"b{dice.randrange(12)}",
            "digest": dice.choice(("d", "d", "d", "e")),
            "limit": dice.choice((0, 6)),
            "seed": dice.randrange(2**31),
        }
        return how | {"seats": self.seats()}

    def seats(self) -> SeatList | SeatChoice | None:
        dice, harness = self.random, self.one_by_one
        kind = dice.random()
        if kind < 0.15:
            return None
        if kind < 0.45:
            return harness.seats(*dice.sample(harness.plan.guids, dice.randint(1, 4)))
        return harness.choice(
            dice.choice((1, 1, 2, 2, 2, 3, 4, 5)),
            categories=dice.choice(("", "", "A", "BC")),
            zones=dice.choice(((), (), (0,), (1,))),
            accessible=dice.random() < 0.1,
            prevent_orphans=dice.random() < 0.8,
        )


@pytest.fixture
async def twins(executor: Executor, clock: Clock) -> tuple[InventoryHarness, InventoryHarness]:
    await clock.stand_still()
    settings = InventorySettings(
        prices=PRICES, max_units_per_buyer=6, areas=(Area("floor", "Floor", 12, "GA"),)
    )
    return (
        await InventoryHarness.install(executor, plan_json(*ZONES), settings),
        await InventoryHarness.install(executor, plan_json(*ZONES), settings),
    )


def told(answer: HoldAnswer) -> tuple[object, ...]:
    return (answer.code, answer.hold, answer.seats, answer.areas)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_block_comes_out_as_one_by_one(
    twins: tuple[InventoryHarness, InventoryHarness], clock: Clock, seed: int
) -> None:
    """Property: answers, seats, counters, buyers and events are the same either way."""
    twin = Twin(seed, *twins)
    lapses = (
        seed % 2 == 0
    )  # few enough for one hold alone to sweep them all, and no repeats of them
    if lapses:
        twin.repeats = 0.0
    for _ in range(5):
        asked = [twin.asked() for _ in range(twin.random.randint(2, 8 if lapses else 20))]
        hold = twin.together.hold
        at_once = await asyncio.gather(*[hold(**how) for how in asked])
        in_turn = [await twin.one_by_one.hold(**how) for how in asked]
        assert [told(answer) for answer in at_once] == [told(answer) for answer in in_turn]
        assert await twin.together.states() == await twin.one_by_one.states()
        assert await twin.together.kinds() == await twin.one_by_one.kinds()
        await twin.together.recount()
        if lapses:
            await clock.advance_ms(HALF_AN_HOUR_MS)
