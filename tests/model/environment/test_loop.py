"""The event loop of a run tells that all are blocked neither too early nor while I/O could help."""

import asyncio
from contextlib import closing

from model.environment.loop import ModelLoop, blocked

ROUNDS = 100


def test_blocked_comes_after_everything_that_can_run() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        for _ in range(number):
            await asyncio.sleep(0)
        done.append(number)

    async def run() -> None:
        jobs = [asyncio.create_task(work(number)) for number in (0, 1, ROUNDS)]
        await blocked()
        assert done == [0, 1, ROUNDS]
        await asyncio.gather(*jobs)

    with closing(ModelLoop()) as loop:
        loop.run_until_complete(run())


def test_blocked_does_not_wait_for_who_waits() -> None:
    async def run() -> None:
        never = asyncio.create_task(asyncio.Event().wait())
        await blocked()
        assert not never.done()
        never.cancel()

    with closing(ModelLoop()) as loop:
        loop.run_until_complete(run())
