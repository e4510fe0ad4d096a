"""The doctor before real databases: whether a commit is safe there, and whose schema it is."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from support.service.doctor_findings import AREA, judged, look, worse

from holdfast.config import Config
from holdfast.doctor import Level, examine
from holdfast.doctor.ledger import judge_mysql, judge_postgresql, judge_sqlite, judge_use
from holdfast_ledger import Ledger
from holdfast_ledger.database.database import Database


async def migrated(url: str) -> None:
    ledger = await Ledger.open(url)
    await ledger.migrate()
    await ledger.close()


async def execute(url: str, *statements: str) -> None:
    database = Database(url)
    async with database.writing() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await database.close()


async def test_sqlite_ledger_is_well_once_migrated(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    sqlite3.connect(path).close()
    path.touch()
    url = f"sqlite:///{path}"
    assert worse(await look(tmp_path, "ledger", ledger_url=url)) == {}
    await migrated(url)
    levels = await look(tmp_path, "ledger", ledger_url=url)
    assert {*levels} == {"reachable", "journal_mode", "synchronous", "migrations"}
    assert worse(levels) == {}


async def test_schema_that_a_later_version_has_expanded_is_well(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    await migrated(url)
    await execute(url, "UPDATE alembic_version SET version_num = '9999'")
    assert worse(await look(tmp_path, "ledger", ledger_url=url)) == {}


async def test_data_of_a_version_that_is_not_understood_is_a_problem(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    await migrated(url)
    await execute(url, "UPDATE data_version SET version = 1000")
    levels = await look(tmp_path, "ledger", ledger_url=url)
    assert worse(levels) == {"data_version": Level.PROBLEM}


async def test_ledger_without_a_place_is_a_problem(tmp_path: Path) -> None:
    for url in ("sqlite:////no/such/place/ledger", "oracle://x", "postgresql://a:s3cret@[", "x"):
        (finding,) = [
            finding
            for finding in await examine(Config(data_dir=tmp_path, ledger_url=url))
            if finding.area == "ledger"
        ]
        assert finding.level is Level.PROBLEM
        assert "s3cret" not in str(finding)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"journal_mode": "delete", "synchronous": "2"}, "journal_mode"),
        ({"journal_mode": "wal", "synchronous": "1"}, "synchronous"),
    ],
)
def test_sqlite_that_does_not_do_as_told(settings: dict[str, str], problem: str) -> None:
    assert worse(judged(list(judge_sqlite(AREA, settings)), "test")) == {problem: Level.PROBLEM}


async def test_postgresql_is_asked_what_a_commit_waits_for(
    tmp_path: Path, postgres_url: str
) -> None:
    await migrated(postgres_url)
    levels = await look(tmp_path, "ledger", ledger_url=postgres_url)
    assert (levels["isolation"], levels["migrations"]) == (Level.OK, Level.OK)
    # the tests' server runs without fsync, and is found out
    assert worse(levels) == {"fsync": Level.PROBLEM}
    name = postgres_url.rpartition("/")[2]
    await execute(postgres_url, f"ALTER DATABASE {name} SET synchronous_commit = off")
    levels = await look(tmp_path, "ledger", ledger_url=postgres_url)
    assert worse(levels) == {"fsync": Level.PROBLEM, "synchronous_commit": Level.PROBLEM}


async def test_postgresql_that_only_reads_or_turns_workers_away(
    tmp_path: Path, postgres_url: str
) -> None:
    await migrated(postgres_url)
    crowded = Config(data_dir=tmp_path, ledger_url=postgres_url, workers=50)
    findings = [one for one in await examine(crowded) if one.area == "ledger"]
    (finding,) = [one for one in findings if one.check == "max_connections"]
    assert (finding.level, finding.found) == (
        Level.WARNING,
        "100; this host's workers (50) take up to 750",
    )
    assert (await look(tmp_path, "ledger", ledger_url=postgres_url))["max_connections"] is Level.OK
    name = postgres_url.rpartition("/")[2]
    await execute(postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    levels = await look(tmp_path, "ledger", ledger_url=postgres_url)
    assert worse(levels) == {"fsync": Level.PROBLEM, "read_only": Level.PROBLEM}


def test_mysql_replica_is_no_place_for_a_ledger() -> None:
    found = [*judge_use(AREA, {"read_only": "ON", "max_connections": "151"}, 1)]
    assert worse(judged(found, "test")) == {"read_only": Level.PROBLEM}
    assert "name the primary" in found[0].change
    found = [*judge_use(AREA, {"read_only": "OFF", "max_connections": "16"}, 1)]
    assert worse(judged(found, "test")) == {}


def test_postgresql_as_it_should_be() -> None:
    good = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}
    settings = {**good, "isolation": "read committed"}
    assert worse(judged(list(judge_postgresql(AREA, settings)), "test")) == {}
    settings["isolation"] = "serializable"
    found = worse(judged(list(judge_postgresql(AREA, settings)), "test"))
    assert found == {"isolation": Level.PROBLEM}


@pytest.fixture
async def flushing_mariadb_url(mariadb_url: str) -> AsyncIterator[str]:
    """The tests' MariaDB, which does not flush, made to."""
    name = "innodb_flush_log_at_trx_commit"
    await execute(mariadb_url, f"SET GLOBAL {name} = 1")
    yield mariadb_url
    await execute(mariadb_url, f"SET GLOBAL {name} = 0")


async def test_mariadb_that_does_not_flush_is_a_problem(tmp_path: Path, mariadb_url: str) -> None:
    levels = await look(tmp_path, "ledger", ledger_url=mariadb_url)
    assert worse(levels) == {"innodb_flush_log_at_trx_commit": Level.PROBLEM}


async def test_mariadb_that_flushes_is_well(tmp_path: Path, flushing_mariadb_url: str) -> None:
    await migrated(flushing_mariadb_url)
    levels = await look(tmp_path, "ledger", ledger_url=flushing_mariadb_url)
    assert worse(levels) == {}
    assert levels["isolation"] is Level.OK
    await execute(flushing_mariadb_url, "CREATE TABLE loose (id INT) ENGINE = MyISAM")
    levels = await look(tmp_path, "ledger", ledger_url=flushing_mariadb_url)
    assert worse(levels) == {"engine": Level.PROBLEM}


def test_binary_log_must_be_synced_too() -> None:
    settings = {"innodb_flush_log_at_trx_commit": "1", "isolation": "read committed"}
    settings |= {"log_bin": "ON", "sync_binlog": "0"}
    found = worse(judged(list(judge_mysql(AREA, settings)), "test"))
    assert found == {"sync_binlog": Level.WARNING}


async def test_wrong_password_is_told_without_it(tmp_path: Path, mariadb_url: str) -> None:
    wrong = mariadb_url.replace("holdfast:holdfast@", "holdfast:s3cret@")
    found = await examine(Config(data_dir=tmp_path, ledger_url=wrong))
    (finding,) = [finding for finding in found if finding.area == "ledger"]
    assert (finding.check, finding.level) == ("reachable", Level.PROBLEM)
    assert "s3cret" not in str(finding)
