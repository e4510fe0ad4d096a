"""Connections to the ledger's database: one way to read, one way to write, for three databases.

SQLite: write-ahead log, so that readers never wait for the writer; `synchronous = FULL`, so that a
commit survives a power cut; every transaction starts with BEGIN IMMEDIATE, because one that reads
first and asks for the write lock later can deadlock with its like. Several worker processes share
the file; within a process a lock queues the writers fairly, where SQLite's own waiting is a sleep
with luck. PostgreSQL and MySQL run at READ COMMITTED: every decision here is made over rows that
the transaction has locked, and a wider snapshot would only add locks on gaps.

Every transaction is bounded in time: a server that hangs is one that does not answer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from .faults import LedgerUnavailable, translated

TRANSACTION_SECONDS = 5.0
CONNECT_SECONDS = 3.0
POOL_WAIT_SECONDS = 3.0
POOL_SIZE = 5
POOL_OVERFLOW = 10
CONNECTIONS_MAX = POOL_SIZE + POOL_OVERFLOW
"""of one process, in a rush"""
SQLITE_BUSY_MS = 4_000

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "mysql": "mysql+aiomysql",
    "mariadb": "mariadb+aiomysql",
}
_SQLITE_SETTINGS = (
    f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)

# A sale sells out within minutes of its first row, long before there are statistics of it. What
# looks like the best plan while its tables are empty would read more with every order; so rows are
# looked up by their keys, whatever the planner thinks of it.
_POSTGRES_SETTINGS = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


_READING: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
# SQLite's driver begins nothing by itself (see _prepare_sqlite), so it is enough that we do not
# either: to set the level there and back again are two trips to the connection's thread.
_READING_SQLITE: dict[str, Any] = {"reading": True}


def ledger_url(url: str) -> URL:
    """The URL as an operator writes it, with the driver that this service uses."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("that is no URL such as postgresql://ledger/holdfast") from None
    family = parsed.drivername.partition("+")[0]
    if family not in _DRIVERS:
        raise ValueError(f"no ledger on {family!r}: sqlite, postgresql, mysql or mariadb")
    return parsed.set(drivername=_DRIVERS[family])


class Database:
    """An engine and the two ways to use it. Every fault of the connection leaves as 503."""

    def __init__(self, url: str) -> None:
        self.url = ledger_url(url)
        self.family = self.url.get_backend_name()
        self.is_sqlite = self.family == "sqlite"
        self.engine = _engine(self.url, self.is_sqlite)
        self._writer = asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that locks nothing; each statement sees what is committed by then."""
        options = _READING_SQLITE if self.is_sqlite else _READING
        async with self._bounded(), self.engine.connect() as connection:
            yield await connection.execution_options(**options)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with self._bounded(), self.transaction() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """`writing` with the driver's own exceptions, for who can tell them apart."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(asyncio.timeout(TRANSACTION_SECONDS))
            if self.is_sqlite:
                await stack.enter_async_context(self._writer)
            yield await stack.enter_async_context(self.engine.begin())

    async def ping(self) -> None:
        """Raise LedgerUnavailable unless the database answers."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Give every connection back to the operating system."""
        await self.engine.dispose()

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        with translated():
            async with asyncio.timeout(TRANSACTION_SECONDS):
                yield


def _engine(url: URL, is_sqlite: bool) -> AsyncEngine:
    """Errors, which are logged, do not tell what a statement wrote: secrets, payments, buyers."""
    if not is_sqlite:
        return create_async_engine(
            url,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_WAIT_SECONDS,
            connect_args=_connect_args(url.get_backend_name()),
        )
    if url.database in (None, "", ":memory:"):
        raise ValueError("the ledger must be a file: memory is gone when the process is")
    if not Path(url.database).absolute().parent.is_dir():
        raise LedgerUnavailable(f"no directory for {url.database}")
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_WAIT_SECONDS,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_immediately)
    event.listen(engine.sync_engine, "invalidate", _roll_back_first)
    return engine


def _begin_immediately(connection: Connection) -> None:
    """Readers are told of a beginning too, and must not wait for the writer."""
    if not connection.get_execution_options().get("reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _roll_back_first(
    connection: DBAPIConnection, _record: ConnectionPoolEntry, _cause: BaseException | None
) -> None:
    """Give the write lock back before a connection is thrown away.

    A task cancelled inside a statement leaves a cursor behind, in the traceback. SQLite does not
    end a connection, nor its transaction, before the last of its statements is gone, so that
    closing alone would keep every writer out until the garbage collector comes by. A second
    cancellation in here adds nothing to the first, which is on its way already.
    """
    with suppress(asyncio.CancelledError, Exception):
        connection.rollback()


def _connect_args(family: str) -> dict[str, object]:
    if family != "postgresql":
        return {"connect_timeout": CONNECT_SECONDS}
    return {"timeout": CONNECT_SECONDS, "server_settings": _POSTGRES_SETTINGS}


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Leave BEGIN to us (the driver's own would come late and deferred), then set the file up."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for setting in _SQLITE_SETTINGS:
        cursor.execute(setting)
    cursor.close()
