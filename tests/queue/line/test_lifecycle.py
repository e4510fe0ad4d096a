import pytest
from conftest import Clock
from support.line.harness import Crowd, Line, LineFactory, burst_excess, with_terms

from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line_status import LineAnswer

HOUR_MS = 3_600_000


async def change(line: Line, operation: str) -> tuple[Code, str]:
    changed = await line.calls.change_lifecycle(line.ref, operation)
    return changed.code, changed.lifecycle


async def test_lifecycle_table(make_line: LineFactory) -> None:
    table = {
        "live": {"open": "live", "pause": "paused", "resume": "live", "drain": "draining"},
        "paused": {"open": "live", "pause": "paused", "resume": "live", "drain": "draining"},
        "draining": {"open": "live", "pause": "paused", "resume": "draining", "drain": "draining"},
    }
    line = await make_line()
    for before, operations in table.items():
        for operation, after in (operations | {"close": "closed"}).items():
            await line.sale(lifecycle=before)
            expected = Code.UNCHANGED if before == after else Code.OK
            assert await change(line, operation) == (expected, after), (before, operation)


@pytest.mark.parametrize("operation", ["open", "pause", "resume", "drain"])
async def test_closed_is_final(line: Line, operation: str) -> None:
    await change(line, "close")
    assert await change(line, operation) == (Code.SALE_CLOSED, "closed")
    assert await change(line, "close") == (Code.UNCHANGED, "closed")


async def test_unchanged_leaves_the_revision(line: Line) -> None:
    revision = await line.revision()
    await change(line, "resume")
    assert await line.revision() == revision


async def test_open_starts_a_scheduled_sale_now(line: Line) -> None:
    await line.sale(opens_ms=await line.now_ms() + HOUR_MS)
    assert (await line.join()).code is Code.NOT_OPEN
    opened = await line.calls.change_lifecycle(line.ref, "open")
    assert (opened.code, opened.opens_ms) == (Code.OK, opened.now_ms)
    assert (await line.join()).code is Code.JOINED_LINE


async def test_open_turns_the_lobby_into_the_line(line: Line) -> None:
    await line.sale(prequeue_ms=1, opens_ms=await line.now_ms() + HOUR_MS)
    assert (await line.join(3)).code is Code.JOINED_LOBBY
    await change(line, "open")
    assert (await line.join()).first == 4
    assert (await line.step()).lobby == 3


async def test_pause_in_a_draining_sale_resumes_to_draining(line: Line) -> None:
    await change(line, "drain")
    await change(line, "pause")
    assert await change(line, "resume") == (Code.OK, "draining")


async def test_pause_stops_claims_and_the_clock_of_calls(make_line: LineFactory) -> None:
    # Given a visitor called four seconds ago, with a window of ten
    line = await make_line(claim_ms=10_000)
    await line.fill(1)
    await line.run(4)
    # When the sale is paused for an hour
    await change(line, "pause")
    assert (await line.claim(1)).code is Code.LINE_STOPPED
    await line.run(3600, tick_ms=60_000)
    await change(line, "resume")
    # Then the six seconds that were left are left still, and no more
    await line.run(5)
    assert (await line.calls.check_place(line.ref, 1, "pass-1")).code is Code.CALLED
    assert (await line.run(2)).lapsed == 1


async def test_deferred_visitors_keep_their_time_through_a_pause(make_line: LineFactory) -> None:
    line = await make_line(claim_ms=10_000, cap=9)
    await line.fill(1)
    await line.step()
    await line.force(cap=0)
    assert (await line.claim(1)).code is Code.DEFERRED
    await change(line, "pause")
    await line.run(60)
    await change(line, "resume")
    await line.force(cap=1)
    assert (await line.claim(1)).code is Code.ADMITTED


async def test_queue_all_stops_admissions_and_loses_nobody(make_line: LineFactory) -> None:
    line = await make_line(claim_ms=10_000)
    await line.fill(1)
    await line.run(2)
    with_terms(line, queue_all=True)
    await line.update(2)
    await line.fill(1)
    assert (await line.run(60)).serving == 1
    assert (await line.claim(1)).code is Code.LINE_STOPPED
    with_terms(line, queue_all=False)
    await line.update(3)
    assert (await line.claim(1)).code is Code.ADMITTED
    assert (await line.step()).serving == 2


async def test_resume_under_queue_all_does_not_start_the_clock(make_line: LineFactory) -> None:
    line = await make_line(queue_all=True, claim_ms=10_000)
    await change(line, "pause")
    await change(line, "resume")
    await line.fill(1)
    assert (await line.step()).serving == 0


async def test_new_rate_applies_from_now_on(make_line: LineFactory) -> None:
    # Given a line at ten a minute, with an empty bucket
    line = await make_line(rate_per_minute=10, burst=1)
    await line.fill(500)
    await line.step()
    await line.claim(1)
    await line.advance_ms(3_000)
    # When the rate is raised a hundredfold, the three seconds gone by still count at the old one
    with_terms(line, rate_per_minute=1000)
    assert await line.update(2) is Code.OK
    bucket = await line.executor.command("HMGET", keys.line(line.ref.uid), "tokens", "rate")
    assert (30_000 <= int(bucket[0]) < 35_000, int(bucket[1])) == (True, 1000)


async def test_changes_of_rate_never_break_the_bound(make_line: LineFactory) -> None:
    line = await make_line(rate_per_minute=1200, burst=10)
    await line.fill(2000)
    crowd = Crowd(line, 0.8)
    for version in range(2, 22):
        with_terms(line, rate_per_minute=1200 if version % 2 else 600)
        await line.update(version)
        await crowd.live(1)
    assert len(crowd.passes_ms) > 200
    assert burst_excess(crowd.passes_ms, 1200, 10) <= 1e-6


async def test_smaller_burst_takes_tokens_away(make_line: LineFactory) -> None:
    line = await make_line(burst=50, rate_per_minute=6)
    with_terms(line, burst=2)
    await line.update(2)
    with_terms(line, burst=50)
    await line.update(3)
    assert (await line.join(10, tuple("abcdefghij"))).admitted == 2


async def test_older_settings_do_not_replace_newer_ones(line: Line) -> None:
    with_terms(line, rate_per_minute=900)
    assert await line.update(5) is Code.OK
    with_terms(line, rate_per_minute=100)
    assert await line.update(4) is Code.UNCHANGED
    status = await line.step()
    assert (status.rate_per_minute, status.settings_version) == (900, 5)


async def test_open_sale_cannot_be_put_back_into_the_future(line: Line) -> None:
    await line.fill(1)
    later = await line.now_ms() + HOUR_MS
    assert await line.update(2, (0, later, 0)) is Code.ALREADY_OPEN
    assert (await line.step()).settings_version == 1


async def test_times_can_be_moved_before_the_open(line: Line) -> None:
    now = await line.now_ms()
    await line.sale(prequeue_ms=1, opens_ms=now + HOUR_MS)
    await line.join(2)
    assert await line.update(2, (1, now + 2 * HOUR_MS, now + 3 * HOUR_MS)) is Code.OK
    status = await line.step()
    assert (status.phase, status.opens_ms, status.ends_ms) == (
        "lobby",
        now + 2 * HOUR_MS,
        now + 3 * HOUR_MS,
    )


async def test_shorter_window_never_shortens_a_call_that_was_made(make_line: LineFactory) -> None:
    line = await make_line(claim_ms=60_000, burst=1, rate_per_minute=60)
    await line.fill(50)
    await line.step()
    with_terms(line, claim_ms=5_000)
    await line.update(2)
    await line.run(30)
    assert (await line.claim(1)).code is Code.ADMITTED


async def test_session_renewed_ends_later_and_an_ended_one_is_not_revived(
    make_line: LineFactory,
) -> None:
    line = await make_line(session_ms=10_000)
    joined = await line.join(1, ("a",))
    await line.advance_ms(4_000)
    renewed = await line.calls.renew_pass(line.ref, "a")
    assert renewed.code is Code.OK
    assert renewed.ms == renewed.now_ms + 10_000 > joined.session_ms
    await line.advance_ms(10_001)
    assert (await line.calls.renew_pass(line.ref, "a")).code is Code.SESSION_OVER


async def test_renewal_never_shortens_a_session_that_a_hold_extended(line: Line) -> None:
    joined = await line.join(1, ("a",))
    far = joined.now_ms + 10 * HOUR_MS
    await line.executor.command("ZADD", keys.active(line.ref.uid), far, "a")
    assert (await line.calls.renew_pass(line.ref, "a")).ms == far


async def test_ended_pass_frees_its_slot_once(make_line: LineFactory) -> None:
    line = await make_line(cap=1)
    await line.join(1, ("a",))
    await line.join(1)
    assert (await line.step()).serving == 1
    assert (await line.calls.end_pass(line.ref, "a", "released")).code is Code.OK
    assert (await line.calls.end_pass(line.ref, "a", "released")).code is Code.UNCHANGED
    status = await line.step()
    assert (status.serving, status.active) == (2, 0)
    (event,) = await line.events("pass.ended")
    assert event["data"] == {"reason": "released"}


async def test_ending_an_expired_pass_tells_that_it_expired(make_line: LineFactory) -> None:
    line = await make_line(session_ms=1_000)
    await line.join(1, ("a",))
    await line.advance_ms(1_500)
    assert (await line.calls.end_pass(line.ref, "a", "released")).code is Code.UNCHANGED
    await line.step()
    assert [event["data"]["reason"] for event in await line.events("pass.ended")] == ["expired"]


async def test_handoff_is_exchanged_once(line: Line) -> None:
    await line.join(1, ("a",))

    async def exchange(handoff: str, pass_id: str = "a") -> Code:
        return (await line.calls.exchange_handoff(line.ref, handoff, pass_id)).code

    assert await exchange("one") is Code.OK
    assert await exchange("one") is Code.HANDOFF_USED
    assert await exchange("two") is Code.OK
    await line.calls.end_pass(line.ref, "a", "released")
    assert await exchange("three") is Code.SESSION_OVER
    lifetime = await line.executor.command("PTTL", keys.handoffs(line.ref.uid, "a"))
    assert 60_000 < lifetime <= 120_000


async def test_pass_leaves_a_bounded_number_of_exchanged_handoffs(line: Line, clock: Clock) -> None:
    await clock.stand_still()
    now = await clock.now_ms()
    await line.executor.command(
        "ZADD", keys.active(line.ref.uid), now + 10**7, "a", now + 10**7, "b"
    )

    async def exchange(handoff: int, pass_id: str = "a") -> LineAnswer:
        return await line.calls.exchange_handoff(line.ref, f"handoff-{handoff}", pass_id)

    answers = [await exchange(number) for number in range(100)]
    assert [answer.code for answer in answers] == [Code.OK] * 30 + [Code.HANDOFF_LIMITED] * 70
    assert answers[-1].ms == 120_000
    key = keys.handoffs(line.ref.uid, "a")
    assert await line.executor.command("ZCARD", key) == 30
    assert await line.executor.command("MEMORY", "USAGE", key) < 2_000
    assert (await exchange(0)).code is Code.HANDOFF_USED
    assert (await exchange(0, "b")).code is Code.OK
    await clock.advance_ms(120_001)
    assert (await exchange(100)).code is Code.OK
    assert await line.executor.command("ZCARD", key) == 1
