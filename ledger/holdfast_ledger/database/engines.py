"""SQLAlchemy engines for three databases, set up as the ledger needs them.

SQLite: write-ahead log, so that readers never wait for the writer; `synchronous = FULL`, so that a
commit survives a power cut; every transaction starts with BEGIN IMMEDIATE, because two that
read first and ask for the write lock later can deadlock. PostgreSQL and MySQL run at READ
COMMITTED: every decision of the ledger is made over rows that the transaction has locked, and a
wider snapshot would only add locks on gaps.

A pooler that gives each transaction another session, as PgBouncer does in its transaction mode,
takes no settings at connect and keeps no prepared statements. Behind one (`pooled`) statements have
no name, so that each is prepared where it runs, and every transaction sets its own settings.

The values of a failing statement are never logged: they are secrets and buyers.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from holdfast_ledger.database.ledger_url import sqlite_path, take_encryption
from holdfast_ledger.errors import LedgerUnavailable, explain, is_read_only

CONNECT_SECONDS: Final = 3.0
POOL_WAIT_SECONDS: Final = 3.0
POOL_SIZE: Final = 5
POOL_OVERFLOW: Final = 10
CONNECTIONS_MAX: Final = POOL_SIZE + POOL_OVERFLOW
"""of one process, in a rush"""
SQLITE_BUSY_MS: Final = 4_000

_POOL: Final[dict[str, Any]] = {
    "hide_parameters": True,
    "pool_size": POOL_SIZE,
    "max_overflow": POOL_OVERFLOW,
    "pool_timeout": POOL_WAIT_SECONDS,
}
_SQLITE_SETTINGS: Final = (
    f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)

# A sale sells out within minutes of its first row, before there are statistics of it. The plan
# chosen for empty tables would read more with every order, so rows are always looked up by key.
POSTGRES_SETTINGS: Final = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
_SET_LOCALLY: Final = "SELECT " + ", ".join(
    f"set_config('{name}', '{value}', true)" for name, value in POSTGRES_SETTINGS.items()
)
_UNNAMED: Final[dict[str, Any]] = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": str,  # makes an empty name
}


def make_engine(url: URL, *, existing: bool = False, pooled: bool = False) -> AsyncEngine:
    """An engine that has not connected yet.

    An `existing` SQLite file is never created: the service would go on with an empty one.
    ValueError says what is wrong with the URL, LedgerUnavailable that a directory is missing.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, existing)
    url, arguments = take_encryption(url)
    if url.get_backend_name() != "postgresql":
        arguments["connect_timeout"] = CONNECT_SECONDS
    elif pooled:
        arguments |= {"timeout": CONNECT_SECONDS, **_UNNAMED}
    else:
        arguments |= {"timeout": CONNECT_SECONDS, "server_settings": POSTGRES_SETTINGS}
    engine = create_async_engine(
        url, isolation_level="READ COMMITTED", connect_args=arguments, **_POOL
    )
    event.listen(engine.sync_engine, "handle_error", _leave_what_takes_no_writes)
    if pooled:
        event.listen(engine.sync_engine, "begin", _set_locally)
    return engine


async def is_pooled(url: URL) -> bool:
    """Whether a pooler stands before PostgreSQL: it refuses or drops settings made at connect.

    Uses no named statements: they would stay in a session that other clients get as well.
    """
    if url.get_backend_name() != "postgresql":
        return False
    url, arguments = take_encryption(url)
    arguments |= {"timeout": CONNECT_SECONDS, "server_settings": POSTGRES_SETTINGS, **_UNNAMED}
    engine = create_async_engine(url, connect_args=arguments, poolclass=NullPool)
    name, wanted = next(iter(POSTGRES_SETTINGS.items()))
    try:
        async with asyncio.timeout(CONNECT_SECONDS + POOL_WAIT_SECONDS), engine.connect() as asked:
            return (await asked.execute(text(f"SHOW {name}"))).scalar() != wanted
    except Exception as error:
        if "unsupported startup parameter" in explain(error):
            return True
        raise
    finally:
        await engine.dispose()


def _sqlite_engine(url: URL, existing: bool) -> AsyncEngine:
    path = sqlite_path(url)
    if not path.parent.is_dir():
        raise LedgerUnavailable(f"no directory for {url.database}")
    query = {**url.query, "mode": "rw" if existing else "rwc", "uri": "true"}
    engine = create_async_engine(url.set(database=f"file:{quote(str(path))}", query=query), **_POOL)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_immediately)
    event.listen(engine.sync_engine, "invalidate", _roll_back_first)
    return engine


def _leave_what_takes_no_writes(context: ExceptionContext) -> None:
    """Drops all connections to a server that has become read-only: after a failover the next
    connection to the same name may reach the new primary.
    """
    if is_read_only(context.original_exception):
        context.is_disconnect = True


def _set_locally(connection: Connection) -> None:
    connection.exec_driver_sql(_SET_LOCALLY)


def _begin_immediately(connection: Connection) -> None:
    """Begins a transaction for writing; SQLAlchemy calls it for readers too, which need none."""
    if not connection.get_execution_options().get("reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _roll_back_first(
    connection: DBAPIConnection, _record: ConnectionPoolEntry, _cause: BaseException | None
) -> None:
    """Rolls back before a connection is closed, to release the write lock.

    A task that is cancelled inside a statement leaves a cursor in its traceback. SQLite ends a
    connection and its transaction only when the last of its statements is gone, so closing alone
    would keep every writer out until the garbage collector runs. A second cancellation here is
    ignored: the first is already being raised.
    """
    with suppress(asyncio.CancelledError, Exception):
        connection.rollback()


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Turns off the driver's own late and deferred BEGIN, then sets up the connection."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for setting in _SQLITE_SETTINGS:
        cursor.execute(setting)
    cursor.close()
