"""Holds of one tick are one script call, and come out as if they had been made one by one."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from support.inventory.harness import PRICES, Clock, Make, Stock, plan_json

from holdfast_inventory.settings import Area, InventorySettings
from holdfast_lua import Code, Executor, ScriptFault
from holdfast_lua.calls import keys
from holdfast_lua.calls.hold_terms import HoldAnswer, HoldTerms, SeatChoice, SeatList, pack_request
from holdfast_lua.calls.records import HoldStatus

KEYS = (
    *(keys.sale, keys.events, keys.seats, keys.rows, keys.holds, keys.buyers, keys.due),
    *(keys.layout, keys.active, keys.unheld),
)
SEEDS = range(12)
HALF_AN_HOUR_MS = 1_900_000
ZONES = (["AAAAAAAA", "AAA BBBBB", "aABBBBBB"], ["BBBBBB", "CCCCCCCCCC"])


async def calls_of(executor: Executor) -> int:
    """How many scripts the store has run."""
    stats = (await executor.command("INFO", "commandstats")).decode()
    line = next(line for line in stats.splitlines() if line.startswith("cmdstat_evalsha:"))
    return int(line.partition("calls=")[2].partition(",")[0])


async def test_holds_of_one_tick_are_one_call_and_one_revision(make_stock: Make) -> None:
    stock = await make_stock(["A" * 40] * 3)
    await stock.held(floor=1)  # the script is in the store
    before, calls = await stock.counters(), await calls_of(stock.executor)

    answers = await asyncio.gather(*[stock.hold(stock.choice(2), seed=at) for at in range(32)])

    assert {answer.code for answer in answers} == {Code.OK}
    assert await calls_of(stock.executor) == calls + 1
    assert {answer.revision for answer in answers} == {before["revision"] + 1}
    assert (await stock.counters())["free"] == before["free"] - 64
    assert await stock.kinds() == ["hold.created"] * 33
    await stock.recount()


async def test_events_follow_the_order_of_asking_without_a_gap(make_stock: Make) -> None:
    stock = await make_stock(["A" * 40] * 3)
    ids = [f"h{number}" for number in range(70)]  # more than one batch
    await asyncio.gather(*[stock.hold(floor=0, seats=stock.choice(1), hold_id=i) for i in ids])

    reading = await stock.calls.read_events(stock.ref, None, 500)
    assert [event.cursor for event in reading.events] == [(1, at) for at in range(1, 71)]
    subjects = [event.body for event in reading.events]
    assert all(hold_id.encode() in body for hold_id, body in zip(ids, subjects, strict=True))


async def test_each_hold_is_refused_or_made_by_itself(stock: Stock) -> None:
    """Given five of a tick: the second wants a seat of the first, the fourth too much floor."""
    first, second, third, fourth, fifth = await asyncio.gather(
        stock.hold(stock.seats("z1-1-1", "z1-1-2")),
        stock.hold(stock.seats("z1-1-2", "z1-1-3"), floor=1),
        stock.hold(stock.seats("z1-1-3"), floor=5),
        stock.hold(stock.choice(1), floor=6, limit=0),
        stock.hold(stock.choice(2, categories="A")),
    )
    assert (second.code, second.seats) == (Code.SEAT_UNAVAILABLE, tuple(stock.indices("z1-1-2")))
    assert (fourth.code, fourth.areas) == (Code.SEAT_UNAVAILABLE, (0,))
    assert [first.code, third.code, fifth.code] == [Code.OK] * 3
    assert (await stock.states()).count("h") == 5
    await stock.recount()


async def test_the_limit_counts_the_holds_of_the_same_tick(stock: Stock) -> None:
    answers = await asyncio.gather(
        *[stock.hold(stock.choice(2), buyer="bea", limit=5) for _ in range(3)],
        stock.hold(stock.choice(2), buyer="abe", limit=5),
        stock.hold(stock.choice(1), buyer="bea", limit=5),
    )
    codes = [answer.code for answer in answers]
    assert codes == [Code.OK, Code.OK, Code.HOLD_LIMIT, Code.OK, Code.OK]
    await stock.recount()


async def test_the_same_id_twice_in_a_tick_is_one_hold(stock: Stock) -> None:
    first, again, other = await asyncio.gather(
        stock.hold(stock.choice(2), hold_id="one", buyer="bea"),
        stock.hold(stock.choice(2), hold_id="one", buyer="bea"),
        stock.hold(stock.choice(2), hold_id="one", buyer="bea", digest="other"),
    )
    assert (first.code, again.code) == (Code.OK, Code.HOLD_REPEATED)
    assert (again.hold, again.revision) == (first.hold, first.revision)
    assert other.code is Code.IDEMPOTENCY_MISMATCH
    assert (await stock.states()).count("h") == 2
    await stock.recount()


async def test_a_row_that_serves_only_since_the_hold_before_is_found(make_stock: Make) -> None:
    """Given three seats in front, which for two would leave one alone: one buyer takes an end."""
    stock = await make_stock(["AAA", "A" * 8])
    behind, single, front = await asyncio.gather(
        stock.hold(stock.choice(2)), stock.hold(stock.choice(1)), stock.hold(stock.choice(2))
    )
    holds = [answer.hold for answer in (behind, single, front)]
    assert [[row.position for row in hold.rows] for hold in holds if hold] == [[2], [1], [1]]
    await stock.recount()


async def test_what_a_search_did_not_meet_before_it_can_meet_later(make_stock: Make) -> None:
    """Given that nobody has a run of two when the first looks for one; then the third row does."""
    stock = await make_stock(["   A", "A" * 8, "  AAA", "A" * 8])
    answers = await asyncio.gather(
        stock.hold(stock.choice(2)),
        stock.hold(stock.seats("z1-3-3")),
        stock.hold(stock.seats("z1-2-1", "z1-2-2", "z1-2-7", "z1-2-8")),
        stock.hold(stock.choice(2)),
    )
    first, _, _, last = answers
    assert first.hold is not None
    assert first.hold.seats == tuple(stock.indices("z1-2-4", "z1-2-5"))
    assert last.hold is not None
    assert last.hold.seats == tuple(stock.indices("z1-3-4", "z1-3-5"))
    await stock.recount()


async def test_every_pass_of_a_tick_is_judged_and_extended(stock: Stock, clock: Clock) -> None:
    now = await clock.now_ms()
    for key in (keys.active, keys.unheld):
        await stock.executor.command("ZADD", key(stock.uid), now + 60_000, "p1", now + 60_000, "p2")
    answers = await asyncio.gather(
        stock.hold(stock.choice(1), pass_id="p1"),
        stock.hold(stock.choice(1), pass_id="gone"),
        stock.hold(stock.choice(1)),
        stock.hold(stock.choice(1), pass_id="p2"),
    )
    assert [a.code for a in answers] == [Code.OK, Code.PASS_ENDED, Code.OK, Code.OK]
    for answer, pass_id in ((answers[0], "p1"), (answers[3], "p2")):
        assert answer.hold is not None
        session = await stock.executor.command("ZSCORE", keys.active(stock.uid), pass_id)
        assert int(float(session)) == answer.hold.expires_ms
    assert await stock.executor.command("ZCARD", keys.unheld(stock.uid)) == 0
    await stock.recount()


async def test_a_batch_of_refusals_changes_nothing(stock: Stock) -> None:
    await stock.held(stock.seats("z1-1-1"))
    before = (await stock.counters(), await stock.kinds())
    answers = await asyncio.gather(*[stock.hold(stock.seats("z1-1-1")) for _ in range(9)])
    assert {answer.code for answer in answers} == {Code.SEAT_UNAVAILABLE}
    assert {answer.revision for answer in answers} == {before[0]["revision"]}
    assert (await stock.counters(), await stock.kinds()) == before


async def test_what_is_overdue_is_swept_once_for_all_who_want_it(overdue_stock: Stock) -> None:
    stock = overdue_stock

    answers = await asyncio.gather(*[stock.hold(stock.choice(8), limit=0) for _ in range(6)])

    assert [answer.code for answer in answers] == [Code.OK] * 5 + [Code.SOLD_OUT]
    assert (await stock.kinds())[40:] == ["hold.expired"] * 40 + ["hold.created"] * 5
    await stock.recount()


async def test_a_repeat_shows_what_the_sweep_of_its_block_made_of_it(
    make_stock: Make, clock: Clock
) -> None:
    stock = await make_stock(["A" * 10])
    await stock.held(stock.choice(2), hold_id="one", hold_ms=1000)
    await clock.advance_ms(1000)
    again, _ = await asyncio.gather(
        stock.hold(stock.choice(2), hold_id="one"), stock.hold(stock.choice(2))
    )
    assert again.code is Code.HOLD_REPEATED
    assert again.hold == (await stock.holds())["one"]
    assert again.hold.status is HoldStatus.EXPIRED
    await stock.recount()


@pytest.mark.parametrize("spoilt", [0, 1, 2])
async def test_a_part_that_makes_no_sense_leaves_no_half_a_batch(
    make_stock: Make, clock: Clock, spoilt: int
) -> None:
    """Everything is taken apart before anything is written, by the sweep either."""
    stock = await make_stock(["A" * 40])
    await stock.held(stock.choice(2), hold_ms=1000)
    await clock.advance_ms(1000)
    before = (await stock.states(), await stock.counters(), await stock.kinds())
    terms = HoldTerms("h", "digest", "bea", "", 1000, 1000, 0)
    parts = pack_request(terms, (), stock.choice(2))
    args = [*parts, *parts[:spoilt], b"\xc1", *parts[spoilt + 1 :]]

    with pytest.raises(ScriptFault):
        await stock.executor.run("hold_seats", [key(stock.uid) for key in KEYS], (1, 1, *args))

    assert (await stock.states(), await stock.counters(), await stock.kinds()) == before


class Twin:
    """The same requests for two sales that began alike."""

    def __init__(self, seed: int, together: Stock, one_by_one: Stock) -> None:
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
        dice, stock = self.random, self.one_by_one
        kind = dice.random()
        if kind < 0.15:
            return None
        if kind < 0.45:
            return stock.seats(*dice.sample(stock.plan.guids, dice.randint(1, 4)))
        return stock.choice(
            dice.choice((1, 1, 2, 2, 2, 3, 4, 5)),
            categories=dice.choice(("", "", "A", "BC")),
            zones=dice.choice(((), (), (0,), (1,))),
            accessible=dice.random() < 0.1,
            prevent_orphans=dice.random() < 0.8,
        )


@pytest.fixture
async def twins(executor: Executor, clock: Clock) -> tuple[Stock, Stock]:
    await clock.stand_still()
    settings = InventorySettings(
        prices=PRICES, max_units_per_buyer=6, areas=(Area("floor", "Floor", 12, "GA"),)
    )
    return (
        await Stock.install(executor, plan_json(*ZONES), settings),
        await Stock.install(executor, plan_json(*ZONES), settings),
    )


def told(answer: HoldAnswer) -> tuple[object, ...]:
    return (answer.code, answer.hold, answer.seats, answer.areas)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_block_comes_out_as_one_by_one(
    twins: tuple[Stock, Stock], clock: Clock, seed: int
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
