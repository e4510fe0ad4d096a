import asyncio
import itertools

import pytest
from support.line.harness import Crowd, Line, LineFactory

from holdfast_lua import Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import LineCheckpoint
from holdfast_lua.calls.line_status import LineMode, LineStatus


def balanced(status: LineStatus) -> bool:
    """Every called visitor is counted once."""
    return status.outstanding >= 0 and status.serving <= status.issued


async def test_visitors_are_called_in_order_of_number(line: Line) -> None:
    await line.fill(500)
    crowd = Crowd(line, 0.7)
    await crowd.live(20)
    ranges = [event["data"] for event in await line.events("line.called")]
    assert ranges[0]["first"] == 1
    assert all(before["last"] + 1 == after["first"] for before, after in itertools.pairwise(ranges))
    assert line.status is not None
    assert ranges[-1]["last"] == line.status.serving


async def test_empty_line_changes_nothing(line: Line) -> None:
    await line.step()
    revision = await line.revision()
    again = await line.advanced(1_000)
    assert (again.code, await line.revision()) == (Code.UNCHANGED, revision)


async def test_step_repeated_by_many_workers_calls_nobody_twice(make_line: LineFactory) -> None:
    # Given two equal lines, one stepped once and one stepped by forty workers at once
    line = await make_line()
    await line.fill(500)
    await line.advance_ms(300)
    steps = await asyncio.gather(*(line.calls.advance_line(line.ref) for _ in range(40)))
    alone = steps[0].status.serving
    # Then the others found nothing left to do
    assert alone > 0
    assert {step.status.serving for step in steps} == {alone}
    assert len(await line.events("line.called")) == 1


async def test_calls_are_bounded_by_tokens_slots_and_stock(make_line: LineFactory) -> None:
    for terms, free in (
        ({"burst": 7, "rate_per_minute": 1}, 1000),
        ({"cap": 7}, 1000),
        ({}, 7),
    ):
        line = await make_line(**terms)
        await line.sale(free=free)
        await line.fill(100)
        assert (await line.step()).serving == 7


async def test_stock_factor_calls_more_or_fewer_than_there_are_units(
    make_line: LineFactory,
) -> None:
    line = await make_line(stock_permille=1500)
    await line.sale(free=5)
    await line.fill(100)
    assert (await line.step()).serving == 7


async def test_nobody_is_called_for_what_is_set_aside_for_others(make_line: LineFactory) -> None:
    """Given ten units of which seven are not for those in line; then they are, too."""
    line = await make_line()
    await line.sale(free=10, apart_free=7)
    await line.fill(100)
    status = await line.step()
    assert (status.serving, status.free, status.allotted_free) == (3, 3, 7)
    await line.sale(apart_free=0)
    assert (await line.step()).serving == 10


async def test_line_is_sold_out_when_the_rest_is_set_aside_for_others(
    make_line: LineFactory,
) -> None:
    """Held or not; and it waits while there is a hold that may come back to it."""
    line = await make_line()
    await line.sale(free=5, held=3, apart_free=5, apart_held=2)
    assert (await line.join()).code is Code.JOINED_LINE
    status = await line.step()
    assert (status.serving, status.free, status.held, status.allotted_held) == (0, 0, 1, 2)
    await line.sale(held=2, booked=1)
    assert (await line.join()).code is Code.LINE_SOLD_OUT


async def test_visitor_who_holds_nothing_gives_the_stock_back_in_time(
    make_line: LineFactory,
) -> None:
    # Given one unit, set aside for an admitted visitor
    line = await make_line(first_hold_ms=10_000)
    await line.sale(free=1)
    await line.fill(2)
    await line.step()
    assert (await line.claim(1)).code is Code.ADMITTED
    assert (await line.run(8)).serving == 1
    # When the time for a first hold is over
    status = await line.run(3)
    # Then the next visitor is called for it, and the first keeps the session
    assert (status.serving, status.active) == (2, 1)


async def test_first_hold_frees_the_share_set_aside(line: Line) -> None:
    await line.sale(free=1)
    await line.fill(2)
    await line.step()
    await line.claim(1)
    await line.executor.command("ZREM", keys.unheld(line.ref.uid), "pass-1")
    assert (await line.step()).serving == 2


async def test_line_waits_while_everything_is_held_and_wakes_with_a_release(line: Line) -> None:
    await line.sale(free=0, held=10)
    await line.fill(5)
    assert (await line.run(5)).serving == 0
    await line.sale(free=2, held=8)
    assert (await line.step()).serving == 2


async def test_sold_out_calls_nobody(line: Line) -> None:
    await line.fill(5)
    await line.sale(free=0, held=0)
    assert (await line.run(5)).serving == 0


async def test_lapses_are_counted_exactly(make_line: LineFactory) -> None:
    line = await make_line(claim_ms=10_000, rate_per_minute=1200)
    await line.fill(400)
    crowd = Crowd(line, 0.6)
    await crowd.live(30)
    await line.update(2)
    status = await line.run(120)
    assert status.called == 400 == status.serving
    assert status.outstanding == 0
    assert status.claimed == len(crowd.passes_ms)
    assert status.lapsed == 400 - len(crowd.passes_ms)
    lapses = [event["data"] for event in await line.events("line.lapsed")]
    assert sum(lapse["count"] for lapse in lapses) == status.lapsed
    passed = {event["data"]["number"] for event in await line.events("pass.issued")}
    for lapse in lapses:
        inside = set(range(lapse["first"], lapse["last"] + 1))
        assert len(inside - passed) == lapse["count"]


async def test_calls_outstanding_are_bounded_when_nobody_shows_up(make_line: LineFactory) -> None:
    line = await make_line(rate_per_minute=60, burst=5, claim_ms=60_000)
    await line.fill(20_000)
    seen = [(await line.run(5)).outstanding for _ in range(20)]
    assert max(seen) <= 20 * (60 + 5)
    assert max(seen) > 100, "the bound must have been tried"


async def test_active_slot_is_free_again_when_the_session_ends(make_line: LineFactory) -> None:
    line = await make_line(cap=1, session_ms=10_000)
    await line.fill(2)
    await line.step()
    await line.claim(1)
    assert (await line.run(5)).serving == 1
    status = await line.run(6)
    assert (status.serving, status.active) == (2, 0)
    (ended,) = await line.events("pass.ended")
    assert (ended["subject"], ended["data"]) == ("pass-1", {"reason": "expired"})


async def test_sessions_are_swept_in_bounded_steps_but_counted_exactly(
    make_line: LineFactory, executor: Executor
) -> None:
    line = await make_line(burst=120, rate_per_minute=60, session_ms=5_000)
    await line.join(120, tuple(f"p{n}" for n in range(120)))
    active = keys.active(line.ref.uid)
    status = await line.step(6_000)
    assert status.active == 0
    assert await executor.command("ZCARD", active) == 70
    await line.step()
    await line.step()
    assert await executor.command("ZCARD", active) == 0
    assert len(await line.events("pass.ended")) == 120


async def test_outage_does_not_let_calls_lapse(make_line: LineFactory) -> None:
    line = await make_line(claim_ms=10_000)
    await line.fill(3)
    await line.run(2)
    # When nothing stepped the line for a minute
    status = await line.step(60_000)
    # Then the called still have what was left of their window, and not more
    assert status.outstanding == 3
    assert (await line.claim(1)).code is Code.ADMITTED
    assert (await line.run(9)).lapsed == 2


async def test_claim_before_the_first_step_after_an_outage_is_in_time(
    make_line: LineFactory,
) -> None:
    line = await make_line(claim_ms=10_000)
    await line.fill(3)
    await line.run(2)
    # When a visitor is quicker than the ticks of a service that comes back after a minute
    await line.advance_ms(60_000)
    assert (await line.claim(1)).code is Code.ADMITTED
    # Then the step that follows counts the outage once: the others have what was left to them
    assert (await line.step()).outstanding == 2
    assert (await line.run(7)).lapsed == 0
    assert (await line.run(2)).lapsed == 2


async def test_line_that_is_seldom_stepped_has_no_outage(make_line: LineFactory) -> None:
    line = await make_line(claim_ms=10_000)
    await line.fill(3)
    assert (await line.run(16, tick_ms=4_000)).lapsed == 3


@pytest.mark.parametrize("tick_ms", [5_100, 20_000, 60_000])
async def test_tick_of_any_length_calls_and_lapses(make_line: LineFactory, tick_ms: int) -> None:
    line = await make_line(claim_ms=10_000, rate_per_minute=60, burst=5)
    await line.fill(2000)
    before = await line.run(tick_ms * 4 / 1000, tick_ms)
    after = await line.run(tick_ms * 10 / 1000, tick_ms)
    # Then whole windows go by: nobody whose window is over is outstanding still, others are called
    assert after.lapsed > before.serving
    assert after.serving >= before.serving + 50


async def test_outage_is_one_still_when_it_comes_again_at_once(make_line: LineFactory) -> None:
    line = await make_line(claim_ms=10_000)
    await line.fill(3)
    await line.run(2)
    # When the service comes back for a step only, and is away again for as long
    for _ in range(2):
        await line.step(60_000)
        await line.step(250)
    # Then neither cost the called any time
    assert line.status is not None
    assert (line.status.outstanding, line.status.lapsed) == (3, 0)
    assert (await line.claim(1)).code is Code.ADMITTED


async def test_clock_that_runs_back_does_not_stop_the_line(line: Line) -> None:
    await line.fill(100)
    before = await line.advanced()
    await line.advance_ms(-3_600_000)
    after = await line.advanced()
    assert after.now_ms >= before.now_ms
    assert after.status.serving >= before.status.serving
    await line.advance_ms(3_600_000)


async def test_gap_is_skipped_and_costs_no_calls(make_line: LineFactory) -> None:
    # Given numbers 4..1000 lost, and a bucket of ten
    gap = ((4, 1000),)
    start = LineCheckpoint(ceiling=5000, issued=1000, frozen=True, gaps=gap)
    line = await make_line(ceiling=5000, start=start, burst=10, rate_per_minute=6)
    await line.fill(20)
    status = await line.step()
    # Then the gap is called along with those in front of it
    assert (status.serving, status.called, status.waiting) == (1000, 3, 20)
    # and once whoever stands in it has had time to come, ten who come, after the three who did not
    assert (await line.run(5)).serving == 1000
    status = await line.run(2)
    assert (status.serving, status.called, status.waiting) == (1013, 16, 7)
    # And whoever holds a number in the gap after all may still claim
    assert (await line.claim(500)).code is Code.ADMITTED


async def test_visitor_out_of_a_gap_keeps_the_counts_whole(make_line: LineFactory) -> None:
    start = LineCheckpoint(ceiling=5000, issued=10, frozen=True, gaps=((1, 9),))
    line = await make_line(ceiling=5000, start=start, claim_ms=10_000)
    await line.run(7)
    for number in (3, 4, 10):
        assert (await line.claim(number)).code is Code.ADMITTED
    status = await line.run(12)
    assert (status.called, status.claimed, status.lapsed) == (3, 3, 0)


async def test_pass_through_calls_everybody(make_line: LineFactory) -> None:
    line = await make_line(mode=LineMode.THROUGH, rate_per_minute=0, cap=0)
    await line.fill(5000)
    assert (await line.step()).serving == 5000
    assert (await line.claim(4321)).code is Code.ADMITTED


@pytest.mark.parametrize("lifecycle", ["paused", "closed"])
async def test_paused_and_closed_call_nobody(line: Line, lifecycle: str) -> None:
    await line.fill(5)
    await line.calls.change_lifecycle(line.ref, "pause" if lifecycle == "paused" else "close")
    assert (await line.run(3)).serving == 0


async def test_draining_serves_who_is_in_line(line: Line) -> None:
    await line.fill(5)
    await line.calls.change_lifecycle(line.ref, "drain")
    assert (await line.step()).serving == 5
    assert (await line.claim(5)).code is Code.ADMITTED


async def test_counts_balance_all_along(make_line: LineFactory) -> None:
    line = await make_line(claim_ms=10_000, session_ms=15_000, cap=30)
    crowd = Crowd(line, 0.5)
    serving = 0
    for _ in range(30):
        await line.fill(20)
        await crowd.live(1.5)
        status = line.status
        assert status is not None
        assert balanced(status)
        assert status.serving >= serving
        assert status.active <= 30
        serving = status.serving


async def test_cost_does_not_grow_with_the_line(make_line: LineFactory) -> None:
    """Nothing is stored per waiting visitor: the keys are as small at a million as at one."""
    line = await make_line(ceiling=2_000_000)
    await line.fill(1)
    small = await memory(line)
    await line.force(issued=1_000_000)
    await line.step()
    assert await memory(line) - small < 1_000


async def memory(line: Line) -> int:
    total = 0
    for key in (keys.line, keys.calls, keys.shown, keys.deferred):
        total += await line.executor.command("MEMORY", "USAGE", key(line.ref.uid)) or 0
    return total
