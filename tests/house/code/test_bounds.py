"""Whoever waits for the store or the ledger waits for a bounded time.

The bound is set where connections are used, so that no caller can forget it: calls of the store go
through the links of `holdfast_lua.client`, statements through `holdfast_ledger.database`. The tests
show that these bounds end a wait, and that there is no way past them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

import pytest
from support.source_tree import ROOT, Use, plant, read_modules

from holdfast_ledger import LedgerUnavailable
from holdfast_ledger.database import database as database_module
from holdfast_ledger.database.database import Database
from holdfast_lua import Executor
from holdfast_lua.errors import StoreUnavailable

DATABASE: Final = "ledger/holdfast_ledger/database/"
CLIENT: Final = "lua/holdfast_lua/client/"
OPENERS: Final = {
    **dict.fromkeys(
        [
            *("create_async_engine", "create_engine", "engine_from_config", "engine"),
            *("async_engine_from_config", "aiosqlite", "sqlite3"),
            *("asyncpg", "psycopg", "psycopg2", "aiomysql", "asyncmy", "pymysql", "MySQLdb"),
        ],
        DATABASE,
    ),
    **dict.fromkeys(["redis", "valkey", "coredis", "hiredis", "glide", "aioredis"], CLIENT),
    **dict.fromkeys(
        [
            *("open_connection", "open_unix_connection", "create_connection"),
            *("create_unix_connection", "sock_connect"),
        ],
        CLIENT,
    ),
}
"""what opens a connection, and the only folder that may use it"""
ALSO: Final = {
    "redis": "lua/holdfast_lua/",
    "sqlite3": "ledger/holdfast_ledger/errors.py",
}
WAIT_SECONDS: Final = 20.0
Opening = Callable[[Database], AbstractAsyncContextManager[Any]]


def unbounded_ways(root: Path) -> list[str]:
    """Where a connection is opened or an engine used beside the places that bound their use."""
    return [
        f"{module.path}: {name}"
        for module in read_modules(root).values()
        for name in sorted({name for use in module.uses for name in _openers_of(use)})
        if not module.path.startswith((OPENERS[name], ALSO.get(name, OPENERS[name])))
    ]


def _openers_of(use: Use) -> set[str]:
    """Whole packages are known by their import, and what is in them by its own name."""
    if use.kind == "call":
        return set()
    return {use.last, use.first if use.kind == "import" else use.last} & OPENERS.keys()


def test_connections_are_used_where_they_are_bounded() -> None:
    assert unbounded_ways(ROOT) == []


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from redis.asyncio import Redis", "redis"),
        ("import valkey", "valkey"),
        ("import coredis.client", "coredis"),
        ("import hiredis", "hiredis"),
        ("import importlib; importlib.import_module('redis.asyncio')", "redis"),
        ("__import__('asyncpg')", "asyncpg"),
        ("import sqlite3", "sqlite3"),
        ("import psycopg", "psycopg"),
        ("def f():\n    from pymysql import connect", "pymysql"),
        ("from sqlalchemy import engine_from_config as make", "engine_from_config"),
        ("import asyncio; asyncio.open_connection(host, 1)", "open_connection"),
        ("import asyncio as a; a.open_unix_connection(path)", "open_unix_connection"),
        ("import asyncio; getattr(asyncio, 'open_connection')(host, 1)", "open_connection"),
        ("async def f(db): await db.engine.connect()", "engine"),
    ],
)
def test_way_past_the_bounds_is_found(source: str, name: str, tmp_path: Path) -> None:
    plant(tmp_path, "ledger/holdfast_ledger/database/a.py", "from x import create_async_engine")
    plant(tmp_path, "lua/holdfast_lua/client/b.py", "import redis\nredis.open_connection(h, 1)")
    plant(tmp_path, "queue/holdfast_queue/c.py", source)
    assert unbounded_ways(tmp_path) == [f"queue/holdfast_queue/c.py: {name}"]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Connected already: a connect that a test's short bound ends leaves the driver's thread to
    report to a loop that is closed by then.
    """
    database = await Database.open(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield database
    await database.close()


@pytest.mark.parametrize("use", [Database.reading, Database.writing])
async def test_use_of_the_ledger_that_hangs_is_ended(
    database: Database, use: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "TRANSACTION_SECONDS", 0.05)
    async with asyncio.timeout(WAIT_SECONDS):
        with pytest.raises(LedgerUnavailable):
            async with use(database):
                await asyncio.Event().wait()


async def test_transaction_that_hangs_is_ended(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "TRANSACTION_SECONDS", 0.05)
    async with asyncio.timeout(WAIT_SECONDS):
        with pytest.raises(TimeoutError):
            async with database.transaction():
                await asyncio.Event().wait()


async def test_writer_that_hangs_keeps_others_for_the_bound_and_no_longer(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock of SQLite's writers is waited for within the bound, too."""
    monkeypatch.setattr(database_module, "TRANSACTION_SECONDS", 0.3)
    holding = asyncio.Event()

    async def hold() -> None:
        async with database.writing():
            holding.set()
            await asyncio.Event().wait()

    async def write() -> None:
        async with database.writing():
            pass

    async with asyncio.timeout(WAIT_SECONDS):
        holder = asyncio.ensure_future(hold())
        await holding.wait()
        await asyncio.gather(write(), return_exceptions=True)
        with pytest.raises(LedgerUnavailable):
            await holder
        await write()


async def test_store_that_accepts_and_says_nothing_is_given_up() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(WAIT_SECONDS):
        async with Executor(f"redis://127.0.0.1:{port}?timeout=0.2") as executor:
            with pytest.raises(StoreUnavailable):
                await executor.command("PING")
        server.close()
        await server.wait_closed()
