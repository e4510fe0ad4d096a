"""Brings the schema up to date when the service starts, if this release works with its data.

A schema that a later release has expanded stays as it is: what it added is not used here.

The migrations are part of the package, so an installed wheel needs no checkout. Several processes
may start at once: the first migrates, the others wait and find nothing to do. They wait for a lock
of the database itself: SQLite's BEGIN IMMEDIATE, an advisory lock of PostgreSQL that ends with the
transaction, a named lock of MySQL (whose DDL commits by itself, so a migration that breaks off
there is repaired by hand; the other two roll back whole).

Alembic is imported only where something is left to migrate: it is a quarter of the processor time
that the service needs to start.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.database.data_version import read_version, require_compatible
from holdfast_ledger.database.database import Database
from holdfast_ledger.errors import LedgerUnavailable, translated

if TYPE_CHECKING:
    from alembic.config import Config

LOCK_WAIT_SECONDS = 60
_LOCK_NAME = "holdfast_migration"
_LOCK_NUMBER = 0x686F6C64  # "hold"
_SCRIPTS = Path(__file__).parent / "migrations"
_REVISIONS = _SCRIPTS / "versions"
_VERSION = table("alembic_version", column("version_num"))  # Alembic's own


async def migrate(database: Database) -> None:
    """Runs every migration that is missing."""
    with translated():
        async with database.engine.connect() as connection:
            await _lock(connection, database.family)
            try:
                await connection.run_sync(_upgrade)
                await connection.commit()  # before others may look how far the schema is
            finally:
                await _unlock(connection, database.family)


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The schema revision of a database, and the one that this version needs."""

    current: str | None
    head: str
    known: bool  # whether this version knows the current one
    data_version: int | None  # None where there is no ledger yet

    @property
    def is_current(self) -> bool:
        """Whether nothing is left to migrate."""
        return self.current == self.head


async def schema_state(database: Database) -> SchemaState:
    """Reads the revision of the schema and changes nothing."""
    async with database.reading() as connection:
        return await connection.run_sync(_state)


def revisions() -> list[str]:
    """All that this version knows, the last being the one it needs: the numbers with which the
    files of the migrations begin.
    """
    return sorted(path.name.partition("_")[0] for path in _REVISIONS.glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    """The schema's revision; None where nothing has been migrated."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.scalar(select(_VERSION.c.version_num))
    return found


def _state(connection: Connection) -> SchemaState:
    known, current = revisions(), _revision(connection)
    return SchemaState(current, known[-1], current in known, read_version(connection))


def alembic_config(connection: Connection) -> "Config":
    """Alembic's configuration, in code instead of an alembic.ini."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    state = _state(connection)
    require_compatible(state.data_version)
    if state.current is None or (state.known and not state.is_current):
        from alembic import command

        command.upgrade(alembic_config(connection), "head")


async def _lock(connection: AsyncConnection, family: str) -> None:
    if family == "postgresql":
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER}
        )
    elif family in ("mysql", "mariadb"):
        got = await connection.scalar(
            text("SELECT GET_LOCK(:name, :seconds)"),
            {"name": _LOCK_NAME, "seconds": LOCK_WAIT_SECONDS},
        )
        if got != 1:
            raise LedgerUnavailable("another process has been migrating for too long")


async def _unlock(connection: AsyncConnection, family: str) -> None:
    if family in ("mysql", "mariadb"):
        await connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK_NAME})
