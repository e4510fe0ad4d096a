"""The pump that the benchmark puts in front of other clients: batches, and each its own reply."""

import asyncio

import pytest

from bench.kit.clients.pump import Pump

WAIT_SECONDS = 10  # a caller that is forgotten would wait for ever


async def test_pump_sends_together_what_gathered_meanwhile() -> None:
    batches: list[list[int]] = []
    sent, answered = asyncio.Event(), asyncio.Event()

    async def send(requests: list[int]) -> list[int]:
        batches.append(requests)
        sent.set()
        await answered.wait()
        return [-request for request in requests]

    async with asyncio.timeout(WAIT_SECONDS), Pump([send]) as pump:
        first = pump.run(1)
        await sent.wait()
        later = [pump.run(2), pump.run(3)]
        answered.set()
        assert await asyncio.gather(first, *later) == [-1, -2, -3]
    assert batches == [[1], [2, 3]]


async def test_pump_gives_an_error_reply_to_its_caller_alone() -> None:
    async def send(requests: list[int]) -> list[object]:
        return [ValueError("odd") if request % 2 else request for request in requests]

    async with asyncio.timeout(WAIT_SECONDS), Pump([send]) as pump:
        odd, even = pump.run(1), pump.run(2)
        with pytest.raises(ValueError, match="odd"):
            await odd
        assert await even == 2


async def test_pump_fails_a_batch_that_was_not_sent_and_goes_on() -> None:
    """Otherwise a client that loses its connection would keep the benchmark waiting for ever."""
    faults = [OSError("lost")]

    async def send(requests: list[int]) -> list[int]:
        if faults:
            raise faults.pop()
        return requests

    async with asyncio.timeout(WAIT_SECONDS), Pump([send]) as pump:
        with pytest.raises(OSError, match="lost"):
            await pump.run(1)
        assert await pump.run(2) == 2
