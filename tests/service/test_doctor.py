"""The doctor before real servers: bad settings are named with what to change, good ones pass."""

import asyncio
import json
import re
import resource
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from running_service import Service, StartService
from sqlalchemy import text
from store_servers import CLUSTERED, PLAIN, MakeServer, servers_in

from holdfast.cli import main
from holdfast.config import Config
from holdfast.doctor import Finding, Level, examine
from holdfast.doctor.findings import Area
from holdfast.doctor.host import examine_host, judge_open_files, judge_public_url
from holdfast.doctor.ledger import judge_mysql, judge_postgresql, judge_sqlite, judge_use
from holdfast.doctor.store import judge_server
from holdfast.doctor.store_versions import READ_ON, judge_version
from holdfast_inventory.ledger import Ledger
from holdfast_inventory.ledger.database import Database
from holdfast_lua.connect import StoreInfo, inspect_store

AREA = Area("test")
ADVICE = re.compile(r"(CONFIG SET [\w-]+ \w+), and in its file")
GOSSIP_SECONDS = 20.0
SAFE = (*PLAIN[:2], "--appendonly", "yes", "--appendfsync", "everysec")


def judged(findings: list[Finding], area: str) -> dict[str, Level]:
    """The level of each check of an area; a check is there once."""
    found = [finding for finding in findings if finding.area == area]
    levels = {finding.check: finding.level for finding in found}
    assert len(levels) == len(found)
    return levels


def worse(levels: Mapping[str, Level]) -> dict[str, Level]:
    """What is not ok."""
    return {check: level for check, level in levels.items() if level is not Level.OK}


async def look(
    tmp_path: Path,
    area: str,
    *,
    store_url: str | None = None,
    ledger_url: str | None = None,
    secret: str | None = None,
) -> dict[str, Level]:
    """The levels of one area under these settings."""
    config = Config(data_dir=tmp_path, store_url=store_url, ledger_url=ledger_url, secret=secret)
    return judged(await examine(config), area)


async def until_one(url: str, condition: Callable[[StoreInfo], bool]) -> None:
    """Waits for what real servers tell each other."""
    async with asyncio.timeout(GOSSIP_SECONDS):
        while True:
            (info,) = await inspect_store(url)
            if condition(info):
                return
            await asyncio.sleep(0.02)


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    (tmp_path / "servers").mkdir()
    with servers_in(tmp_path / "servers") as make:
        yield make


# -- the command -------------------------------------------------------------------------------


def test_fresh_machine_has_no_problem_and_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    result = CliRunner().invoke(main, ["doctor", "--data-dir", str(data)])
    assert result.exit_code == 0, result.output
    assert "warning  reachable     the embedded store is not running" in result.output
    assert "-> run `holdfast serve` and look again" in result.output
    assert "\n0 problems, " in result.output
    assert not data.exists()


def test_running_service_is_well(start_service: StartService) -> None:
    service: Service = start_service()
    arguments = ["doctor", "--json", "--data-dir", str(service.data_dir)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    found = {(line["area"], line["check"]): line for line in report["findings"]}
    assert sum(report["counts"].values()) == len(found)
    limit = found["host", "open_files"]["found"]  # whatever it is here
    assert limit.endswith("(of the running service)")
    assert {key for key, line in found.items() if line["level"] != "ok"} <= {("host", "open_files")}
    assert found["store", "appendonly"]["subject"] == "embedded"
    assert found["store", "appendfsync"]["found"] == "everysec"
    assert found["ledger", "synchronous"]["found"] == "FULL"
    assert found["ledger", "migrations"]["level"] == "ok"
    assert found["host", "secret"]["found"].endswith("mode 0600")


def test_problem_ends_the_command_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    environ = {"HOLDFAST_STORE_URL": "redis://me:s3cret@127.0.0.1:1", "HOLDFAST_SECRET": "x" * 32}
    result = CliRunner().invoke(main, ["doctor", "--data-dir", str(tmp_path)], env=environ)
    assert result.exit_code == 1
    assert "-> start it, or correct HOLDFAST_STORE_URL" in result.output
    assert "s3cret" not in result.output


# -- the store ---------------------------------------------------------------------------------


async def test_good_store_is_well(tmp_path: Path, store_url: str) -> None:
    levels = await look(tmp_path, "store", store_url=store_url)
    assert worse(levels) == {}
    assert {"version", "role", "appendonly", "appendfsync", "maxmemory-policy", "clock"} <= {
        *levels
    }


async def test_what_to_change_is_what_makes_it_well(
    tmp_path: Path, make_server: MakeServer
) -> None:
    """Whoever types what the report says, and nothing else, has a store without a complaint."""
    server = make_server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", *PLAIN)
    for wrong in (("appendfsync", "no"), ("min-replicas-to-write", "1")):
        await server.ask("CONFIG", "SET", *wrong)
    config = Config(data_dir=tmp_path, store_url=server.url, secret="x" * 32)
    followed = set()
    for _ in range(3):  # appendfsync counts only once there is a file to sync
        for finding in await examine(config):
            if finding.area == "store" and (command := ADVICE.search(finding.change)):
                await server.ask(*command[1].split())
                followed.add(finding.check)
    assert worse(await look(tmp_path, "store", store_url=server.url)) == {}
    assert followed == {"appendonly", "appendfsync", "maxmemory-policy", "min-replicas-to-write"}


async def test_store_that_forgets_is_a_problem(tmp_path: Path, make_server: MakeServer) -> None:
    server = make_server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", *PLAIN)
    forgetful = {"appendonly": Level.PROBLEM, "maxmemory-policy": Level.PROBLEM}
    assert worse(await look(tmp_path, "store", store_url=server.url)) == forgetful
    # without a limit nothing is evicted yet, and a file that nobody syncs is half a promise
    for name, value in (("maxmemory", "0"), ("appendonly", "yes"), ("appendfsync", "no")):
        await server.ask("CONFIG", "SET", name, value)
    careless = {"appendfsync": Level.WARNING, "maxmemory-policy": Level.WARNING}
    assert worse(await look(tmp_path, "store", store_url=server.url)) == careless


async def test_replicas_want_a_master_that_waits_for_them(
    tmp_path: Path, make_server: MakeServer
) -> None:
    master, replica = make_server(*SAFE), make_server(*SAFE)
    await replica.ask("REPLICAOF", "127.0.0.1", master.port)
    await until_one(master.url, lambda info: info.replicas == 1)
    check = "min-replicas-to-write"
    for wanted, level in ((0, Level.WARNING), (1, Level.OK), (2, Level.PROBLEM)):
        await master.ask("CONFIG", "SET", check, wanted)
        assert (await look(tmp_path, "store", store_url=master.url))[check] is level
    levels = await look(tmp_path, "store", store_url=replica.url)
    assert levels["role"] is Level.PROBLEM


async def test_cluster_with_unserved_slots_is_a_problem(
    tmp_path: Path, make_server: MakeServer
) -> None:
    server = make_server(*CLUSTERED)
    url = f"redis+cluster://{server.address}"
    assert await look(tmp_path, "store", store_url=url) == {"slots": Level.PROBLEM}
    await server.ask("CLUSTER", "ADDSLOTSRANGE", 0, 9999)
    levels = await look(tmp_path, "store", store_url=url)
    assert (levels["slots"], levels["role"]) == (Level.PROBLEM, Level.PROBLEM)
    await server.ask("CLUSTER", "ADDSLOTSRANGE", 10_000, 16_383)
    await until_one(url, lambda info: info.cluster_healthy)
    levels = await look(tmp_path, "store", store_url=url)
    assert (levels["slots"], levels["role"]) == (Level.OK, Level.OK)
    # the same server, taken for one that stands alone
    assert (await look(tmp_path, "store", store_url=server.url))["role"] is Level.PROBLEM


async def test_sentinels_without_quorum_are_a_problem(
    tmp_path: Path, make_server: MakeServer
) -> None:
    master, sentinel = make_server(*SAFE), make_server("sentinel.conf", "--sentinel")
    watch = ("SENTINEL", "MONITOR", "mymaster", "127.0.0.1", master.port)
    await sentinel.ask(*watch, 1)
    url = f"redis+sentinel://127.0.0.1:1,{sentinel.address}/mymaster"
    found = await examine(Config(data_dir=tmp_path, store_url=url))
    around = [(one.check, one.level) for one in found if one.subject.startswith("sentinel ")]
    assert around == [("reachable", Level.WARNING), ("quorum", Level.OK)]
    await sentinel.ask("SENTINEL", "SET", "mymaster", "quorum", 2)
    found = await examine(Config(data_dir=tmp_path, store_url=url))
    assert [one.level for one in found if one.check == "quorum"] == [Level.PROBLEM]


async def test_hidden_settings_are_not_taken_for_good_ones(
    tmp_path: Path, make_server: MakeServer
) -> None:
    server = make_server(*SAFE)
    limited = ("ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-config")
    await server.ask(*limited)
    levels = await look(tmp_path, "store", store_url=f"redis://limited:pw@{server.address}")
    unknown = {"appendfsync": Level.WARNING, "min-replicas-to-write": Level.WARNING}
    assert worse(levels) == unknown


@pytest.mark.parametrize(
    ("ahead_ms", "level"),
    [(0, Level.OK), (900, Level.OK), (-5_000, Level.WARNING), (30_000, Level.PROBLEM)],
)
async def test_clocks_that_differ(store_url: str, ahead_ms: int, level: Level) -> None:
    (info,) = await inspect_store(store_url)
    assert abs(info.clock_ahead_ms) <= info.clock_doubt_ms + 1  # one clock, seen twice
    off = replace(info, clock_ahead_ms=ahead_ms, clock_doubt_ms=2)
    assert judged(list(judge_server(off)), "store")["clock"] is level


async def test_failing_append_only_file_is_a_problem(store_url: str) -> None:
    (info,) = await inspect_store(store_url)
    assert not info.aof_failing
    levels = judged(list(judge_server(replace(info, aof_failing=True))), "store")
    assert levels["appendonly"] is Level.PROBLEM


@pytest.mark.parametrize(
    ("server", "version", "level"),
    [
        ("redis", (6, 2, 20), Level.PROBLEM),
        ("redis", (7, 0, 15), Level.WARNING),
        ("redis", (7, 2, 10), Level.WARNING),
        ("redis", (7, 2, 11), Level.OK),
        ("redis", (9, 0, 0), Level.OK),
        ("valkey", (7, 1, 9), Level.PROBLEM),
        ("valkey", (8, 0, 6), Level.WARNING),
        ("valkey", (9, 1, 2), Level.OK),
        ("valkey", (9, 1), Level.WARNING),
    ],
)
def test_builds_with_known_holes(server: str, version: tuple[int, ...], level: Level) -> None:
    assert judge_version(AREA, server, version).level is level


def test_what_is_said_of_a_version_names_the_day_of_the_table() -> None:
    for version, words in (
        ((8, 6, 2), "install 8.6.3 or newer"),
        ((8, 6, 3), "has the security fixes known"),
        ((9, 0, 0), "a series of which nothing was known"),
        ((8, 1, 9), "a series of which nothing was known"),
    ):
        finding = judge_version(AREA, "redis", version)
        assert words in finding.means + finding.change
        assert READ_ON in finding.means + finding.change
    assert date.fromisoformat(READ_ON) <= datetime.now(UTC).date()


# -- the ledger --------------------------------------------------------------------------------


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


async def test_schema_of_a_newer_version_is_a_problem(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    await migrated(url)
    await execute(url, "UPDATE alembic_version SET version_num = '9999'")
    levels = await look(tmp_path, "ledger", ledger_url=url)
    assert worse(levels) == {"migrations": Level.PROBLEM}


async def test_ledger_without_a_place_is_a_problem(tmp_path: Path) -> None:
    for url in ("sqlite:////no/such/place/ledger", "oracle://x", "postgresql://a:s3cret@[", "x"):
        (finding,) = [
            finding
            for finding in await examine(Config(data_dir=tmp_path, ledger_url=url))
            if finding.area == "ledger"
        ]
        assert finding.level is Level.PROBLEM
        assert "s3cret" not in str(finding.as_dict())


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
    assert "s3cret" not in str(finding.as_dict())


# -- the host ----------------------------------------------------------------------------------


@pytest.fixture
def private(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.mark.parametrize("name", ["secret", "operator.key"])
def test_secret_that_others_can_read_is_a_problem(private: Path, name: str) -> None:
    path = private / name
    path.write_text("a" * 40)
    path.chmod(0o640)
    files = {"data_dir", "secret", "operator_key"}
    levels = judged(examine_host(Config(data_dir=private)), "host")
    assert worse(levels).keys() & files == {name.replace(".", "_")}
    path.chmod(0o600)
    private.chmod(0o755)
    levels = judged(examine_host(Config(data_dir=private)), "host")
    assert worse(levels).keys() & files == {"data_dir"}


def test_second_node_needs_the_same_secret(private: Path) -> None:
    shared = Config(data_dir=private, store_url="redis://store.example")
    assert judged(examine_host(shared), "host")["secret"] is Level.WARNING
    shared = replace(shared, secret="x" * 32)
    assert judged(examine_host(shared), "host")["secret"] is Level.OK


@pytest.mark.parametrize(
    ("host", "public_url", "level"),
    [
        ("127.0.0.1", None, Level.OK),
        ("::1", None, Level.OK),
        ("localhost", None, Level.OK),
        ("0.0.0.0", None, Level.PROBLEM),  # noqa: S104 - only judged
        ("127.0.0.1", "http://wait.example", Level.WARNING),
        ("0.0.0.0", "http://127.0.0.1:8080", Level.OK),  # noqa: S104 - only judged
        ("0.0.0.0", "https://wait.example", Level.OK),  # noqa: S104 - only judged
    ],
)
def test_where_visitors_are_sent(host: str, public_url: str | None, level: Level) -> None:
    assert judge_public_url(host, public_url).level is level


def test_few_open_files_are_a_problem(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "holdfast", "doctor", "--json", "--data-dir", str(tmp_path)]
    limited = ["sh", "-c", 'ulimit -n 512 && exec "$@"', "sh", *command]
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = [
        line for line in json.loads(done.stdout)["findings"] if line["check"] == "open_files"
    ]
    assert (line["level"], line["found"]) == ("problem", "512 (of this shell)")


@pytest.mark.parametrize(
    ("limit", "level"),
    [(4_096, Level.WARNING), (65_536, Level.OK), (resource.RLIM_INFINITY, Level.OK)],
)
def test_open_file_limits(limit: int, level: Level) -> None:
    assert judge_open_files(limit, "of this test").level is level
