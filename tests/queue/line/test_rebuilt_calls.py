import msgspec
import pytest
from support.line.harness import PLENTY, Crowd, Line, LineFactory

from holdfast.sales.store.install import line_checkpoint, read_checkpoint
from holdfast.sales.tasks.activity import needs_ticks
from holdfast_lua import SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import LineCheckpoint
from holdfast_lua.calls.line_status import OpenCalls

NAMES = ("line", "active", "unheld", "calls", "shown", "deferred", "asking", "asked", "started")


async def checkpoint(line: Line) -> LineCheckpoint:
    """As the ledger would keep it."""
    status = (await line.advanced(0)).status
    calls = await line.calls.read_calls(line.ref)
    return read_checkpoint(line_checkpoint(line.ref.uid, line.ref.epoch, status, calls).body)


async def rebuild(line: Line, start: LineCheckpoint) -> None:
    """The store forgets the line, and it is installed again from its checkpoint."""
    await line.executor.command("DEL", *(f"hf:{{{line.ref.uid}}}:{name}" for name in NAMES))
    line.ref = SaleRef(line.ref.uid, line.ref.epoch + 1)
    await line.install(start)


async def test_share_of_those_who_come_is_the_same_after_a_rebuild(make_line: LineFactory) -> None:
    # Given a line of whom six in ten come, called for longer than a claim window
    line = await make_line(rate_per_minute=600, claim_ms=60_000)
    await line.fill(6_000)
    crowd = Crowd(line, 0.6)
    await crowd.live(80)
    before = await line.step()
    assert before.show_share == pytest.approx(0.6, abs=0.05)
    # When the store is lost a second after the checkpoint
    start = await checkpoint(line)
    await crowd.live(1)
    await rebuild(line, start)
    crowd.forget_calls(after=start.serving)
    # Then the share stays what it was, through the restored window and beyond it
    for _ in range(16):
        await crowd.live(5)
        assert line.status is not None
        assert line.status.show_share == pytest.approx(0.6, abs=0.07)
    # and passes go on at the set rate
    assert crowd.passes_between(start.taken_ms + 20_000, start.taken_ms + 80_000) > 560


async def test_served_are_not_called_again_and_the_others_are(make_line: LineFactory) -> None:
    line = await make_line(rate_per_minute=6000, burst=100, claim_ms=20_000)
    await line.fill(10)
    await line.step()
    for number in (1, 2, 3):
        assert (await line.claim(number)).code is Code.ADMITTED
    await rebuild(line, await checkpoint(line))
    status = await line.step()
    assert (status.called, status.claimed, status.outstanding) == (10, 3, 7)
    # The others have a whole window again
    await line.run(19)
    assert (await line.claim(10)).code is Code.ADMITTED
    assert (await line.run(2)).lapsed == 6


async def test_newcomer_does_not_pass_those_called_before_the_loss(make_line: LineFactory) -> None:
    # Given three who were called and have not come when the store is lost
    line = await make_line(rate_per_minute=600, burst=1, ceiling=50, claim_ms=60_000)
    await line.fill(3)
    await line.run(15)
    start = await checkpoint(line)
    await rebuild(line, start)
    line.ceiling = PLENTY
    # When somebody joins as soon as there is a token again
    await line.step(1_000)
    newcomer = await line.join(1, ("newcomer",))
    # Then they wait until the others have had three polls to come, and so do those of the gap
    assert (newcomer.first, newcomer.admitted) == (51, 0)
    assert (await line.run(4)).serving == 3
    assert (await line.claim(3)).code is Code.ADMITTED
    status = await line.run(3)
    assert status.serving == 50
    assert (await line.claim(20)).code is Code.ADMITTED
    assert (await line.run(7)).serving == 51


async def test_deferred_visitors_keep_their_turn(make_line: LineFactory) -> None:
    # Given two who found no room and still ask, the range of their call long over
    line = await make_line(rate_per_minute=600, claim_ms=10_000)
    await line.fill(2)
    await line.step()
    await line.force(cap=0)
    for _ in range(8):
        for number in (1, 2):
            assert (await line.claim(number)).code is Code.DEFERRED
        await line.run(2)
    await rebuild(line, await checkpoint(line))
    status = await line.run(1)
    assert (status.deferred, status.outstanding, status.called_from) == (2, 2, 3)
    # Then the lower of them goes first, whoever asks first
    await line.force(burst=1, tokens=60_000, tokens_ms=await line.now_ms(), rate=0)
    assert (await line.claim(2)).code is Code.DEFERRED
    assert (await line.claim(1)).code is Code.ADMITTED


async def test_served_visitor_takes_up_the_session_with_the_ticket_once(
    make_line: LineFactory,
) -> None:
    line = await make_line(rate_per_minute=6000, burst=100, session_ms=60_000)
    await line.fill(2)
    await line.step()
    await line.claim(1)
    start = await checkpoint(line)
    await rebuild(line, start)
    assert (await line.step()).active == start.active == 1
    # When the visitor asks with the same ticket, and with another of the same number
    assert (await line.calls.check_place(line.ref, 1, "pass-1")).code is Code.CALLED
    again = await line.claim(1)
    # Then it is the same session in the same slot, and costs no token
    assert again.code is Code.ADMITTED_BEFORE
    assert again.ms <= again.now_ms + 60_000
    assert (await line.claim(1, "another")).code is Code.CALL_EXPIRED
    status = await line.step()
    assert (status.active, status.claimed, status.admitted) == (1, 1, 1)
    # and what has ended is not revived, by ticket or by pass
    await line.calls.end_pass(line.ref, "pass-1", "released")
    assert (await line.claim(1)).code is Code.CALL_EXPIRED
    late = await line.calls.return_pass(line.ref, "pass-1", again.now_ms + 60_000)
    assert late is Code.SESSION_OVER


async def test_admitted_since_the_loss_does_not_come_back_twice(make_line: LineFactory) -> None:
    line = await make_line(rate_per_minute=6000, burst=100)
    await line.fill(2)
    await line.step()
    await line.claim(1)
    await rebuild(line, await checkpoint(line))
    await line.run(1)
    assert (await line.claim(2)).code is Code.ADMITTED
    await line.calls.end_pass(line.ref, "pass-2", "released")
    assert (await line.claim(2)).code is Code.CALL_EXPIRED


async def test_line_clock_goes_on_where_it_stood(make_line: LineFactory) -> None:
    # Given a line that was paused for an hour before, and a store whose clock is behind
    line = await make_line(claim_ms=10_000)
    await line.fill(2)
    await line.step()
    await line.calls.change_lifecycle(line.ref, "pause")
    await line.advance_ms(3_600_000)
    await line.calls.change_lifecycle(line.ref, "resume")
    start = await checkpoint(line)
    await line.advance_ms(-1_800_000)
    await rebuild(line, start)
    await line.sale(clock_ms=start.taken_ms)
    # Then nobody's call has lapsed, and each has a whole window
    assert (await line.run(5)).outstanding == 2
    place = await line.calls.check_place(line.ref, 2, "pass-2")
    assert (place.code, place.ms) == (Code.CALLED, start.clock_ms + 10_000)
    await line.advance_ms(1_800_000)


async def test_long_claim_window_is_kept_in_few_ranges(make_line: LineFactory) -> None:
    # Given more ranges than a checkpoint tells, three of a thousand in each having come
    line = await make_line()
    ranges, shown = 5_000, bytes([0b00000111] + [0] * 9) * 5_000
    members = [part for n in range(ranges) for part in _range(n)]
    for at in range(0, len(members), 2_000):
        part = members[at : at + 2_000]
        await line.executor.command("ZADD", keys.calls(line.ref.uid), *part)
    await line.executor.command("SET", keys.shown(line.ref.uid), shown)
    total = 80 * ranges
    await line.force(
        issued=total, serving=total - 1, frozen=1, called=total - ranges, claimed=3 * ranges
    )
    calls = await line.calls.read_calls(line.ref)
    told = calls.ranges.decode().split(",")
    # Then the oldest are told as one, and everybody outstanding is in one count
    assert len(told) == 4_097
    assert int(told[0].split()[2]) == 79 * (ranges - 4_096)
    assert calls.lapsed == 0
    await rebuild(line, _start(calls, total))
    assert (await line.step()).outstanding == 76 * ranges


def _range(n: int) -> tuple[int, str]:
    first, last = 80 * n + 1, 80 * n + 79
    return last, f"{first} {last} 79 {1_000 * n} {10**15}"


def _start(calls: OpenCalls, ceiling: int) -> LineCheckpoint:
    return LineCheckpoint(
        ceiling=ceiling,
        fresh=False,
        frozen=True,
        issued=calls.issued,
        serving=calls.serving,
        called=calls.called,
        claimed=calls.claimed,
        lapsed=calls.lapsed,
        ranges=calls.ranges,
        shown_from=calls.shown_from,
        shown=calls.shown,
        clock_ms=calls.clock_ms,
    )


def test_checkpoint_of_an_earlier_version_is_read() -> None:
    old = {"ceiling": 7, "fresh": False, "serving": 3, "called_from": 2}
    start = read_checkpoint(msgspec.msgpack.encode(old))
    assert (start.ceiling, start.serving, start.called_from, start.clock_ms) == (7, 3, 2, 0)


async def call_gap(make_line: LineFactory) -> Line:
    """A rebuilt line that has called numbers 11 to 50, of which nobody knows who has one."""
    start = LineCheckpoint(
        ceiling=50, fresh=False, issued=10, frozen=True, serving=10, called_from=11
    )
    line = await make_line(
        ceiling=PLENTY, start=start, claim_ms=10_000, rate_per_minute=6_000, cap=10
    )
    assert (await line.step(1_000)).serving == 50
    return line


async def test_outage_takes_no_call_from_numbers_of_a_gap(make_line: LineFactory) -> None:
    line = await call_gap(make_line)
    status = await line.run(2)
    # When nothing steps the line for a minute, though it is to be stepped until the call ends
    assert needs_ticks(status, await line.now_ms())
    await line.advance_ms(60_000)
    # Then whoever has one of the numbers comes in time, before the first step and after it
    assert (await line.claim(12)).code is Code.ADMITTED
    await line.run(5)
    assert (await line.claim(13)).code is Code.ADMITTED
    # and not later than without the outage
    assert (await line.run(4)).called == 2
    assert (await line.claim(14)).code is Code.CALL_EXPIRED
    # and a line whose call of a gap is over, with nobody inside, rests
    for number in (12, 13):
        await line.calls.end_pass(line.ref, f"pass-{number}", "released")
    await line.run(90)
    assert not needs_ticks(await line.step(), await line.now_ms())


async def test_outage_takes_no_turn_from_deferred_numbers_of_a_gap(
    make_line: LineFactory,
) -> None:
    line = await call_gap(make_line)
    assert (await line.claim(11)).code is Code.ADMITTED
    await line.force(cap=0)
    assert (await line.claim(12)).code is Code.DEFERRED
    # When nothing steps the line for a minute, while their call is open and one of them has come
    await line.run(2)
    await line.advance_ms(60_000)
    # Then they still have their turn
    status = await line.run(3)
    assert (status.deferred, status.lapsed) == (1, 0)
    assert (await line.claim(12)).code is Code.DEFERRED


async def test_newcomer_does_not_pass_deferred_numbers_of_a_gap(make_line: LineFactory) -> None:
    # Given one out of a gap who found no room and asks on, and time for the others to come
    line = await call_gap(make_line)
    await line.force(cap=0)
    for _ in range(3):
        assert (await line.claim(12)).code is Code.DEFERRED
        await line.run(2)
    # When there is room for one, and somebody joins
    await line.force(cap=1)
    assert (await line.join(1, ("newcomer",))).admitted == 0
    # Then it is for the lower number
    assert (await line.claim(12)).code is Code.ADMITTED


async def test_rebuilt_line_gives_numbers_of_a_gap_their_time_again(
    make_line: LineFactory,
) -> None:
    # Given a gap that is called when the store is lost again
    line = await call_gap(make_line)
    await line.run(2)
    await rebuild(line, await checkpoint(line))
    line.ceiling = PLENTY
    # Then others are called once whoever has one of its numbers has had three polls to come
    newcomer = await line.join(1, ("newcomer",))
    assert newcomer.admitted == 0
    assert (await line.run(4)).serving < newcomer.first
    assert (await line.claim(12)).code is Code.ADMITTED
    await line.advance_ms(60_000)
    assert (await line.claim(13)).code is Code.ADMITTED
