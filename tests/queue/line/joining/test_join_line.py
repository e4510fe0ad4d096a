import asyncio

import pytest
from support.line.harness import Line, LineFactory

from holdfast_lua import Executor
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line_status import LineMode

MINUTE_MS = 60_000


async def test_blocks_of_numbers_follow_each_other(line: Line) -> None:
    first, second = await line.join(3), await line.join(2)
    assert (first.code, first.first, first.count) == (Code.JOINED_LINE, 1, 3)
    assert (second.first, second.count, second.issued) == (4, 2, 5)


async def test_concurrent_joins_never_share_a_number(line: Line) -> None:
    batches = await asyncio.gather(*(line.join(1 + n % 7) for n in range(200)))
    numbers = [batch.first + n for batch in batches for n in range(batch.count)]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


async def test_join_before_the_prequeue_is_refused_without_a_trace(line: Line) -> None:
    begin = await line.now_ms()
    await line.sale(prequeue_ms=begin + MINUTE_MS, opens_ms=begin + 2 * MINUTE_MS)
    revision = await line.revision()
    assert (await line.join()).code is Code.NOT_OPEN
    assert await line.revision() == revision


async def test_store_time_decides_between_lobby_and_line(make_line: LineFactory) -> None:
    # Given a sale in its pre-queue
    line = await make_line()
    opens = await line.now_ms() + 10 * MINUTE_MS
    await line.sale(prequeue_ms=1, opens_ms=opens)
    # When some join before the start and some after it
    early = await line.join(3)
    await line.advance_ms(10 * MINUTE_MS + 1000)
    late = await line.join(2)
    # Then the first have indices, the others numbers behind all of them, and the lobby is frozen
    assert (early.code, early.first, early.count) == (Code.JOINED_LOBBY, 0, 3)
    assert (late.code, late.first, late.count) == (Code.JOINED_LINE, 4, 2)
    status = await line.step()
    assert (status.frozen, status.lobby, status.issued) == (True, 3, 5)


async def test_joins_racing_the_freeze_are_in_lobby_or_line_never_both(line: Line) -> None:
    begin = await line.now_ms()
    await line.sale(prequeue_ms=1, opens_ms=begin + MINUTE_MS)
    places: list[tuple[Code, int]] = []
    many = asyncio.Event()

    async def joining() -> None:
        for _ in range(150):
            joined = await line.join(2)
            places.extend((joined.code, joined.first + n) for n in range(joined.count))
            if len(places) > 100:
                many.set()
            await asyncio.sleep(0.003)

    async def opening() -> None:
        await many.wait()
        await line.advance_ms(MINUTE_MS)

    await asyncio.gather(joining(), joining(), opening())
    lobby = sorted(at for code, at in places if code is Code.JOINED_LOBBY)
    numbers = sorted(at for code, at in places if code is Code.JOINED_LINE)
    assert lobby, "the test must begin in the lobby"
    assert numbers, "the test must end in the line"
    assert lobby == list(range(len(lobby)))
    assert numbers == list(range(len(lobby) + 1, len(places) + 1))
    assert (await line.step()).lobby == len(lobby)


async def test_no_number_above_the_ceiling(make_line: LineFactory) -> None:
    line = await make_line(ceiling=5)
    assert (await line.join(3)).count == 3
    # A batch that does not fit is cut, the next one refused with what was issued
    assert (await line.join(4)).count == 2
    refused = await line.join()
    assert (refused.code, refused.issued) == (Code.CEILING_REACHED, 5)
    # A higher ceiling makes room; a lower one of another worker takes nothing away
    line.ceiling = 7
    assert (await line.join()).first == 6
    line.ceiling = 1
    assert (await line.join()).first == 7


@pytest.mark.parametrize(
    ("sale", "terms", "code"),
    [
        ({"lifecycle": "closed"}, {}, Code.SALE_CLOSED),
        ({"ends_ms": 1}, {}, Code.SALE_CLOSED),
        ({"lifecycle": "draining"}, {}, Code.DRAINING),
        ({"free": 0, "held": 0}, {}, Code.LINE_SOLD_OUT),
        ({}, {"mode": LineMode.REJECT}, Code.JOIN_REFUSED),
    ],
)
async def test_refused_joins_issue_nothing(
    make_line: LineFactory, sale: dict[str, int | str], terms: dict[str, LineMode], code: Code
) -> None:
    line = await make_line(**terms)
    await line.sale(**sale)
    assert (await line.join(2, ("a", "b"))).code is code
    assert (await line.step()).issued == 0


@pytest.mark.parametrize("lifecycle", ["live", "paused"])
async def test_joins_are_taken_while_paused_and_while_all_is_held(
    line: Line, lifecycle: str
) -> None:
    await line.sale(lifecycle=lifecycle, free=0, held=1)
    joined = await line.join(1, ("a",))
    assert (joined.code, joined.admitted) == (Code.JOINED_LINE, 0)


async def test_quiet_sale_admits_in_the_join(line: Line) -> None:
    joined = await line.join(2, ("a", "b"))
    assert (joined.code, joined.admitted, joined.called_upto) == (Code.JOINED_LINE, 2, 2)
    assert joined.session_ms == joined.now_ms + line.terms.session_ms
    status = await line.step()
    assert (status.serving, status.active, status.called, status.claimed) == (2, 2, 2, 2)
    issued = await line.events("pass.issued")
    assert [(event["subject"], event["data"]["number"]) for event in issued] == [("a", 1), ("b", 2)]
    # Claiming afterwards is the same admission, new to the first who claims it
    claims = [await line.claim(2, "b") for _ in range(3)]
    codes = [Code.ADMITTED_AT_JOIN, Code.ADMITTED_BEFORE, Code.ADMITTED_BEFORE]
    assert [claim.code for claim in claims] == codes
    assert {claim.ms for claim in claims} == {joined.session_ms}
    assert (await line.claim(2, "other")).code is Code.CALL_EXPIRED


@pytest.mark.parametrize(
    ("sale", "terms"),
    [({}, {"burst": 3, "rate_per_minute": 60}), ({}, {"cap": 3}), ({"free": 3}, {})],
)
async def test_quiet_join_admits_no_more_than_there_is_room_for(
    make_line: LineFactory, sale: dict[str, int | str], terms: dict[str, int]
) -> None:
    line = await make_line(**terms)
    await line.sale(**sale)
    joined = await line.join(5, tuple("abcde"))
    assert (joined.admitted, joined.called_upto, joined.issued) == (3, 3, 5)


async def test_nobody_goes_past_a_waiting_visitor(line: Line) -> None:
    await line.join(1)
    assert (await line.join(1, ("quick",))).admitted == 0


async def test_nobody_takes_the_token_of_a_visitor_who_was_called(make_line: LineFactory) -> None:
    # Given two tokens, and two visitors called but not here yet
    line = await make_line(burst=2, rate_per_minute=6)
    await line.join(2)
    await line.step()
    # When somebody joins a line in which nobody waits
    joined = await line.join(1, ("quick",))
    # Then the tokens are left to the called
    assert joined.admitted == 0
    assert [(await line.claim(number)).code for number in (1, 2)] == [Code.ADMITTED] * 2


async def test_pass_through_admits_everybody_whatever_the_limits(make_line: LineFactory) -> None:
    line = await make_line(mode=LineMode.THROUGH, burst=1, rate_per_minute=0, cap=0)
    assert (await line.join(3, ("a", "b", "c"))).admitted == 3


async def test_queue_all_lets_nobody_straight_in(make_line: LineFactory) -> None:
    line = await make_line(queue_all=True)
    assert (await line.join(1, ("a",))).admitted == 0


async def test_join_survives_a_script_flush(line: Line, executor: Executor) -> None:
    await line.join(1)
    await executor.command("SCRIPT", "FLUSH")
    assert (await line.join(1)).first == 2
