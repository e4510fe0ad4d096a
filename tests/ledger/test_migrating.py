"""The schema that migrations make is the schema that the code uses, whoever runs them and when."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from support.crashes.forkserver import FORKSERVER
from support.ledger.orders import OpenLedger

from holdfast_ledger import Ledger, LedgerUnavailable
from holdfast_ledger.database.ledger_url import ledger_url
from holdfast_ledger.database.migrating import alembic_config, revisions
from holdfast_ledger.database.schema import metadata

PROCESSES = 4
START = """
import asyncio, sys
from holdfast_ledger import Ledger

async def run() -> None:
    ledger = await Ledger.open(sys.argv[1])
    await ledger.migrate()
    await ledger.close()

asyncio.run(run())
print("alembic" in sys.modules)
"""


def migrate_in_process(url: str) -> None:
    """What a starting process does."""

    async def run() -> None:
        ledger = await Ledger.open(url)
        await ledger.migrate()
        await ledger.close()

    uvloop.run(run())


def differences(connection: Connection) -> list[object]:
    """What Alembic would have to do to turn the database into `metadata`."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_migrations_make_the_schema_of_the_code(open_ledger: OpenLedger) -> None:
    """Catches a column or index that was added in one place only."""
    ledger = await open_ledger()
    await ledger.migrate()
    async with ledger.database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_again_changes_nothing(ledger: Ledger) -> None:
    await ledger.migrate()
    async with ledger.database.engine.connect() as connection:
        version = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        scripts = ScriptDirectory.from_config(await connection.run_sync(alembic_config))
    assert version == scripts.get_current_head()


async def test_revisions_are_those_of_alembic(ledger: Ledger) -> None:
    """Catches a migration whose file has another number than it says, or whose order is another."""
    async with ledger.database.engine.connect() as connection:
        scripts = ScriptDirectory.from_config(await connection.run_sync(alembic_config))
    assert [script.revision for script in scripts.walk_revisions()] == revisions()[::-1]


def test_alembic_is_imported_only_where_something_is_left_to_migrate(tmp_path: Path) -> None:
    """It is a quarter of what a start costs."""
    start = [sys.executable, "-c", START, f"sqlite:///{tmp_path / 'ledger.db'}"]
    imported = [subprocess.run(start, check=True, capture_output=True).stdout for _ in range(2)]
    assert imported == [b"True\n", b"False\n"]


async def test_processes_that_start_together_migrate_once(ledger_url: str) -> None:
    """Catches a migration without a lock: two would create the same table."""
    started = [
        FORKSERVER.Process(target=migrate_in_process, args=(ledger_url,)) for _ in range(PROCESSES)
    ]
    for process in started:
        process.start()
    for process in started:
        await asyncio.to_thread(process.join, 60)
    assert [process.exitcode for process in started] == [0] * PROCESSES


async def test_partial_index_covers_only_orders_that_are_due(ledger: Ledger) -> None:
    if ledger.database.family in ("mysql", "mariadb"):
        pytest.skip("MySQL has no partial indexes")
    async with ledger.database.engine.connect() as connection:
        indexes = await connection.run_sync(lambda c: inspect(c).get_indexes("orders"))
    due = next(index for index in indexes if index["name"] == "ix_orders_due")
    where = due["dialect_options"][f"{ledger.database.family}_where"]
    assert "due_ms IS NOT NULL" in str(where)


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:////data/ledger.db", "sqlite+aiosqlite"),
        ("postgresql://u:p@db/x", "postgresql+asyncpg"),
        ("postgres://u:p@db/x", "postgresql+asyncpg"),
        ("mysql://u:p@db/x", "mysql+aiomysql"),
        ("mysql+pymysql://u:p@db/x", "mysql+aiomysql"),
        ("mariadb://u:p@db/x", "mariadb+aiomysql"),
    ],
)
def test_url_gets_the_driver_that_this_service_uses(given: str, driver: str) -> None:
    assert ledger_url(given).drivername == driver


def test_other_databases_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="oracle"):
        ledger_url("oracle://db")


async def test_ledger_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="file"):
        await Ledger.open("sqlite://")


async def test_ledger_without_its_directory_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable):
        await Ledger.open(f"sqlite:///{tmp_path}/missing/ledger.db")


async def test_sqlite_is_durable_and_lets_readers_go_on(tmp_path: Path) -> None:
    """Catches a ledger that answers before the disk has it."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    async with ledger.database.engine.connect() as connection:
        assert await connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert await connection.scalar(text("PRAGMA synchronous")) == 2
        assert await connection.scalar(text("PRAGMA foreign_keys")) == 1
    await ledger.close()
