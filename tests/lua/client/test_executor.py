import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from conftest import fresh_uid

from holdfast_lua import (
    Bundle,
    BundleError,
    EmbeddedStore,
    Executor,
    ScriptFault,
    StoreBusy,
    StoreOutcomeUnknown,
    StoreUnavailable,
)


def counter() -> str:
    return f"hf:{{{fresh_uid()}}}:counter"


async def bump(executor: Executor, key: str) -> int:
    _, count = await executor.run("bump_counter", (key,))
    return int(count)


async def count(executor: Executor, key: str) -> int:
    return int(await executor.command("GET", key) or 0)


# Batches


async def test_calls_of_one_tick_leave_together(store_url: str, test_bundle: Bundle) -> None:
    seen: list[tuple[str, int]] = []

    def observe(name: str, seconds: float, batch: int) -> None:
        assert 0 <= seconds < 30
        seen.append((name, batch))

    key = counter()
    async with Executor(store_url, test_bundle, observer=observe) as executor:
        await asyncio.gather(*[bump(executor, key) for _ in range(20)])
        await bump(executor, key)
    assert seen == [("bump_counter", 20)] * 20 + [("bump_counter", 1)]


async def test_each_caller_gets_its_own_reply(executor: Executor) -> None:
    names = [counter() for _ in range(300)]
    for name in names[::2]:
        await executor.command("SET", name, name)
    replies = await asyncio.gather(*[executor.command("GET", name) for name in names])
    assert replies == [
        name.encode() if number % 2 == 0 else None for number, name in enumerate(names)
    ]


async def test_failing_call_fails_alone(executor: Executor) -> None:
    await bump(executor, counter())  # a script that the store lacks would come behind the others
    key = counter()
    outcomes = await asyncio.gather(
        bump(executor, key),
        executor.run("fail_loudly", (key,), ("wrong", "way")),
        executor.command("LPUSH", key, "x"),
        bump(executor, key),
        return_exceptions=True,
    )
    assert outcomes[0::3] == [1, 2]
    assert isinstance(outcomes[1], ScriptFault)
    assert "fail_loudly: ERR wrong way" in str(outcomes[1])
    assert isinstance(outcomes[2], ScriptFault)
    assert "WRONGTYPE" in str(outcomes[2])


async def test_bad_argument_fails_its_caller_before_anything_is_queued(executor: Executor) -> None:
    key = counter()
    with pytest.raises(TypeError):
        await executor.run("fail_loudly", (key,), (object(),))  # type: ignore[arg-type]
    with pytest.raises(BundleError, match="takes 1 key"):
        await executor.run("bump_counter", (key, key))
    assert executor.outstanding == 0


# Scripts that the store has forgotten


async def test_script_flush_midway_is_invisible_and_runs_nothing_twice(executor: Executor) -> None:
    key = counter()
    waves = []
    for _ in range(10):
        waves += [asyncio.ensure_future(bump(executor, key)) for _ in range(50)]
        waves.append(asyncio.ensure_future(executor.command("SCRIPT", "FLUSH")))
        await asyncio.sleep(0)
    await asyncio.gather(*waves)
    assert await count(executor, key) == 500


async def test_unknown_script_is_loaded_once_for_a_whole_batch(executor: Executor) -> None:
    key = counter()
    await executor.command("SCRIPT", "FLUSH")
    before = await script_loads(executor)
    await asyncio.gather(*[bump(executor, key) for _ in range(100)])
    assert await script_loads(executor) == before + 1


async def script_loads(executor: Executor) -> int:
    stats: bytes = await executor.command("INFO", "commandstats")
    for line in stats.decode().splitlines():
        if line.startswith("cmdstat_script|load:"):
            return int(line.split("calls=")[1].split(",")[0])
    return 0


# Callers that give up


async def test_cancelled_callers_do_not_disturb_others(executor: Executor) -> None:
    key = counter()
    await bump(executor, key)
    for turn in range(20):
        tasks = [asyncio.create_task(executor.command("ECHO", f"{turn}.{n}")) for n in range(40)]
        for _ in range(turn % 4):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert outcomes[1::2] == [f"{turn}.{n}".encode() for n in range(1, 40, 2)]
    assert executor.outstanding == 0 or await drained(executor)


async def drained(executor: Executor) -> bool:
    async with asyncio.timeout(5):
        while executor.outstanding:
            await executor.command("PING")
    return True


async def test_call_cancelled_before_its_tick_is_never_sent(executor: Executor) -> None:
    key = counter()
    task = asyncio.create_task(bump(executor, key))
    await asyncio.sleep(0)  # the call is queued, the flush comes next
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await count(executor, key) == 0


async def test_call_cancelled_after_its_tick_still_runs(executor: Executor) -> None:
    key = counter()
    await bump(executor, key)
    task = asyncio.create_task(bump(executor, key))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await count(executor, key) == 2


# Bounds


async def test_queue_is_bounded_and_refuses_the_next(store_url: str, test_bundle: Bundle) -> None:
    key = counter()
    async with Executor(store_url, test_bundle, max_pending=10) as executor:
        outcomes = await asyncio.gather(
            *[bump(executor, key) for _ in range(25)], return_exceptions=True
        )
        busy = [outcome for outcome in outcomes if isinstance(outcome, StoreBusy)]
        assert len(busy) == 15
        assert busy[0].retry_after_seconds > 0
        # Then the places are free again
        assert await bump(executor, key) == 11


# Closing


async def test_close_answers_what_is_under_way(store_url: str, test_bundle: Bundle) -> None:
    key = counter()
    executor = Executor(store_url, test_bundle)
    tasks = [asyncio.create_task(bump(executor, key)) for _ in range(50)]
    await asyncio.sleep(0)
    await executor.aclose()
    assert sorted(await asyncio.gather(*tasks)) == list(range(1, 51))
    with pytest.raises(StoreUnavailable, match="closed"):
        await bump(executor, key)


async def test_close_does_not_wait_for_ever(store_url: str, test_bundle: Bundle) -> None:
    executor = Executor(store_url, test_bundle)
    await executor.command("PING")
    stuck = asyncio.create_task(executor.command("BLPOP", counter(), 0))
    await asyncio.sleep(0)  # queued
    await asyncio.sleep(0)  # and sent
    await executor.aclose(drain_seconds=0.1)
    with pytest.raises(StoreOutcomeUnknown, match="BLPOP"):
        await stuck
    assert executor.outstanding == 0


async def test_closing_an_unused_executor_is_quick(test_bundle: Bundle) -> None:
    await Executor("redis://127.0.0.1:1", test_bundle).aclose()


# Stores that are not there


@pytest.fixture
async def orphan(test_bundle: Bundle) -> AsyncIterator[Executor]:
    """An executor whose store does not exist."""
    async with Executor("redis://127.0.0.1:1", test_bundle) as executor:
        yield executor


async def test_unreachable_store_is_unavailable_not_unknown(orphan: Executor) -> None:
    outcomes = await asyncio.gather(
        *[bump(orphan, counter()) for _ in range(10)], return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 10
    assert orphan.outstanding == 0


async def test_two_executors_on_one_store_need_no_care(
    store_server: EmbeddedStore, test_bundle: Bundle
) -> None:
    """Two executors share nothing but the store."""
    key = counter()
    async with (
        Executor(store_server.url, test_bundle) as first,
        Executor(store_server.url, test_bundle) as second,
    ):
        assert await bump(first, key) == 1
        assert await bump(second, key) == 2
