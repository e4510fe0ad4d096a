"""Best available against a reference that tries everything, on random plans and on a real plan."""

from itertools import groupby

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.inventory.harness import (
    PRICES,
    SETTINGS,
    SPORTS_HALL,
    InventoryHarness,
    Make,
    plan_json,
)
from support.inventory.reference import BestAvailableRequest, allowed

from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_lua import Bundle, Code, Executor

ROWS = st.lists(st.text("AAAAB a", min_size=1, max_size=16), min_size=1, max_size=5)
HOUSES = st.lists(ROWS, min_size=1, max_size=3).filter(
    lambda zones: any(letter != " " for rows in zones for row in rows for letter in row)
)
REQUESTS = st.builds(
    BestAvailableRequest,
    quantity=st.one_of(st.integers(1, 7), st.integers(8, 13)),
    categories=st.sampled_from([frozenset[str](), frozenset("A"), frozenset("B"), frozenset("AB")]),
    zones=st.sampled_from([frozenset[int](), frozenset({0}), frozenset({1})]),
    accessible=st.booleans(),
    prevent_orphans=st.booleans(),
)
FEW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


async def judge(harness: InventoryHarness, request: BestAvailableRequest, seed: int) -> None:
    """One request, judged by the reference; the hold is given back."""
    states = await harness.states()
    expected = allowed(harness.plan, states, request)
    choice = harness.choice(
        request.quantity,
        categories="".join(request.categories),
        zones=request.zones,
        accessible=request.accessible,
        prevent_orphans=request.prevent_orphans,
    )
    answer = await harness.hold(choice, seed=seed, limit=0)
    if expected.refusal < 0:
        assert (answer.code, answer.hold) == (expected.refusal, None)
        return
    hold = answer.hold
    assert hold is not None, (answer.code, expected)
    assert all(states[seat] == "f" for seat in hold.seats)
    assert len(set(hold.seats)) == request.quantity
    kinds = [harness.plan.kind(seat) for seat in hold.seats]
    assert all(kind.accessible == request.accessible for kind in kinds)
    assert not request.categories or {kind.category for kind in kinds} <= request.categories
    assert hold.prices == tuple(PRICES[kind.category] for kind in kinds)
    if expected.split:
        assert min(parts(harness.plan, hold.seats)) >= 2
    else:
        assert hold.seats in expected.runs
        assert harness.plan.adjacent(hold.seats)
    await harness.recount()
    await harness.calls.release_hold(harness.ref, hold.id, owner="")
    assert await harness.states() == states


def parts(plan: Plan, seats: tuple[int, ...]) -> list[int]:
    """The sizes of the groups in which these seats sit side by side."""
    order = [(plan.run_of[seat], seat - at) for at, seat in enumerate(seats)]
    return [len(list(group)) for _, group in groupby(order)]


def test_every_answer_is_one_that_the_rules_allow(store_url: str, test_bundle: Bundle) -> None:
    @FEW
    @given(zones=HOUSES, request=REQUESTS, seed=st.integers(0, 2**31), data=st.data())
    def check(
        zones: list[list[str]], request: BestAvailableRequest, seed: int, data: st.DataObject
    ) -> None:
        text = plan_json(*zones)
        plan = compile_plan(text, SETTINGS)
        wanted = frozenset(zone for zone in request.zones if zone < len(plan.zones))
        request = BestAvailableRequest(
            request.quantity,
            request.categories,
            wanted,
            request.accessible,
            request.prevent_orphans,
        )
        taken = data.draw(st.sets(st.integers(0, len(plan) - 1)))

        async def run() -> None:
            async with Executor(store_url, test_bundle) as executor:
                harness = await InventoryHarness.install(executor, text, SETTINGS, blocked=taken)
                await judge(harness, request, seed)

        uvloop.run(run())

    check()


def test_a_party_is_split_whenever_it_can_be(store_url: str, test_bundle: Bundle) -> None:
    """Only short runs are left, so that every answer is a split or a refusal."""

    @FEW
    @given(
        lengths=st.lists(st.integers(1, 4), min_size=1, max_size=7),
        quantity=st.integers(5, 9),
        seed=st.integers(0, 99),
    )
    def check(lengths: list[int], quantity: int, seed: int) -> None:
        text = plan_json([" ".join("A" * length for length in lengths)])

        async def run() -> None:
            async with Executor(store_url, test_bundle) as executor:
                harness = await InventoryHarness.install(executor, text, SETTINGS)
                await judge(harness, BestAvailableRequest(quantity), seed)

        uvloop.run(run())

    check()


async def test_a_real_hall_sells_by_the_rules_to_the_last_seat(executor: Executor) -> None:
    harness = await InventoryHarness.install(executor, SPORTS_HALL.read_bytes(), SETTINGS)
    parties = (2, 4, 3, 1, 5, 2, 6)
    refused = 0
    for number in range(2000):
        request = BestAvailableRequest(parties[number % len(parties)])
        if number % 40 == 0 or refused:
            await judge(harness, request, number)
        answer = await harness.hold(harness.choice(request.quantity), seed=number)
        refused += answer.code is not Code.OK
        if answer.code is Code.SOLD_OUT:
            break
    assert (await harness.counters())["free"] == 0
    await harness.recount()


async def test_the_nearest_row_is_filled_from_its_middle(make_harness: Make) -> None:
    harness = await make_harness(["A" * 10, "A" * 10])
    picked = [(await harness.held(harness.choice(2))).seats for _ in range(3)]
    assert picked[0] == (4, 5)
    assert set(picked[1:]) == {(2, 3), (6, 7)}


async def test_nobody_is_stranded_while_there_is_another_way(make_harness: Make) -> None:
    harness = await make_harness(["AAA", "AAAA"], focal_point=(25.0, -40.0))
    assert (await harness.held(harness.choice(2))).seats in {(3, 4), (5, 6)}  # not two of the three
    assert (await harness.held(harness.choice(2, prevent_orphans=False))).seats in {(0, 1), (1, 2)}


async def test_a_single_seat_is_stranded_only_when_there_is_no_other_way(
    make_harness: Make,
) -> None:
    harness = await make_harness(["AAA"])
    assert (await harness.held(harness.choice(2))).seats in {(0, 1), (1, 2)}


async def test_an_aisle_separates(make_harness: Make) -> None:
    harness = await make_harness(["AAA AAA"])
    three = await harness.held(harness.choice(3))
    assert three.seats in {(0, 1, 2), (3, 4, 5)}
    await harness.calls.release_hold(harness.ref, three.id, owner="")
    four = await harness.held(harness.choice(4))
    assert parts(harness.plan, four.seats) == [2, 2]
    assert not harness.plan.adjacent((2, 3))


async def test_a_party_is_split_so_that_nobody_sits_alone(make_harness: Make) -> None:
    harness = await make_harness(["AAA AA", "AA"])
    hold = await harness.held(harness.choice(5))
    assert sorted(parts(harness.plan, hold.seats)) == [2, 3]
    assert not harness.plan.adjacent(hold.seats)


async def test_a_zone_is_preferred_to_a_walk_across_the_hall(make_harness: Make) -> None:
    # Given two zones, each of which can seat the party in parts
    harness = await make_harness(["AA", "AA"], ["AA", "AA"], focal_point=(0.0, -40.0))
    hold = await harness.held(harness.choice(4))
    assert {harness.plan.segments[harness.plan.segment_of[seat]].zone for seat in hold.seats} == {0}


async def test_other_zones_serve_when_no_single_one_can(make_harness: Make) -> None:
    harness = await make_harness(["AA"], ["AA"])
    assert (await harness.held(harness.choice(4))).seats == (0, 1, 2, 3)


async def test_accessible_seats_are_for_who_asks(make_harness: Make) -> None:
    harness = await make_harness(["aaAA"])
    assert (await harness.held(harness.choice(2))).seats == (2, 3)
    assert (await harness.hold(harness.choice(1))).code is Code.SOLD_OUT
    assert (await harness.held(harness.choice(2, accessible=True))).seats == (0, 1)


async def test_equally_good_rows_are_spread_by_the_seed(make_harness: Make) -> None:
    harness = await make_harness(["AAAA"], ["AAAA"], focal_point=(1037.5, 0.0))
    picked = set()
    for seed in range(8):
        hold = await harness.held(harness.choice(4), seed=seed)
        picked.add(hold.seats)
        await harness.calls.release_hold(harness.ref, hold.id, owner="")
    assert picked == {(0, 1, 2, 3), (4, 5, 6, 7)}


@pytest.mark.parametrize("quantity", [11, 15, 20])
async def test_large_parties_find_rows_beyond_what_a_row_byte_tells(
    make_harness: Make, quantity: int
) -> None:
    harness = await make_harness(["A" * 12, "A" * 16, "A" * 20])
    answer = await harness.hold(harness.choice(quantity), limit=0)
    assert answer.hold is not None
    assert harness.plan.adjacent(answer.hold.seats)
