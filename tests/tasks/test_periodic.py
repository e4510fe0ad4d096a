"""When the rounds of a periodic task come."""

import asyncio

import pytest

from holdfast_tasks import periodic
from holdfast_tasks.periodic import Periodic, until_next


@pytest.mark.parametrize(
    ("now", "pause"),
    [(8.0, 0.25), (8.1, 0.15), (8.249, 0.251), (8.2499, 0.2501), (8.2501, 0.2499)],
)
def test_round_that_began_a_little_early_is_not_made_twice(now: float, pause: float) -> None:
    """Given a period of a quarter of a second; timers are told to the millisecond."""
    assert until_next(now, 0.25) == pytest.approx(pause)


async def test_round_that_hangs_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches work without a bound: the second round never comes."""
    monkeypatch.setattr(periodic, "ROUND_SECONDS", 0.05)
    rounds, second = 0, asyncio.Event()

    async def hang() -> None:
        nonlocal rounds
        rounds += 1
        if rounds > 1:
            second.set()
        await asyncio.Event().wait()

    task = Periodic("hanging", 0.02, hang)
    task.start()
    async with asyncio.timeout(20):
        await second.wait()
    await task.stop()


async def test_round_may_end_its_own_task() -> None:
    rounds = 0

    async def end() -> None:
        nonlocal rounds
        rounds += 1
        task.cancel()

    task = Periodic("ending", 0.01, end)
    task.start()
    await asyncio.sleep(0.1)
    await task.stop()
    assert rounds == 1


async def test_rounds_that_fail_come_at_most_four_times_as_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a tick, the first to notice a store that is back and has lost something."""
    pauses: list[float] = []
    enough, sleep = asyncio.Event(), asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 5:
            enough.set()
        await sleep(0)

    async def fail() -> None:
        raise OSError

    monkeypatch.setattr(asyncio, "sleep", note)
    task = Periodic("failing", 0.25, fail, (OSError,))
    task.start()
    async with asyncio.timeout(20):
        await enough.wait()
    await task.stop()
    assert pauses[:5] == [0.5, 1.0, 1.0, 1.0, 1.0]
