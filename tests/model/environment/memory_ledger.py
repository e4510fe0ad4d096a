"""The ledger's SQLite in memory, on one connection that stays open, without a driver's thread.

What a disk does when the power goes, how connections are pooled and what threads do are tested
elsewhere. Everything above the connection is the real thing: the ledger's code, its statements as
SQLAlchemy compiles them, its transactions, the schema as the migrations make it.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Connection, CursorResult, ScalarResult, StaticPool, create_engine
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger import Ledger
from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import metadata
from holdfast_ledger.errors import translated

TABLES: Final = [
    table.name
    for table in metadata.sorted_tables
    if not {"uid", "sale_uid"}.isdisjoint(table.columns.keys())
]
"""those with rows about a sale"""
Contents = dict[str, list[tuple[Any, ...]]]
"""rows by table"""


class MemoryLedger(Ledger):
    """A ledger in memory, with the schema of a file; `raw` is its connection."""

    def __init__(self, template: Path) -> None:
        self.raw = sqlite3.connect(":memory:", isolation_level=None)
        with closing(sqlite3.connect(template)) as source:
            source.backup(self.raw)
        self.raw.execute("PRAGMA foreign_keys = ON")
        super().__init__(_MemoryDatabase(template, self.raw))

    def contents(self) -> Contents:
        """All rows that are about a sale."""
        return {name: self.raw.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES}  # noqa: S608

    def reset(self, contents: Contents) -> None:
        """These are all rows that are about a sale."""
        self.raw.execute("BEGIN IMMEDIATE")
        for name in reversed(TABLES):
            self.raw.execute(f"DELETE FROM {name}")  # noqa: S608
        for name, rows in contents.items():
            if rows:
                places = ", ".join("?" * len(rows[0]))
                self.raw.executemany(f"INSERT INTO {name} VALUES ({places})", rows)  # noqa: S608
        self.raw.execute("COMMIT")


class _MemoryDatabase(Database):
    """The connection that is open, instead of one of a pool, for reading and for each transaction.

    Nothing in a statement waits, so that no transaction meets another one.
    """

    def __init__(self, template: Path, raw: sqlite3.Connection) -> None:
        super().__init__(f"sqlite:///{template}")
        self._raw = raw
        self._engine = create_engine(
            "sqlite://", creator=lambda: raw, poolclass=StaticPool, isolation_level="AUTOCOMMIT"
        )
        self._connection = self._engine.connect()
        self._open = cast(AsyncConnection, _Connection(self._connection))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        with translated():
            yield self._open

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        self._raw.execute("BEGIN IMMEDIATE")
        try:
            yield self._open
        except BaseException:
            self._raw.execute("ROLLBACK")
            raise
        self._raw.execute("COMMIT")

    async def close(self) -> None:
        await super().close()
        self._connection.close()
        self._engine.dispose()


class _Connection:
    """What the ledger uses of an `AsyncConnection`, done at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    async def execute(self, statement: Any, values: Any = None) -> CursorResult[Any]:
        return self._connection.execute(statement, values)

    async def exec_driver_sql(self, statement: str, values: Any = None) -> CursorResult[Any]:
        return self._connection.exec_driver_sql(statement, values)

    async def scalar(self, statement: Any, values: Any = None) -> Any:
        return self._connection.scalar(statement, values)

    async def scalars(self, statement: Any, values: Any = None) -> ScalarResult[Any]:
        return self._connection.scalars(statement, values)
