"""Connections to the ledger's database: reads and transactions for three kinds of database.

`engines` says how a connection of each kind is set up. Several worker processes share a SQLite
file; within a process a lock queues the writers in order, where SQLite itself would only sleep and
try again.

Every transaction is bounded by TRANSACTION_SECONDS: after that the database counts as unavailable.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import false, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import QueuePool

from holdfast_ledger.database.engines import is_pooled, make_engine
from holdfast_ledger.database.ledger_url import ledger_url, sqlite_path
from holdfast_ledger.database.schema import sales
from holdfast_ledger.errors import MOVED, LedgerUnavailable, translated

TRANSACTION_SECONDS: Final = 5.0

_READING: Final[dict[str, Any]] = {"isolation_level": "AUTOCOMMIT"}
# SQLite's driver begins no transaction by itself (see engines), so no isolation level is needed:
# setting and resetting one would be two trips to the connection's thread.
_READING_SQLITE: Final[dict[str, Any]] = {"reading": True}

logger = logging.getLogger(__name__)


class Database:
    """An engine, and how to read and write with it. Lost connections raise LedgerUnavailable."""

    def __init__(self, url: str, *, existing: bool = False, pooled: bool = False) -> None:
        self.url = ledger_url(url)
        self.family = self.url.get_backend_name()
        self.is_sqlite = self.family == "sqlite"
        self.pooled = pooled
        self.engine = make_engine(self.url, existing=existing, pooled=pooled)
        self._file = LedgerFile(sqlite_path(self.url)) if self.is_sqlite else None
        self._writer = asyncio.Lock()

    @classmethod
    async def open(cls, url: str, *, existing: bool = False) -> "Database":
        """Connects; LedgerUnavailable at once when the server, or a pooler before it, is away."""
        with translated():
            pooled = await is_pooled(ledger_url(url))
        database = cls(url, existing=existing, pooled=pooled)
        try:
            await database.ping()
        except BaseException:
            await database.close()
            raise
        return database

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection without locks; each statement sees what is committed by then."""
        async with self._bounded(), self.engine.connect() as connection:
            self._check_file()
            if self.pooled:  # outside a transaction each statement might get another session
                yield connection
            else:
                options = _READING_SQLITE if self.is_sqlite else _READING
                yield await connection.execution_options(**options)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with self._bounded(), self.transaction() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """`writing`, but with the driver's own exceptions."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(asyncio.timeout(TRANSACTION_SECONDS))
            if self.is_sqlite:
                await stack.enter_async_context(self._writer)
            connection = await stack.enter_async_context(self.engine.begin())
            self._check_file()
            yield connection
            self._check_file()  # as late as possible: the commit follows

    @property
    def connections_in_use(self) -> int:
        """How many of this process's connections are in use."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    async def ping(self) -> None:
        """Raises LedgerUnavailable unless the database answers."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def check(self) -> None:
        """Raises LedgerUnavailable unless the database answers and would accept a write.

        On a server it updates no row, which a standby refuses. A file is only read: asking for its
        write lock would mean waiting for the present writer.
        """
        if self.is_sqlite:
            await self.ping()
            return
        async with self.writing() as connection:
            await connection.execute(update(sales).where(false()).values(epoch=0))

    async def close(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()

    def _check_file(self) -> None:
        if self._file is not None:
            self._file.check()

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        with translated():
            async with asyncio.timeout(TRANSACTION_SECONDS):
                yield


class LedgerFile:
    """The file of a SQLite ledger; finds out when it was moved or replaced.

    A process goes on writing to an open file whatever becomes of its name, and orders would be
    confirmed into a file that nobody reads again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[int, int] | None = None
        self._logged = False

    def check(self) -> None:
        """Raises LedgerUnavailable when the file was moved, removed or replaced since the start."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            now = None
        else:
            now = (found.st_dev, found.st_ino)
            self._known = self._known or now
        if now == self._known:
            self._logged = False
            return
        if not self._logged:
            self._logged = True
            what = "is gone" if now is None else "is another file now"
            logger.error(
                "the ledger %s %s: nothing is confirmed until it is back where it was; after a "
                "restore, stop the service first, then start it again",
                self._path,
                what,
            )
        raise LedgerUnavailable(reason=MOVED)
