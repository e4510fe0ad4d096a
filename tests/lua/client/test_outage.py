import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest
from conftest import fresh_uid

from holdfast_lua import (
    Bundle,
    EmbeddedStore,
    Executor,
    StoreOutcomeUnknown,
    StoreUnavailable,
)

HEAL_SECONDS = 10.0


@pytest.fixture
async def executor(own_store: EmbeddedStore, test_bundle: Bundle) -> AsyncIterator[Executor]:
    """An executor on a store that the test may hurt."""
    async with Executor(own_store.url, test_bundle) as running:
        yield running


@pytest.fixture
def key() -> str:
    """A counter of the test's own."""
    return f"hf:{{{fresh_uid()}}}:counter"


def crash(store: EmbeddedStore) -> None:
    """kill -9, and wait until it is gone."""
    assert store.pid is not None
    os.kill(store.pid, signal.SIGKILL)
    while store.running:
        time.sleep(0.005)


def freeze(store: EmbeddedStore) -> None:
    """The process keeps its sockets and answers nothing."""
    assert store.pid is not None
    os.kill(store.pid, signal.SIGSTOP)


def thaw(store: EmbeddedStore) -> None:
    assert store.pid is not None
    os.kill(store.pid, signal.SIGCONT)


async def bump(executor: Executor, key: str) -> int:
    _, count = await executor.run("bump_counter", (key,))
    return int(count)


async def until_healed(executor: Executor) -> None:
    """Calls fail fast until the store is back, then work with no help."""
    async with asyncio.timeout(HEAL_SECONDS):
        while True:
            try:
                await executor.command("PING")
            except (StoreUnavailable, StoreOutcomeUnknown):
                await asyncio.sleep(0.02)
            else:
                return


async def test_store_killed_in_the_middle_of_a_batch_loses_replies_not_truth(
    own_store: EmbeddedStore, executor: Executor, key: str
) -> None:
    await executor.run("spin_until", (key,), (0,))
    await bump(executor, key)
    # Given a batch that the store is at work on, and another one behind it
    slow = asyncio.ensure_future(executor.run("spin_until", (key,), (3_600_000,)))
    batch = [asyncio.ensure_future(bump(executor, key)) for _ in range(50)]
    await asyncio.sleep(0.1)
    # When it is killed
    await asyncio.to_thread(crash, own_store)
    outcomes = await asyncio.gather(slow, *batch, return_exceptions=True)
    # Then nobody is told that it did not happen
    assert {type(outcome) for outcome in outcomes} == {StoreOutcomeUnknown}
    assert executor.outstanding == 0


async def test_every_acknowledged_write_is_there_after_kill_and_restart(
    own_store: EmbeddedStore, executor: Executor, key: str
) -> None:
    acknowledged = unknown = 0
    enough = asyncio.Event()

    async def worker() -> None:
        nonlocal acknowledged, unknown
        while True:
            try:
                await bump(executor, key)
            except StoreOutcomeUnknown:
                unknown += 1
            except StoreUnavailable:
                return
            else:
                acknowledged += 1
                if acknowledged == 2_000:
                    enough.set()

    workers = [asyncio.create_task(worker()) for _ in range(30)]
    await enough.wait()
    await asyncio.to_thread(crash, own_store)
    await asyncio.gather(*workers)
    await asyncio.to_thread(own_store.start)
    await until_healed(executor)
    found = int(await executor.command("GET", key))
    assert acknowledged <= found <= acknowledged + unknown


async def test_restart_of_an_idle_store_costs_no_unknown_outcome(
    own_store: EmbeddedStore, executor: Executor, key: str
) -> None:
    """The link knows that the store went away before a call is written, so nothing is in doubt."""
    assert await bump(executor, key) == 1
    await asyncio.to_thread(crash, own_store)
    await asyncio.to_thread(own_store.start)
    assert await bump(executor, key) == 2  # scripts are loaded anew as well


async def test_calls_fail_fast_while_the_store_is_away(
    own_store: EmbeddedStore, executor: Executor, key: str
) -> None:
    await bump(executor, key)
    await asyncio.to_thread(crash, own_store)
    async with asyncio.timeout(60):  # 0.3 s for each: far below what a call may wait for the store
        for _ in range(200):
            with pytest.raises(StoreUnavailable):
                await bump(executor, key)
    await asyncio.to_thread(own_store.start)
    await until_healed(executor)
    assert await bump(executor, key) == 2


async def test_silent_store_is_dropped_and_its_calls_are_unknown(
    own_store: EmbeddedStore, executor: Executor, test_bundle: Bundle, key: str
) -> None:
    await bump(executor, key)
    async with Executor(f"{own_store.url}?timeout=0.2", test_bundle) as hasty:
        await until_healed(hasty)
        freeze(own_store)
        outcomes = await asyncio.gather(
            *[bump(hasty, key) for _ in range(5)], return_exceptions=True
        )
        thaw(own_store)
        assert {type(outcome) for outcome in outcomes} == {StoreOutcomeUnknown}
        await until_healed(hasty)
    assert await bump(executor, key) in range(2, 8)


async def test_full_socket_delays_calls_and_loses_none(
    own_store: EmbeddedStore, executor: Executor
) -> None:
    await executor.command("PING")
    # Given a store that reads nothing while far more arrives than sockets hold
    freeze(own_store)
    tasks = []
    for number in range(200):
        text = b"%d " % number + b"x" * 100_000
        tasks.append(asyncio.create_task(executor.command("ECHO", text)))
        await asyncio.sleep(0)
    # When it wakes
    thaw(own_store)
    replies = await asyncio.gather(*tasks)
    # Then each caller has its own answer
    assert [int(reply.split()[0]) for reply in replies] == list(range(200))


async def test_calls_behind_a_full_socket_are_known_not_to_be_sent(
    own_store: EmbeddedStore, executor: Executor
) -> None:
    await executor.command("PING")
    freeze(own_store)
    tasks = []
    for _ in range(100):
        tasks.append(asyncio.create_task(executor.command("ECHO", b"x" * 100_000)))
        await asyncio.sleep(0)
    await asyncio.to_thread(crash, own_store)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    kinds = [type(outcome) for outcome in outcomes]
    assert set(kinds) == {StoreOutcomeUnknown, StoreUnavailable}
    assert kinds == sorted(kinds, key=lambda kind: kind is StoreUnavailable)
