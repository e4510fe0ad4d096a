import asyncio
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from support.line.harness import HOUR_MS, Ceilings, Line, LineFactory

from holdfast_ledger import LedgerUnavailable
from holdfast_lua import Bundle, Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line import LineCalls
from holdfast_lua.calls.line_status import Joined
from holdfast_lua.errors import StoreBehind, StoreBusy
from holdfast_queue.line.joining import join_batch as joins
from holdfast_queue.line.joining.join_batch import JoinBatcher, Place
from holdfast_web.errors import ErrorCode, HoldfastError

STORE_WAIT_MS = 10_000
TICKS_TO_HEAR = 10
"""of the event loop, from a reply of the store to who asked for it"""


def make_batcher(line: Line, ceilings: Ceilings, *, quiet: bool = False) -> JoinBatcher:
    return JoinBatcher(LineCalls(line.executor), line.ref, ceilings.raise_ceiling, lambda: quiet)


async def numbers(batcher: JoinBatcher, count: int) -> list[int]:
    places = await asyncio.gather(*(batcher.join() for _ in range(count)))
    return [place.number or 0 for place in places]


async def test_joins_of_one_turn_are_one_call_in_order_of_arrival(
    line: Line, ceilings: Ceilings, scripts: Counter[str]
) -> None:
    batcher = make_batcher(line, ceilings)
    assert await numbers(batcher, 500) == list(range(1, 501))
    assert scripts["join_line"] == 1
    await batcher.aclose()


async def test_large_turn_is_cut_into_batches(
    line: Line, ceilings: Ceilings, scripts: Counter[str]
) -> None:
    batcher = make_batcher(line, ceilings)
    assert sorted(await numbers(batcher, 2500)) == list(range(1, 2501))
    assert scripts["join_line"] == 3
    await batcher.aclose()


async def test_joins_that_come_while_the_store_has_a_batch_are_the_next_one(
    line: Line, ceilings: Ceilings, scripts: Counter[str], store_url: str, test_bundle: Bundle
) -> None:
    batcher = make_batcher(line, ceilings)
    tasks = []
    async with Executor(store_url, test_bundle) as beside:
        await beside.command("CLIENT", "PAUSE", HOUR_MS, "WRITE")
        try:
            for _ in range(20):
                tasks.append(asyncio.create_task(batcher.join()))
                for _ in range(5):
                    await asyncio.sleep(0)
        finally:
            await beside.command("CLIENT", "UNPAUSE")
    assert [place.number for place in await asyncio.gather(*tasks)] == list(range(1, 21))
    assert scripts["join_line"] == 2
    await batcher.aclose()


async def test_ceiling_is_committed_before_the_first_number(
    make_line: LineFactory, ceilings: Ceilings
) -> None:
    line = await make_line(ceiling=0)
    batcher = make_batcher(line, ceilings)
    assert await numbers(batcher, 3) == [1, 2, 3]
    assert ceilings.committed[line.ref.uid] >= 3
    await batcher.aclose()


async def test_no_number_is_given_above_what_was_committed(
    make_line: LineFactory, ceilings: Ceilings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given ceilings that move by ten, and two workers
    monkeypatch.setattr(joins, "CEILING_STEP", 10)
    line = await make_line(ceiling=0)
    workers = [make_batcher(line, ceilings) for _ in range(2)]
    given: list[int] = []
    # When they take joins in turns
    for turn in range(60):
        for number in await numbers(workers[turn % 2], 1 + turn % 9):
            assert number <= ceilings.committed[line.ref.uid]
            given.append(number)
    # Then each number was given once
    assert sorted(given) == list(range(1, len(given) + 1))
    for worker in workers:
        await worker.aclose()


async def test_ceiling_is_raised_ahead_so_that_joins_do_not_wait_for_it(
    make_line: LineFactory, ceilings: Ceilings, scripts: Counter[str]
) -> None:
    line = await make_line(ceiling=0)
    batcher = make_batcher(line, ceilings)
    await numbers(batcher, 1)
    for _ in range(40):
        await numbers(batcher, 100)
        await asyncio.sleep(0)
    await batcher.aclose()
    # 1 + 40 batches, and the one refusal at the very beginning
    assert scripts["join_line"] == 42


async def test_refusal_reaches_everybody_of_the_turn(line: Line, ceilings: Ceilings) -> None:
    await line.calls.change_lifecycle(line.ref, "drain")
    batcher = make_batcher(line, ceilings)
    outcomes = await asyncio.gather(*(batcher.join() for _ in range(3)), return_exceptions=True)
    assert [outcome.code for outcome in outcomes if isinstance(outcome, HoldfastError)] == [
        ErrorCode.DRAINING
    ] * 3
    await batcher.aclose()


async def test_store_fault_reaches_those_who_wait(line: Line, ceilings: Ceilings) -> None:
    await line.executor.command("DEL", keys.sale(line.ref.uid))
    batcher = make_batcher(line, ceilings)
    with pytest.raises(StoreBehind):
        await batcher.join()
    await batcher.aclose()


async def test_ledger_fault_reaches_those_who_need_a_number(make_line: LineFactory) -> None:
    async def broken(_uid: str, *, epoch: int, ceiling: int) -> int:
        raise LedgerUnavailable()

    line = await make_line(ceiling=0)
    batcher = JoinBatcher(LineCalls(line.executor), line.ref, broken, lambda: False)
    with pytest.raises(LedgerUnavailable):
        await batcher.join()
    await batcher.aclose()


async def until_refused(scripts: Counter[str], batches: int) -> None:
    """Waits until so many batches have heard from the store that no number is left for them."""
    for _ in range(STORE_WAIT_MS):
        if scripts["join_line"] >= batches:
            break
        await asyncio.sleep(0.001)
    assert scripts["join_line"] == batches
    for _ in range(TICKS_TO_HEAR):
        await asyncio.sleep(0)


async def test_ledger_fault_reaches_all_blocks_that_wait_for_it_at_once(
    make_line: LineFactory, scripts: Counter[str]
) -> None:
    """Catches batches that try one after the other: the last would wait as often as there are."""
    tries, away = 0, asyncio.Event()

    async def slow(_uid: str, *, epoch: int, ceiling: int) -> int:
        nonlocal tries
        tries += 1
        await away.wait()
        raise LedgerUnavailable()

    line = await make_line(ceiling=0)
    batcher = JoinBatcher(LineCalls(line.executor), line.ref, slow, lambda: False)
    waiting = []
    for batch in range(5):
        waiting.append(asyncio.create_task(batcher.join()))
        await until_refused(scripts, batch + 1)
    away.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(outcome, LedgerUnavailable) for outcome in outcomes] == [True] * 5
    assert tries == 1
    await batcher.aclose()


async def test_join_that_is_cancelled_while_numbers_are_promised_costs_nobody_else_any(
    make_line: LineFactory, ceilings: Ceilings, scripts: Counter[str]
) -> None:
    """Given that the first of a crowd is the one who goes away, the others have their places."""
    promising = asyncio.Event()

    async def slow(uid: str, *, epoch: int, ceiling: int) -> int:
        await promising.wait()
        return await ceilings.raise_ceiling(uid, epoch=epoch, ceiling=ceiling)

    line = await make_line(ceiling=0)
    batcher = JoinBatcher(LineCalls(line.executor), line.ref, slow, lambda: False)
    joining = [asyncio.create_task(batcher.join()) for _ in range(4)]
    await until_refused(scripts, 1)
    joining.append(asyncio.create_task(batcher.join()))
    await until_refused(scripts, 2)
    joining[0].cancel()
    promising.set()
    places = await asyncio.gather(*joining[1:])
    assert [place.number for place in places] == [2, 3, 4, 5]
    await batcher.aclose()


async def test_ledger_fault_ahead_of_use_is_nobodys_yet(make_line: LineFactory) -> None:
    async def broken(_uid: str, *, epoch: int, ceiling: int) -> int:
        raise LedgerUnavailable()

    line = await make_line(ceiling=100)
    await line.join()
    batcher = JoinBatcher(LineCalls(line.executor), line.ref, broken, lambda: False)
    assert await numbers(batcher, 5) == [2, 3, 4, 5, 6]
    await batcher.aclose()


async def test_visitor_who_goes_away_leaves_a_number_and_disturbs_nobody(
    line: Line, ceilings: Ceilings
) -> None:
    batcher = make_batcher(line, ceilings)
    staying = [asyncio.create_task(batcher.join()) for _ in range(3)]
    await asyncio.sleep(0)
    staying[1].cancel()
    outcomes = await asyncio.gather(*staying, return_exceptions=True)
    assert [o.number for o in outcomes if isinstance(o, Place)] == [1, 3]
    await batcher.aclose()


async def test_waiting_joins_are_bounded(
    line: Line, ceilings: Ceilings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins, "WAITING_JOINS_MAX", 5)
    batcher = make_batcher(line, ceilings)
    outcomes = await asyncio.gather(*(batcher.join() for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(outcome, StoreBusy) for outcome in outcomes) == 3
    assert len(await numbers(batcher, 5)) == 5
    await batcher.aclose()


async def test_quiet_sale_hands_admissions_to_the_first(
    make_line: LineFactory, ceilings: Ceilings
) -> None:
    line = await make_line(burst=2, rate_per_minute=6)
    batcher = make_batcher(line, ceilings, quiet=True)
    places = await asyncio.gather(*(batcher.join() for _ in range(3)))
    assert [place.session_ms is not None for place in places] == [True, True, False]
    await batcher.aclose()


class LateAnswer(LineCalls):
    """Hears only after a while that the ceiling is reached, by a join of several."""

    def __init__(self, line: Line) -> None:
        super().__init__(line.executor)
        self.is_late = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def join_line(
        self, ref: SaleRef, count: int, ceiling: int, pass_ids: Sequence[str] = (), digest: str = ""
    ) -> Joined:
        joined = await super().join_line(ref, count, ceiling, pass_ids, digest)
        if count > 1 and not self.is_late.is_set():
            self.is_late.set()
            await self.goes_on.wait()
        return joined


async def test_ceiling_that_was_raised_in_this_very_turn_is_raised_again_for_who_needs_more(
    make_line: LineFactory, ceilings: Ceilings
) -> None:
    """Given three who hear of the ceiling between the end of an attempt and all that hear of it."""
    line = await make_line(ceiling=0)
    calls = LateAnswer(line)

    async def raise_to_the_next(uid: str, *, epoch: int, ceiling: int) -> int:
        await calls.is_late.wait()
        calls.goes_on.set()
        return await ceilings.raise_ceiling(uid, epoch=epoch, ceiling=ceiling - joins.CEILING_STEP)

    batcher = JoinBatcher(calls, line.ref, raise_to_the_next, lambda: False)
    first = asyncio.create_task(batcher.join())
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # its batch leaves alone
    with given_up_after(seconds=30):
        assert sorted([*await numbers(batcher, 3), (await first).number or 0]) == [1, 2, 3, 4]
    await batcher.aclose()


@contextmanager
def given_up_after(seconds: int) -> Iterator[None]:
    """Ends also what never gives the event loop a turn."""

    def give_up(_: int, __: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
