import asyncio

import pytest
from support.line.harness import Line, LineFactory, burst_excess

from holdfast_lua import Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code


async def called(line: Line, count: int) -> None:
    """`count` visitors in line, called as far as the line calls."""
    await line.fill(count)
    await line.step()


async def test_called_visitor_is_admitted(line: Line) -> None:
    await called(line, 3)
    answer = await line.claim(2)
    assert (answer.code, answer.ms) == (Code.ADMITTED, answer.now_ms + line.terms.session_ms)
    active, unheld = keys.active(line.ref.uid), keys.unheld(line.ref.uid)
    assert int(await line.executor.command("ZSCORE", active, "pass-2")) == answer.ms
    first_hold = answer.now_ms + line.terms.first_hold_ms
    assert int(await line.executor.command("ZSCORE", unheld, "pass-2")) == first_hold
    (event,) = await line.events("pass.issued")
    assert (event["subject"], event["data"]["number"]) == ("pass-2", 2)


async def test_claiming_again_is_the_same_admission(line: Line) -> None:
    await called(line, 1)
    first = await line.claim(1)
    await line.advance_ms(5_000)
    again = await line.claim(1)
    assert (again.code, again.ms) == (Code.ADMITTED_BEFORE, first.ms)
    assert len(await line.events("pass.issued")) == 1
    assert (await line.step()).active == 1


async def test_repeated_and_concurrent_claims_spend_one_token(make_line: LineFactory) -> None:
    line = await make_line(burst=2, rate_per_minute=6)
    await called(line, 2)
    answers = await asyncio.gather(*(line.claim(1) for _ in range(20)))
    assert sorted(answer.code for answer in answers).count(Code.ADMITTED) == 1
    assert (await line.claim(2)).code is Code.ADMITTED


async def test_another_ticket_with_the_same_number_never_gets_the_pass(line: Line) -> None:
    await called(line, 1)
    assert (await line.claim(1, "mine")).code is Code.ADMITTED
    assert (await line.claim(1, "theirs")).code is Code.CALL_EXPIRED
    assert (await line.step()).active == 1


async def test_waiting_visitor_is_not_called(make_line: LineFactory) -> None:
    line = await make_line(burst=1, rate_per_minute=6)
    await called(line, 50)
    assert (await line.claim(50)).code is Code.NOT_CALLED


async def test_nobody_is_called_before_the_open(line: Line) -> None:
    await line.sale(prequeue_ms=1, opens_ms=await line.now_ms() + 60_000)
    await called(line, 1)
    assert (await line.claim(1)).code is Code.NOT_CALLED


async def test_without_a_token_the_visitor_is_deferred_not_lost(make_line: LineFactory) -> None:
    # Given a bucket of one, two called visitors, and a claim window about to end
    line = await make_line(burst=1, rate_per_minute=60, claim_ms=10_000)
    await called(line, 2)
    await line.run(1)
    assert (await line.claim(1)).code is Code.ADMITTED
    late = await line.claim(2)
    assert (late.code, 0 < late.ms <= 2_000) == (Code.DEFERRED, True)
    # When the window of the call is over but that of the deferral is not
    await line.run(9.5, tick_ms=500)
    # Then the visitor still gets in, and nobody has lapsed
    assert (await line.claim(2)).code is Code.ADMITTED
    status = await line.run(12, tick_ms=1000)
    assert (status.claimed, status.lapsed, status.outstanding) == (2, 0, 0)


async def test_deferred_visitors_get_in_by_number_not_by_who_asks_first(
    make_line: LineFactory,
) -> None:
    # Given three called, one token, and the later two turned away
    line = await make_line(burst=1, rate_per_minute=60)
    await called(line, 3)
    await line.run(1)
    codes = [(await line.claim(number)).code for number in (1, 3, 2)]
    assert codes == [Code.ADMITTED, Code.DEFERRED, Code.DEFERRED]
    # When the next token is there and the higher number is the first to ask
    await line.step(1_100)
    late = await line.claim(3)
    # Then it is the lower number's, and the higher one is told when the token after it comes
    assert late.code is Code.DEFERRED
    assert (await line.claim(2)).code is Code.ADMITTED
    await line.step(late.ms)
    assert (await line.claim(3)).code is Code.ADMITTED


async def test_lowest_asking_number_gets_in_however_many_ask(make_line: LineFactory) -> None:
    # Given 399 visitors who find no slot, the lower of them asking last
    line = await make_line(rate_per_minute=6000, burst=2000)
    await called(line, 400)
    await line.force(cap=1)
    assert (await line.claim(1)).code is Code.ADMITTED
    for number in [*range(101, 401), *range(2, 101)]:
        assert (await line.claim(number)).code is Code.DEFERRED
    # When one slot comes free
    await line.calls.end_pass(line.ref, "pass-1", "released")
    # Then it is number 2's, whoever else asks first, and nobody else's
    for number in (101, 400, 3):
        assert (await line.claim(number)).code is Code.DEFERRED
    assert (await line.claim(2)).code is Code.ADMITTED
    assert (await line.claim(3)).code is Code.DEFERRED
    # and once the lower ones have stopped asking, the lowest of the rest is next
    await line.calls.end_pass(line.ref, "pass-2", "released")
    await line.run(2)
    assert (await line.claim(300)).code is Code.DEFERRED
    await line.run(2)
    assert (await line.claim(350)).code is Code.DEFERRED
    assert (await line.claim(300)).code is Code.ADMITTED


async def test_those_asking_are_forgotten_once_they_have_left(make_line: LineFactory) -> None:
    line = await make_line(rate_per_minute=6000, burst=2000, cap=1)
    await line.force(cap=2000)
    await called(line, 700)
    await line.force(cap=0)
    for number in range(1, 701):
        assert (await line.claim(number)).code is Code.DEFERRED
    # A few steps take out all of them, a bounded number each
    await line.run(8)
    for key in (keys.retrying(line.ref.uid), keys.retried(line.ref.uid)):
        assert await line.executor.command("ZCARD", key) == 0


async def test_deferred_visitor_who_has_left_holds_nobody_up(make_line: LineFactory) -> None:
    line = await make_line(burst=1, rate_per_minute=60)
    await called(line, 3)
    await line.run(1)
    for number in (1, 2):
        await line.claim(number)
    await line.run(2)
    assert (await line.claim(3)).code is Code.DEFERRED
    await line.run(2)
    assert (await line.claim(3)).code is Code.ADMITTED


async def test_deferred_visitor_who_stays_away_lapses(make_line: LineFactory) -> None:
    line = await make_line(burst=1, rate_per_minute=6, claim_ms=10_000, cap=1)
    await called(line, 1)
    await line.claim(1)
    await line.fill(1)
    await line.force(cap=2)
    await line.run(11)
    await line.force(cap=1)
    assert (await line.claim(2)).code is Code.DEFERRED
    status = await line.run(12)
    assert (status.deferred, status.lapsed, status.outstanding) == (0, 1, 0)
    assert (await line.claim(2)).code is Code.CALL_EXPIRED


@pytest.mark.parametrize(
    ("sale", "terms"), [({}, {"cap": 2}), ({"free": 2}, {}), ({"free": 4}, {"stock_permille": 500})]
)
async def test_claims_beyond_slots_or_stock_are_deferred(
    make_line: LineFactory, sale: dict[str, int | str], terms: dict[str, int]
) -> None:
    # Given five called while there was room for all, and then room for two
    line = await make_line()
    await called(line, 5)
    await line.sale(**sale)
    await line.force(**terms)
    codes = [(await line.claim(number)).code for number in range(1, 6)]
    assert codes == [Code.ADMITTED] * 2 + [Code.DEFERRED] * 3


async def test_active_cap_holds_under_contention(make_line: LineFactory) -> None:
    line = await make_line(cap=7, burst=100, rate_per_minute=6000)
    await line.force(cap=100)
    await called(line, 60)
    await line.force(cap=7)
    answers = await asyncio.gather(*(line.claim(1 + n % 60) for n in range(240)))
    assert sum(answer.code is Code.ADMITTED for answer in answers) == 7
    assert (await line.step()).active == 7


async def test_no_span_holds_more_passes_than_the_bucket_allows(make_line: LineFactory) -> None:
    line = await make_line(burst=5, rate_per_minute=1200)
    await called(line, 400)
    passes: list[int] = []
    for _ in range(40):
        answers = await asyncio.gather(*(line.claim(number) for number in range(1, 200)))
        passes += [answer.now_ms for answer in answers if answer.code is Code.ADMITTED]
        await line.step(137)
    assert len(passes) > 60
    assert burst_excess(passes, 1200, 5) <= 1e-6


async def test_late_claim_is_expired(make_line: LineFactory) -> None:
    line = await make_line(claim_ms=10_000)
    await called(line, 1)
    # Exactly by the stored deadline, even before any sweep has seen it
    await line.advance_ms(4_000)
    await line.step()
    await line.advance_ms(4_000)
    await line.step()
    await line.advance_ms(2_100)
    assert (await line.claim(1)).code is Code.CALL_EXPIRED
    await line.step()
    assert (await line.claim(1)).code is Code.CALL_EXPIRED


async def test_ended_session_does_not_come_back_by_claiming(line: Line) -> None:
    await called(line, 1)
    await line.claim(1)
    assert (await line.calls.end_pass(line.ref, "pass-1", "released")).code is Code.OK
    assert (await line.claim(1)).code is Code.CALL_EXPIRED


@pytest.mark.parametrize(
    ("sale", "code"),
    [
        ({"lifecycle": "closed"}, Code.SALE_CLOSED),
        ({"free": 0, "held": 0}, Code.LINE_SOLD_OUT),
        ({"free": 0, "held": 9}, Code.DEFERRED),
    ],
)
async def test_claim_is_told_what_became_of_the_sale(
    line: Line, sale: dict[str, int | str], code: Code
) -> None:
    await called(line, 1)
    await line.sale(**sale)
    assert (await line.claim(1)).code is code


async def test_closed_sale_still_knows_its_admitted(line: Line) -> None:
    await called(line, 1)
    await line.claim(1)
    await line.sale(lifecycle="closed")
    assert (await line.claim(1)).code is Code.ADMITTED_BEFORE


async def test_check_place_tells_without_claiming(make_line: LineFactory) -> None:
    line = await make_line(burst=1, rate_per_minute=6)
    await called(line, 30)

    async def check(number: int, pass_id: str = "") -> Code:
        answer = await line.calls.check_place(line.ref, number, pass_id or f"pass-{number}")
        return answer.code

    assert (await check(1), await check(30)) == (Code.CALLED, Code.NOT_CALLED)
    await line.claim(1)
    assert (await check(1), await check(1, "other")) == (Code.ADMITTED_BEFORE, Code.CALL_EXPIRED)
    assert (await line.step()).claimed == 1


async def test_claims_survive_a_script_flush(line: Line, executor: Executor) -> None:
    await called(line, 1)
    await executor.command("SCRIPT", "FLUSH")
    assert (await line.claim(1)).code is Code.ADMITTED
