from typing import Any, Final

from support.line.harness import TERMS, Crowd, Line, LineFactory, burst_excess

from holdfast_lua import SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import LineCheckpoint
from holdfast_lua.calls.line_status import LineMode, LineStatus, format_gaps, parse_gaps

OF_THE_SALE: Final[dict[str, Any]] = {
    "lifecycle": "draining",
    "prequeue_ms": 11,
    "opens_ms": 12,
    "ends_ms": 9_000_000_000_000,
    "settings_version": 14,
    "free": 15,
    "held": 16,
    "booked": 17,
}
OF_THE_LINE: Final[dict[str, Any]] = {
    "lobby": 3,
    "issued": 40,
    "ceiling": 50,
    "serving": 30,
    "called": 28,
    "claimed": 20,
    "lapsed": 5,
    "admitted": 21,
    "pace": 2.5,
    "pace_ms": 7,
    "pace_since_ms": 8,
    "unused": 9,
    "stays": 1.5,
    "stays_ms": 10,
}


async def test_status_comes_back_field_by_field(line: Line) -> None:
    """The order of the script's list and of the record's fields are one."""
    await line.sale(**OF_THE_SALE)
    await line.force(**OF_THE_LINE, frozen=1, gaps="5-6,33-35", mode=1, queue_all=1, stopped_ms=1)
    await line.force(lost_active=4, lost_until_ms=9_000_000_000_000)
    assert await line.step() == LineStatus(
        **OF_THE_SALE,
        **OF_THE_LINE,
        phase="open",
        frozen=True,
        called_from=31,
        gaps=((5, 6), (33, 35)),
        active=4,
        deferred=0,
        rate_per_minute=TERMS.rate_per_minute,
        cap=TERMS.cap,
        mode=LineMode.THROUGH,
        queue_all=True,
        show_share=1.0,
        stock=15,
    )


def test_gaps_are_written_as_they_are_read() -> None:
    assert parse_gaps("") == ()
    assert parse_gaps(format_gaps([(1, 2), (5, 9)])) == ((1, 2), (5, 9))


def test_waiting_leaves_out_what_is_missing(status: LineStatus) -> None:
    assert status.missing(2, 10) == 3
    assert status.missing(4, 4) == 0
    assert status.waiting == 20 - 2 - 3


async def test_new_line_starts_full_of_tokens_and_empty_of_people(line: Line) -> None:
    assert (await line.join(100, tuple(f"p{n}" for n in range(100)))).admitted == TERMS.burst
    status = await line.step()
    assert (status.issued, status.outstanding, status.gaps) == (100, status.serving - 20, ())


async def test_installing_again_forgets_everything(line: Line) -> None:
    await line.join(3, ("a", "b", "c"))
    await line.fill(50)
    await line.step()
    await line.install()
    status = await line.step()
    assert (status.issued, status.serving, status.active, status.called) == (0, 0, 0, 0)


async def test_running_line_is_not_wiped_out_by_a_slower_installer(line: Line) -> None:
    await line.join(5)
    late = await line.calls.install_line(line.ref, TERMS, LineCheckpoint(ceiling=0))
    assert late is Code.UNCHANGED
    assert (await line.join()).first == 6


async def test_overtaken_installation_is_fenced_off(line: Line) -> None:
    newer = SaleRef(line.ref.uid, 2)
    assert await line.calls.install_line(newer, TERMS, LineCheckpoint(ceiling=7)) is Code.OK
    late = await line.calls.install_line(line.ref, TERMS, LineCheckpoint(ceiling=5))
    assert late is Code.INSTALL_FENCED
    assert await line.executor.command("HGET", keys.line(line.ref.uid), "ceiling") == b"7"


CHECKPOINT = LineCheckpoint(
    ceiling=1000,
    fresh=False,
    issued=600,
    lobby=10,
    frozen=True,
    serving=100,
    called_from=81,
    called=100,
    claimed=60,
    lapsed=30,
    admitted=60,
    active=40,
)


async def test_rebuilt_line_issues_no_number_twice(make_line: LineFactory) -> None:
    line = await make_line(ceiling=2000, start=CHECKPOINT)
    joined = await line.join(2)
    assert (joined.first, joined.count) == (1001, 2)
    status = await line.step()
    assert (status.gaps, status.lobby) == (((601, 1000),), 10)


async def test_rebuilt_line_refuses_at_the_ceiling_it_came_with(make_line: LineFactory) -> None:
    line = await make_line(ceiling=1000, start=CHECKPOINT)
    assert (await line.join()).code is Code.CEILING_REACHED


async def test_rebuilt_line_starts_with_an_empty_bucket(make_line: LineFactory) -> None:
    line = await make_line(ceiling=2000, start=CHECKPOINT, rate_per_minute=60, burst=50)
    await line.step()
    assert (await line.claim(90)).code is Code.DEFERRED
    crowd = Crowd(line, 1.0)
    await crowd.live(20)
    assert burst_excess(crowd.passes_ms, 60, 1) <= 1.1


async def test_outstanding_calls_are_called_again_with_a_whole_window(
    make_line: LineFactory,
) -> None:
    line = await make_line(ceiling=2000, start=CHECKPOINT, claim_ms=20_000, rate_per_minute=600)
    # Numbers below the range had ended before; those in it may claim; serving never falls
    status = await line.run(5)
    assert status.serving >= 100
    assert (await line.claim(80)).code is Code.CALL_EXPIRED
    assert (await line.claim(81)).code is Code.ADMITTED
    assert (await line.claim(100)).code is Code.ADMITTED
    assert status.called == 60 + 30 + 20 + (status.serving - 100)


async def test_lost_sessions_keep_their_slots_until_they_are_over(make_line: LineFactory) -> None:
    line = await make_line(
        ceiling=2000, start=CHECKPOINT, cap=40, session_ms=10_000, claim_ms=60_000
    )
    assert (await line.step()).active == 40
    assert (await line.claim(81)).code is Code.DEFERRED
    await line.run(10)
    assert (await line.claim(81)).code is Code.ADMITTED


async def test_gaps_of_two_losses_are_both_skipped(make_line: LineFactory) -> None:
    start = LineCheckpoint(
        ceiling=300, fresh=False, issued=200, frozen=True, gaps=((51, 100),), serving=0
    )
    line = await make_line(ceiling=500, start=start, rate_per_minute=6000, burst=500)
    await line.fill(10)
    status = await line.step()
    assert status.gaps == ((51, 100), (201, 300))
    assert status.waiting + status.called == 50 + 100 + 10


async def test_line_comes_back_paused(make_line: LineFactory) -> None:
    start = LineCheckpoint(ceiling=300, fresh=False, issued=200, frozen=True, stopped=True)
    line = await make_line(ceiling=500, start=start)
    await line.sale(lifecycle="paused")
    assert (await line.run(5)).serving == 0
    await line.calls.change_lifecycle(line.ref, "resume")
    assert (await line.run(5)).serving > 0


async def test_gap_in_what_was_called_counts_as_nobody(make_line: LineFactory) -> None:
    """Given a checkpoint that knows no ranges, from before they were in it."""
    start = LineCheckpoint(
        ceiling=300,
        fresh=False,
        issued=200,
        frozen=True,
        gaps=((51, 100),),
        serving=150,
        called_from=41,
        called=100,
        claimed=40,
    )
    line = await make_line(start=start)
    status = (await line.advanced(0)).status
    assert status.outstanding == 150 - 40 - 50


async def test_visitor_out_of_a_gap_is_called_though_nobody_stands_behind(
    make_line: LineFactory,
) -> None:
    # Given a rebuilt line in which only numbers of a gap are left
    start = LineCheckpoint(
        ceiling=50, fresh=False, issued=10, frozen=True, serving=10, called_from=11
    )
    line = await make_line(ceiling=5_000, start=start, rate_per_minute=6_000)
    # When somebody new joins before the line moves
    joined = await line.join(1, ("newcomer",))
    # Then nobody is passed over: the gap is called first, and who has a number in it may claim
    assert (joined.first, joined.admitted) == (51, 0)
    status = await line.step(1_000)
    assert (status.serving, status.called) == (50, 0)
    assert (await line.claim(12)).code is Code.ADMITTED
    # and the newcomer is called once they have had three polls to come
    assert (await line.run(5)).serving == 50
    assert (await line.run(2)).serving == 51


async def test_gap_at_the_end_does_not_hold_up_who_comes_next(make_line: LineFactory) -> None:
    start = LineCheckpoint(
        ceiling=50, fresh=False, issued=10, frozen=True, serving=10, called_from=11
    )
    line = await make_line(ceiling=5_000, start=start, rate_per_minute=6_000)
    status = await line.step(1_000)
    assert (status.serving, status.called, status.waiting) == (50, 0, 0)
    # Who joins next waits as long as it takes those in the gap to come, not longer
    assert (await line.join(1, ("newcomer",))).admitted == 0
    assert (await line.run(7)).serving == 51
    assert (await line.claim(51)).code is Code.ADMITTED
    assert (await line.join(1, ("another",))).admitted == 1
    assert (await line.claim(12)).code is Code.ADMITTED


async def test_pass_that_came_back_before_its_number_claimed_is_counted_once(
    make_line: LineFactory,
) -> None:
    # Given a number that is called again after a loss, whose pass has taken up its session already
    line = await make_line(ceiling=2000, start=CHECKPOINT, claim_ms=10_000)
    expires_ms = await line.now_ms() + 60_000
    assert await line.calls.return_pass(line.ref, "pass-81", expires_ms) is Code.OK
    # When its visitor claims, and nobody else does
    assert (await line.claim(81)).code is Code.ADMITTED_AT_JOIN
    assert (await line.claim(81)).code is Code.ADMITTED_BEFORE
    await line.calls.change_lifecycle(line.ref, "close")
    status = await line.run(12)
    # Then it came, and the others lapsed
    assert (status.claimed, status.outstanding) == (61, 0)
    assert status.lapsed == status.called - 61
