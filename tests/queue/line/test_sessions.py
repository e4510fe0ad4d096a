from itertools import count

from support.line.harness import Line, LineFactory, with_terms

from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line_status import LineStatus

MINUTE_MS = 60_000


async def full_sale(make_line: LineFactory, **terms: int) -> Line:
    """Five slots, taken by five of seven who came."""
    line = await make_line(
        cap=5,
        burst=100,
        rate_per_minute=6000,
        session_ms=MINUTE_MS,
        **{"session_max_ms": 3 * MINUTE_MS, "first_hold_ms": 30_000, **terms},
    )
    await line.fill(7)
    await line.run(1)
    for number in range(1, 6):
        assert (await line.claim(number)).code is Code.ADMITTED
    return line


async def renewing(line: Line, seconds: float, *, holding: bool) -> LineStatus:
    """Machines that renew all five passes without an end, holding something or not."""
    if holding:
        names = [f"pass-{number}" for number in range(1, 6)]
        await line.executor.command("ZREM", keys.unheld(line.ref.uid), *names)
    for second in count():
        status = await line.step(1_000)
        for number in range(1, 6) if second % 20 == 0 else ():
            await line.calls.renew_pass(line.ref, f"pass-{number}")
        if second >= seconds:
            return status
    raise AssertionError


async def test_slots_are_not_kept_by_renewing_for_ever(make_line: LineFactory) -> None:
    line = await full_sale(make_line)
    assert (await renewing(line, 170, holding=True)).active == 5
    # When the longest that a session may last is over
    assert (await renewing(line, 20, holding=True)).active == 0
    # Then those who waited get in, and who comes with the old pass does not
    assert (await line.run(2)).serving == 7
    assert (await line.claim(6)).code is Code.ADMITTED
    assert (await line.calls.renew_pass(line.ref, "pass-1")).code is Code.SESSION_OVER


async def test_renewal_tells_until_when_there_is_another(make_line: LineFactory) -> None:
    line = await full_sale(make_line, session_max_ms=3 * MINUTE_MS)
    first = await line.claim(1)
    assert first.code is Code.ADMITTED_BEFORE
    limit_ms = first.ms + 2 * MINUTE_MS
    assert first.limit_ms == limit_ms
    for _ in range(4):
        await line.advance_ms(40_000)
        renewed = await line.calls.renew_pass(line.ref, "pass-1")
        assert (renewed.code, renewed.limit_ms) == (Code.OK, limit_ms)
        assert renewed.ms == min(renewed.now_ms + MINUTE_MS, limit_ms)


async def test_live_hold_outlasts_the_longest_session(make_line: LineFactory) -> None:
    # Given a buyer who holds until beyond the limit
    line = await full_sale(make_line)
    active, held_until_ms = keys.active(line.ref.uid), await line.now_ms() + 5 * MINUTE_MS
    await line.executor.command("ZADD", active, "XX", "GT", held_until_ms, "pass-1")
    assert (await renewing(line, 240, holding=True)).active == 1
    # Then renewing does not take it away, and adds nothing
    renewed = await line.calls.renew_pass(line.ref, "pass-1")
    assert (renewed.code, renewed.ms) == (Code.OK, held_until_ms)


async def test_limit_can_be_changed_while_sessions_run(make_line: LineFactory) -> None:
    line = await full_sale(make_line)
    await renewing(line, 100, holding=True)
    with_terms(line, session_max_ms=2 * MINUTE_MS)
    assert await line.update() is Code.OK
    assert (await renewing(line, 70, holding=True)).active == 0


async def test_limit_is_never_below_one_session(make_line: LineFactory) -> None:
    line = await full_sale(make_line, session_max_ms=1_000)
    first = await line.claim(1)
    assert first.limit_ms == first.ms


async def test_slot_without_a_hold_goes_to_who_waits(make_line: LineFactory) -> None:
    line = await full_sale(make_line)
    assert (await renewing(line, 20, holding=False)).active == 5
    # When their time for a first hold is over
    status = await renewing(line, 15, holding=False)
    # Then as many as others wait for give way, the longest there first, and it is told
    assert (status.active, status.unused, status.serving) == (3, 2, 7)
    ended = [(e["subject"], e["data"]["reason"]) for e in await line.events("pass.ended")]
    assert ended == [("pass-1", "unused"), ("pass-2", "unused")]
    assert (await line.claim(6)).code is Code.ADMITTED
    assert (await line.claim(7)).code is Code.ADMITTED


async def test_slot_that_nobody_waits_for_is_kept(make_line: LineFactory) -> None:
    line = await full_sale(make_line)
    with_terms(line, cap=7)
    await line.update()
    await line.run(1)
    for number in (6, 7):
        assert (await line.claim(number)).code is Code.ADMITTED
    status = await renewing(line, 60, holding=False)
    assert (status.active, status.unused) == (5, 0)


async def test_deferred_visitor_is_given_an_unused_slot(make_line: LineFactory) -> None:
    line = await full_sale(make_line)
    await line.force(serving=6, called=6)
    await line.executor.command(
        "ZADD", keys.calls(line.ref.uid), 6, f"6 6 1 {await line.now_ms()} {10**15}"
    )
    assert (await line.claim(6)).code is Code.DEFERRED
    await line.run(32)
    assert (await line.claim(6)).code is Code.ADMITTED
