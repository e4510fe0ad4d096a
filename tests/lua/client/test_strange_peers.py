"""Peers that break off, talk nonsense or refuse: each caller is told what is known of its call."""

import asyncio

import pytest
from conftest import fresh_uid
from support.store.peers import OpenAgainst, greet, listening, says

from holdfast_lua import (
    Bundle,
    Executor,
    ScriptFault,
    StoreError,
    StoreOutcomeUnknown,
    StoreUnavailable,
)
from holdfast_lua.client.store_url import StoreUrl
from holdfast_lua.errors import StoreRefusing


async def bump(executor: Executor) -> int:
    _, count = await executor.run("bump_counter", (f"hf:{{{fresh_uid()}}}:counter",))
    return int(count)


async def test_half_a_reply_and_a_close_is_unknown(open_against: OpenAgainst) -> None:
    executor = await open_against(says(b"*2\r\n:0\r\n", then_leaves=True))
    with pytest.raises(StoreOutcomeUnknown, match="bump_counter"):
        await bump(executor)


async def test_dead_store_is_not_asked_again_by_every_call(open_against: OpenAgainst) -> None:
    attempts = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.write(b"-ERR max number of clients reached\r\n")
        writer.close()

    executor = await open_against(handler, "?db=1")
    for _ in range(300):
        with pytest.raises(StoreUnavailable):
            await executor.command("PING")
    assert attempts < 10


async def test_peer_that_is_no_store_is_dropped(open_against: OpenAgainst) -> None:
    executor = await open_against(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(StoreOutcomeUnknown, match="protocol error"):
        await bump(executor)


async def test_replies_in_front_of_garbage_reach_their_callers(open_against: OpenAgainst) -> None:
    executor = await open_against(says(b"*2\r\n:0\r\n:7\r\n?\r\n"))
    calls = [bump(executor) for _ in range(2)]
    first, second = await asyncio.gather(*calls, return_exceptions=True)
    assert first == 7
    assert isinstance(second, StoreOutcomeUnknown)


async def test_unasked_reply_never_reaches_a_later_caller(open_against: OpenAgainst) -> None:
    """Given one answer too many, then the link is out of step and thrown away."""
    executor = await open_against(says(b"*2\r\n:0\r\n:1\r\n*2\r\n:0\r\n:99\r\n"))
    assert await bump(executor) == 1
    # The next call starts on a fresh one
    assert await bump(executor) == 1


REFUSALS = [
    "LOADING Valkey is loading the dataset in memory",
    "BUSY Valkey is busy running a script",
    "CLUSTERDOWN The cluster is down",
    "MOVED 1 127.0.0.1:1",
]
NO_WRITES = [
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "NOREPLICAS Not enough good replicas to write.",
    "MISCONF Valkey is configured to save RDB snapshots",
    "NOPERM User app has no permissions to run the 'evalsha' command",
]
FAULTS = [
    "ERR unknown command",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "OOM command not allowed when used memory > 'maxmemory'. script: abc, on @user_script:9.",
]


@pytest.mark.parametrize(
    ("error", "expected"),
    [(text, StoreUnavailable) for text in REFUSALS]
    + [(text, StoreRefusing) for text in NO_WRITES]
    + [(text, ScriptFault) for text in FAULTS],
)
async def test_error_replies_are_told_apart(
    open_against: OpenAgainst, error: str, expected: type[StoreError]
) -> None:
    """A refusal before the script ran may be repeated; a script that broke midway may not."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        while await reader.read(1000):
            writer.write(f"-{error}\r\n".encode())
        writer.close()

    executor = await open_against(handler)
    with pytest.raises(expected) as caught:
        await bump(executor)
    assert type(caught.value) is expected


async def test_script_that_stays_unknown_is_not_repeated_for_ever(
    open_against: OpenAgainst,
) -> None:
    asked = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await greet(reader, writer)
        while data := await reader.read(100_000):
            asked += data.count(b"EVALSHA")
            writer.write(b"+OK\r\n" * data.count(b"SCRIPT\r\n"))
            writer.write(b"-NOSCRIPT No matching script.\r\n" * data.count(b"EVALSHA"))
        writer.close()

    executor = await open_against(handler)
    with pytest.raises(StoreError):
        await bump(executor)
    assert asked < 20


async def test_wrong_password_is_unavailable_and_not_shown(test_bundle: Bundle) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"holdfast\r\n")
        writer.write(b"-WRONGPASS invalid username-password pair\r\n+OK\r\n")
        await reader.read()
        writer.close()

    async with listening(
        handler, lambda talk: asyncio.start_server(talk, "127.0.0.1", 0)
    ) as server:
        port = server.sockets[0].getsockname()[1]
        url = StoreUrl.parse(f"redis://me:s3cret@127.0.0.1:{port}")
        async with Executor(url, test_bundle) as executor:
            with pytest.raises(StoreUnavailable, match="WRONGPASS") as caught:
                await bump(executor)
    assert "s3cret" not in f"{caught.value} {url} {url!r}"
