"""Brings the schema up to date when the service starts.

The migrations are part of the package, so an installed wheel needs no checkout. Several processes
may start at once: the first migrates, the others wait and find nothing to do. They wait for a lock
of the database itself: SQLite's BEGIN IMMEDIATE, an advisory lock of PostgreSQL that ends with the
transaction, a named lock of MySQL (whose DDL commits by itself, so a migration that breaks off
there is repaired by hand; the other two roll back whole).
"""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.database.database import Database
from holdfast_ledger.errors import LedgerUnavailable, translated

LOCK_WAIT_SECONDS = 60
_LOCK_NAME = "holdfast_migration"
_LOCK_NUMBER = 0x686F6C64  # "hold"
_SCRIPTS = Path(__file__).parent / "migrations"


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

    @property
    def is_current(self) -> bool:
        """Whether nothing is left to migrate."""
        return self.current == self.head


async def schema_state(database: Database) -> SchemaState:
    """Reads the revision of the schema and changes nothing."""
    async with database.reading() as connection:
        return await connection.run_sync(_state)


def _state(connection: Connection) -> SchemaState:
    scripts = ScriptDirectory.from_config(alembic_config(connection))
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    return SchemaState(current, scripts.get_current_head() or "", current in known)


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration, in code instead of an alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
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
