"""Stores that die, hang, restart or lie: what callers are told, and that it heals by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from conftest import fresh_uid

from holdfast_lua import (
    Bundle,
    EmbeddedStore,
    Executor,
    ScriptFault,
    StoreError,
    StoreOutcomeUnknown,
    StoreUnavailable,
)
from holdfast_lua.store_url import StoreUrl

HEAL_SECONDS = 10.0


@pytest.fixture
def own_store(tmp_path: Path) -> EmbeddedStore:
    """A store that this test may hurt; the test starts and stops it."""
    return EmbeddedStore(tmp_path)


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


def counter() -> str:
    return f"hf:{{{fresh_uid()}}}:counter"


async def bump(executor: Executor, key: str) -> int:
    _, count = await executor.run("bump_counter", (key,))
    return int(count)


async def until_healed(executor: Executor) -> None:
    """Calls fail fast until the store is back, then work with no help."""
    async with asyncio.timeout(HEAL_SECONDS):
        while True:
            try:
                await executor.command("PING")
            except StoreUnavailable:
                await asyncio.sleep(0.02)
            else:
                return


async def test_store_killed_in_the_middle_of_a_batch_loses_replies_not_truth(
    own_store: EmbeddedStore, test_bundle: Bundle
) -> None:
    with own_store as store:
        async with Executor(store.url, test_bundle) as executor:
            key = counter()
            await executor.run("spin_until", (key,), (0,))
            await bump(executor, key)
            # Given a batch that the store is at work on, and another one behind it
            slow = asyncio.ensure_future(executor.run("spin_until", (key,), (400,)))
            batch = [asyncio.ensure_future(bump(executor, key)) for _ in range(50)]
            await asyncio.sleep(0.1)
            # When it is killed
            await asyncio.to_thread(crash, store)
            outcomes = await asyncio.gather(slow, *batch, return_exceptions=True)
            # Then nobody is told that it did not happen
            assert {type(outcome) for outcome in outcomes} == {StoreOutcomeUnknown}
            assert executor.outstanding == 0


async def test_every_acknowledged_write_is_there_after_kill_and_restart(
    own_store: EmbeddedStore, test_bundle: Bundle
) -> None:
    with own_store as store:
        async with Executor(store.url, test_bundle) as executor:
            key = counter()
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
            await asyncio.to_thread(crash, store)
            await asyncio.gather(*workers)
            await asyncio.to_thread(store.start)
            await until_healed(executor)
            found = int(await executor.command("GET", key))
            assert acknowledged <= found <= acknowledged + unknown


async def test_restart_of_an_idle_store_costs_no_unknown_outcome(
    own_store: EmbeddedStore, test_bundle: Bundle
) -> None:
    """The link knows that the store went away before a call is written, so nothing is in doubt."""
    with own_store as store:
        async with Executor(store.url, test_bundle) as executor:
            key = counter()
            assert await bump(executor, key) == 1
            await asyncio.to_thread(crash, store)
            await asyncio.to_thread(store.start)
            assert await bump(executor, key) == 2  # scripts are loaded anew as well


async def test_calls_fail_fast_while_the_store_is_away(
    own_store: EmbeddedStore, test_bundle: Bundle
) -> None:
    with own_store as store:
        async with Executor(store.url, test_bundle) as executor:
            key = counter()
            await bump(executor, key)
            await asyncio.to_thread(crash, store)
            started = time.monotonic()
            for _ in range(200):
                with pytest.raises(StoreUnavailable):
                    await bump(executor, key)
            assert time.monotonic() - started < 2.0
            await asyncio.to_thread(store.start)
            await until_healed(executor)
            assert await bump(executor, key) == 2


# Strange peers

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
StartPeer = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def start_peer(tmp_path: Path) -> AsyncIterator[StartPeer]:
    """Starts a peer that behaves as the test wants; gives its URL."""
    servers: list[asyncio.Server] = []

    async def start(handler: Handler) -> str:
        path = tmp_path / f"peer-{len(servers)}.sock"
        servers.append(await asyncio.start_unix_server(handler, path))
        return f"unix://{path}"

    yield start
    for server in servers:
        server.close()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads the link's own CLIENT SETNAME and agrees."""
    await reader.readuntil(b"holdfast\r\n")
    writer.write(b"+OK\r\n")


async def test_silent_store_is_dropped_and_its_calls_are_unknown(
    own_store: EmbeddedStore, test_bundle: Bundle
) -> None:
    with own_store as store:
        async with Executor(f"{store.url}?timeout=0.2", test_bundle) as executor:
            key = counter()
            await bump(executor, key)
            freeze(store)
            outcomes = await asyncio.gather(
                *[bump(executor, key) for _ in range(5)], return_exceptions=True
            )
            thaw(store)
            assert {type(outcome) for outcome in outcomes} == {StoreOutcomeUnknown}
            await until_healed(executor)
            assert await bump(executor, key) in range(2, 8)


async def test_full_socket_delays_calls_and_loses_none(
    own_store: EmbeddedStore, test_bundle: Bundle
) -> None:
    with own_store as store:
        async with Executor(store.url, test_bundle) as executor:
            await executor.command("PING")
            # Given a store that reads nothing while far more arrives than sockets hold
            freeze(store)
            tasks = []
            for number in range(200):
                text = b"%d " % number + b"x" * 100_000
                tasks.append(asyncio.create_task(executor.command("ECHO", text)))
                await asyncio.sleep(0)
            # When it wakes
            thaw(store)
            replies = await asyncio.gather(*tasks)
            # Then each caller has its own answer
            assert [int(reply.split()[0]) for reply in replies] == list(range(200))


async def test_calls_behind_a_full_socket_are_known_not_to_be_sent(
    own_store: EmbeddedStore, test_bundle: Bundle
) -> None:
    with own_store as store:
        async with Executor(store.url, test_bundle) as executor:
            await executor.command("PING")
            freeze(store)
            tasks = []
            for _ in range(100):
                tasks.append(asyncio.create_task(executor.command("ECHO", b"x" * 100_000)))
                await asyncio.sleep(0)
            await asyncio.to_thread(crash, store)
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            kinds = [type(outcome) for outcome in outcomes]
            assert set(kinds) == {StoreOutcomeUnknown, StoreUnavailable}
            assert kinds == sorted(kinds, key=lambda kind: kind is StoreUnavailable)


async def test_half_a_reply_and_a_close_is_unknown(
    start_peer: StartPeer, test_bundle: Bundle
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await reader.read(1000)
        writer.write(b"*2\r\n:0\r\n")
        await writer.drain()
        writer.close()

    url = await start_peer(handler)
    async with Executor(url, test_bundle) as executor:
        with pytest.raises(StoreOutcomeUnknown, match="bump_counter"):
            await bump(executor, counter())


async def test_dead_store_is_not_asked_again_by_every_call(
    start_peer: StartPeer, test_bundle: Bundle
) -> None:
    attempts = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.write(b"-ERR max number of clients reached\r\n")
        writer.close()

    url = await start_peer(handler)
    async with Executor(f"{url}?db=1", test_bundle) as executor:
        for _ in range(300):
            with pytest.raises(StoreUnavailable):
                await executor.command("PING")
    assert attempts < 10


async def test_peer_that_is_no_store_is_dropped(start_peer: StartPeer, test_bundle: Bundle) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await reader.read(1000)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    url = await start_peer(handler)
    async with Executor(url, test_bundle) as executor:
        with pytest.raises(StoreOutcomeUnknown, match="protocol error"):
            await bump(executor, counter())


async def test_replies_in_front_of_garbage_reach_their_callers(
    start_peer: StartPeer, test_bundle: Bundle
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await reader.read(1000)
        writer.write(b"*2\r\n:0\r\n:7\r\n?\r\n")  # in one piece
        await writer.drain()
        await reader.read()
        writer.close()

    url = await start_peer(handler)
    async with Executor(url, test_bundle) as executor:
        calls = [bump(executor, counter()) for _ in range(2)]
        first, second = await asyncio.gather(*calls, return_exceptions=True)
        assert first == 7
        assert isinstance(second, StoreOutcomeUnknown)


async def test_unasked_reply_never_reaches_a_later_caller(
    start_peer: StartPeer, test_bundle: Bundle
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await reader.read(1000)
        writer.write(b"*2\r\n:0\r\n:1\r\n*2\r\n:0\r\n:99\r\n")  # one answer too many
        await writer.drain()
        await reader.read()
        writer.close()

    url = await start_peer(handler)
    async with Executor(url, test_bundle) as executor:
        assert await bump(executor, counter()) == 1
        # Then the link is out of step and thrown away: the next call starts on a fresh one
        assert await bump(executor, counter()) == 1


REFUSALS = [
    "LOADING Valkey is loading the dataset in memory",
    "BUSY Valkey is busy running a script",
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "NOREPLICAS Not enough good replicas to write.",
    "MISCONF Valkey is configured to save RDB snapshots",
    "CLUSTERDOWN The cluster is down",
    "MOVED 1 127.0.0.1:1",
]
FAULTS = [
    "ERR unknown command",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "OOM command not allowed when used memory > 'maxmemory'. script: abc, on @user_script:9.",
]


@pytest.mark.parametrize(
    ("error", "expected"),
    [(text, StoreUnavailable) for text in REFUSALS] + [(text, ScriptFault) for text in FAULTS],
)
async def test_error_replies_are_told_apart(
    start_peer: StartPeer, test_bundle: Bundle, error: str, expected: type[StoreError]
) -> None:
    """A refusal before the script ran may be repeated; a script that broke midway may not."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        while await reader.read(1000):
            writer.write(f"-{error}\r\n".encode())
        writer.close()

    url = await start_peer(handler)
    async with Executor(url, test_bundle) as executor:
        with pytest.raises(expected) as caught:
            await bump(executor, counter())
    assert type(caught.value) is expected


async def test_script_that_stays_unknown_is_not_repeated_for_ever(
    start_peer: StartPeer, test_bundle: Bundle
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

    url = await start_peer(handler)
    async with Executor(url, test_bundle) as executor:
        with pytest.raises(StoreError):
            await bump(executor, counter())
    assert asked < 20


async def test_wrong_password_is_unavailable_and_not_shown(
    start_peer: StartPeer, test_bundle: Bundle, tmp_path: Path
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"holdfast\r\n")
        writer.write(b"+OK\r\n-WRONGPASS invalid username-password pair\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = StoreUrl.parse(f"redis://me:s3cret@127.0.0.1:{port}")
    async with Executor(url, test_bundle) as executor:
        with pytest.raises(StoreUnavailable, match="WRONGPASS") as caught:
            await bump(executor, counter())
    server.close()
    assert "s3cret" not in f"{caught.value} {url} {url!r}"
