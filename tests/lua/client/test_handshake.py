"""The first words with a server: what it answers to them decides, and a refusal heals by itself."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from redis import Redis
from support.store.peers import Handler, OpenAgainst

from holdfast_lua import EmbeddedStore, Executor, StoreError, StoreUnavailable

ATTEMPTS = 12


@pytest.fixture
def operator(own_store: EmbeddedStore) -> Iterator[Redis]:
    """A connection that was there before."""
    client = Redis(unix_socket_path=own_store.url.removeprefix("unix://"))
    client.ping()
    yield client
    client.close()


def url_for(store: EmbeddedStore, user: str) -> str:
    return f"unix://{user}@{store.url.removeprefix('unix://')}"


REJECTED = "max number of clients reached|connection lost: .*Broken pipe"
"""what the store says, or, where it has closed before we write, what our own write meets"""


async def ask(executor: Executor) -> object:
    """A call, once the pause after a failed attempt is over."""
    async with asyncio.timeout(5):
        while True:
            await asyncio.sleep(0.06)
            try:
                return await executor.command("TIME")
            except StoreUnavailable as fault:
                if not re.search(REJECTED, str(fault)):
                    raise


async def test_rejected_connection_is_told_and_the_next_attempt_heals(
    own_store: EmbeddedStore, operator: Redis
) -> None:
    """The store says no and closes before it is asked; a loop may pass that on in one piece."""
    async with Executor(own_store.url) as executor:
        operator.config_set("maxclients", 1)
        for _ in range(ATTEMPTS):
            with pytest.raises(StoreUnavailable, match=REJECTED):
                async with asyncio.timeout(5):
                    await executor.command("TIME")
            await asyncio.sleep(0.06)  # real pauses of a real client
        operator.config_set("maxclients", 1000)
        assert await ask(executor)


async def test_store_with_a_password_is_not_used_without_it(
    own_store: EmbeddedStore, operator: Redis
) -> None:
    operator.config_set("requirepass", "pw")
    async with Executor(own_store.url) as executor:
        with pytest.raises(StoreUnavailable, match="does not answer: NOAUTH"):
            await executor.command("TIME")


async def test_connection_is_named_though_a_password_is_needed(
    own_store: EmbeddedStore, operator: Redis
) -> None:
    operator.config_set("requirepass", "pw")
    async with Executor(url_for(own_store, ":pw")) as executor:
        await executor.command("TIME")
        assert "holdfast" in {client["name"] for client in operator.client_list()}


async def test_user_who_may_not_name_the_connection_is_served(
    own_store: EmbeddedStore, operator: Redis
) -> None:
    operator.acl_setuser(
        "plain", enabled=True, passwords=["+pw"], keys=["*"], commands=["+@all", "-client"]
    )
    async with Executor(url_for(own_store, "plain:pw")) as executor:
        assert await executor.command("TIME")


async def test_database_that_is_not_there_is_told(own_store: EmbeddedStore) -> None:
    async with Executor(f"{own_store.url}?db=99") as executor:
        with pytest.raises(StoreUnavailable, match="DB index is out of range"):
            await executor.command("TIME")


def greets_with(answer: bytes) -> Handler:
    """A peer with this answer to the whole handshake, which then stays."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"holdfast\r\n")
        writer.write(answer)
        await reader.read()

    return handler


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"+QUEUED\r\n+OK\r\n", "answers SELECT with b'QUEUED'"),
        (b"+OK\r\n:1\r\n", "answers CLIENT with 1"),
        (b"*0\r\n+OK\r\n", r"answers SELECT with \[\]"),
        (b"+OK\r\n-ERR max number of clients reached\r\n", "max number of clients"),
        (b"+OK\r\n-DENIED Redis is running in protected mode\r\n", "protected mode"),
        (b"+OK\r\n+OK\r\n+OK\r\n", "a reply that nobody asked for"),
    ],
)
async def test_every_answer_of_the_handshake_is_checked(
    open_against: OpenAgainst, answer: bytes, told: str
) -> None:
    executor = await open_against(greets_with(answer), "?db=1")
    with pytest.raises(StoreUnavailable, match=told):
        await executor.command("TIME")


async def test_attempt_that_is_cancelled_leaves_nobody_waiting(open_against: OpenAgainst) -> None:
    """As a loop does with every task when it is told to end."""
    executor = await open_against(greets_with(b""))
    call = asyncio.ensure_future(executor.command("TIME"))
    await asyncio.sleep(0)  # queued
    await asyncio.sleep(0)  # and its attempt made
    (attempt,) = [task for task in asyncio.all_tasks() if task.get_name() == "store-connect"]
    attempt.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(StoreError, match="cancelled while connecting"):
            await call
