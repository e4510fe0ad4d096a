"""Joined calls: one script call for those of a tick, and every caller none the wiser."""

import asyncio

import pytest
from conftest import fresh_uid
from support.store.peers import OpenAgainst, says

from holdfast_lua import Bundle, Executor, StoreBusy, StoreUnavailable
from holdfast_lua.bundle.header import read_header
from holdfast_lua.errors import BundleError, ScriptFault, StoreRefusing


def keys_of(uid: str) -> tuple[str, str]:
    return (f"hf:{{{uid}}}:sale", f"hf:{{{uid}}}:said")


@pytest.fixture
async def keys(executor: Executor) -> tuple[str, str]:
    """A sale that the guard lets pass, and a list."""
    keys = keys_of(fresh_uid())
    await executor.command("HSET", keys[0], "epoch", 1, "revision", 5)
    return keys


async def say(executor: Executor, keys: tuple[str, str], *words: str, epoch: int = 1) -> list[int]:
    """{ code, revision, how many calls came in the batch, place of the first word in the list }"""
    reply = await executor.run("say_words", keys, (epoch, 5, *words))
    return [int(part) for part in reply]


async def said(executor: Executor, keys: tuple[str, str]) -> list[str]:
    return [word.decode() for word in await executor.command("LRANGE", keys[1], 0, -1)]


async def test_calls_of_one_tick_run_as_one_and_each_gets_its_own(
    executor: Executor, keys: tuple[str, str]
) -> None:
    answers = await asyncio.gather(*[say(executor, keys, word, "!") for word in "abc"])
    assert answers == [[0, 6, 3, 1], [0, 6, 3, 3], [0, 6, 3, 5]]
    assert await said(executor, keys) == ["a", "!", "b", "!", "c", "!"]
    assert await say(executor, keys, "d", "!") == [0, 7, 1, 7]


async def test_a_block_is_bounded(executor: Executor, keys: tuple[str, str]) -> None:
    answers = await asyncio.gather(*[say(executor, keys, word, "!") for word in "abcdefghij"])
    assert [batches for _, _, batches, _ in answers] == [4, 4, 4, 4, 4, 4, 4, 4, 2, 2]
    assert (await said(executor, keys))[::2] == list("abcdefghij")


async def test_sales_and_epochs_do_not_mix(executor: Executor, keys: tuple[str, str]) -> None:
    other = keys_of(fresh_uid())
    await executor.command("HSET", other[0], "epoch", 2, "revision", 5)
    answers = await asyncio.gather(
        say(executor, keys, "a", "!"),
        say(executor, other, "b", "!", epoch=2),
        say(executor, keys, "c", "!"),
        say(executor, other, "d", "!", epoch=3),
    )
    assert [code for code, *_ in answers] == [0, 0, 0, -1]
    assert await said(executor, keys) == ["a", "!", "c", "!"]
    assert await said(executor, other) == ["b", "!"]


async def test_the_highest_revision_of_a_block_goes_along(
    executor: Executor, keys: tuple[str, str]
) -> None:
    """What the process knows about the store holds for all of its calls."""
    calls = [executor.run("say_words", keys, (1, revision, "a", "!")) for revision in (5, 9, 4)]
    assert [reply[0] for reply in await asyncio.gather(*calls)] == [-1, -1, -1]
    assert await said(executor, keys) == []


async def test_a_bad_argument_fails_its_caller_and_not_the_batch(
    executor: Executor, keys: tuple[str, str]
) -> None:
    good, bad, other = await asyncio.gather(
        say(executor, keys, "a", "!"),
        executor.run("say_words", keys, (1, 5, object(), "!")),  # type: ignore[arg-type]  # bad
        say(executor, keys, "c", "!"),
        return_exceptions=True,
    )
    assert isinstance(bad, TypeError)
    assert (good, other) == ([0, 6, 2, 1], [0, 6, 2, 3])


async def test_a_fault_of_the_script_reaches_every_caller_as_its_own(
    executor: Executor, keys: tuple[str, str]
) -> None:
    calls = [say(executor, keys, word, "!") for word in ("a", "raise", "c")]
    faults = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(fault) for fault in faults] == [ScriptFault] * 3
    assert len({id(fault) for fault in faults}) == 3
    assert executor.outstanding == 0
    assert await said(executor, keys) == []


async def test_who_left_before_the_tick_is_not_in_the_batch(
    executor: Executor, keys: tuple[str, str]
) -> None:
    tasks = [asyncio.create_task(say(executor, keys, word, "!")) for word in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in done] == [list, asyncio.CancelledError, list]
    assert await said(executor, keys) == ["a", "!", "c", "!"]


async def test_losing_the_script_midway_runs_nothing_twice(
    executor: Executor, keys: tuple[str, str]
) -> None:
    await say(executor, keys, "a", "!")
    await executor.command("SCRIPT", "FLUSH")
    await asyncio.gather(*[say(executor, keys, word, "!") for word in "bcdefg"])
    assert (await said(executor, keys))[::2] == list("abcdefg")


async def test_parts_count_one_by_one_and_are_observed_so(
    store_url: str, test_bundle: Bundle, keys: tuple[str, str]
) -> None:
    seen: list[tuple[str, int]] = []
    async with Executor(
        store_url,
        test_bundle,
        observer=lambda name, seconds, batch: seen.append((name, batch)),
        max_pending=2,
    ) as executor:
        calls = [say(executor, keys, word, "!") for word in "abc"]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(answer) for answer in answers] == [list, list, StoreBusy]
        assert executor.outstanding == 0
    assert seen == [("say_words", 2)] * 2


async def test_a_block_that_was_not_sent_is_unavailable_to_all(test_bundle: Bundle) -> None:
    async with Executor("unix:///nonexistent/socket", test_bundle) as executor:
        calls = [say(executor, keys_of("nobody"), word, "!") for word in "ab"]
        faults = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(fault) for fault in faults] == [StoreUnavailable] * 2


def test_calls_can_only_join_where_arguments_may_repeat() -> None:
    text = "-- KEYS: sale\n-- ARGV: epoch revision\n-- joins: 4\n"
    with pytest.raises(BundleError, match="may repeat"):
        read_header("never", text)


async def test_bad_epoch_fails_its_caller_and_not_the_tick(
    executor: Executor, keys: tuple[str, str]
) -> None:
    """Encoded only when the batch is made it would leave everybody of the tick without an end."""
    good, bad = await asyncio.gather(
        say(executor, keys, "a", "!"),
        say(executor, keys, "b", "!", epoch=True),
        return_exceptions=True,
    )
    assert good == [0, 6, 1, 1]
    assert isinstance(bad, TypeError)
    assert executor.outstanding == 0


@pytest.mark.parametrize("answer", [b"*0\r\n", b"*1\r\n*1\r\n:0\r\n", b"+OK\r\n", b":1\r\n"])
async def test_answer_that_does_not_fit_the_block_is_told_to_all(
    open_against: OpenAgainst, answer: bytes
) -> None:
    """It is a bug of ours, and nobody may wait for its end."""
    executor = await open_against(says(answer))
    calls = [say(executor, keys_of("x"), word, "!") for word in "ab"]
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ScriptFault] * 2
    assert executor.outstanding == 0


async def test_store_that_refuses_a_block_says_why_to_all(open_against: OpenAgainst) -> None:
    """Each gets an exception of its own, with all that belongs to it."""
    executor = await open_against(says(b"-OOM command not allowed when used memory\r\n"))
    calls = [say(executor, keys_of("x"), word, "!") for word in "ab"]
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    refusals = [each for each in outcomes if isinstance(each, StoreRefusing)]
    assert [refusal.reason for refusal in refusals] == ["out_of_memory"] * 2
    assert executor.outstanding == 0
