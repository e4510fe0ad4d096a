"""Checks the ledger: whether commits are durable, and whether its schema is this version's.

Asked over the service's own connections, since SQLite's settings are made at each connect, and the
isolation by the engine. A SQLite file that does not exist is not created.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.config import Config
from holdfast.data_files import ledger_url_in
from holdfast.doctor.findings import Finding, FindingBuilder
from holdfast_ledger.database.data_version import READS, incompatibility
from holdfast_ledger.database.database import Database
from holdfast_ledger.database.engines import CONNECTIONS_MAX
from holdfast_ledger.database.ledger_url import ledger_url
from holdfast_ledger.database.migrating import SchemaState, schema_state
from holdfast_ledger.errors import explain

Settings = Mapping[str, str]

_SYNCHRONOUS = {"0": "OFF", "1": "NORMAL", "2": "FULL", "3": "EXTRA"}
_POSTGRESQL = (
    *("server_version", "synchronous_commit", "fsync", "full_page_writes"),
    *("transaction_isolation", "transaction_read_only", "max_connections"),
)
_MYSQL = (
    *("version", "innodb_flush_log_at_trx_commit", "innodb_doublewrite", "log_bin", "sync_binlog"),
    *("transaction_isolation", "tx_isolation", "read_only", "max_connections"),
)
_RELOAD = ", then SELECT pg_reload_conf()"
_LOST_ORDER = "a crash can lose an order that was already confirmed to the buyer"


async def examine_ledger(config: Config) -> list[Finding]:
    """The findings about the configured ledger, or the SQLite file of the data directory."""
    url = config.ledger_url or ledger_url_in(config.data_dir)
    try:
        subject = ledger_url(url).get_backend_name()
        missing = _missing_file(url)
        if missing is not None:
            return [_judge_missing(FindingBuilder("ledger", subject), missing, config)]
        database = Database(url)
    except Exception as error:  # each database and driver has its own way to refuse a URL
        change = "correct HOLDFAST_LEDGER_URL, or install the extra that its database needs"
        means = "the service cannot start"
        return [FindingBuilder("ledger").problem("url", explain(error), means, change)]
    try:
        workers = sum(group.workers for group in config.groups())
        return await _ask(FindingBuilder("ledger", subject), database, workers)
    finally:
        await database.close()


def _missing_file(url: str) -> Path | None:
    """The SQLite file if it does not exist yet: connecting would create it."""
    parsed = ledger_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    path = Path(parsed.database).absolute()
    return None if path.is_file() else path


def _judge_missing(area: FindingBuilder, path: Path, config: Config) -> Finding:
    if config.ledger_url is None or path.parent.is_dir():
        return area.ok("reachable", f"{path} does not exist yet", "made at the first start")
    means = "the service cannot start: it makes its data directory, and no other"
    return area.problem("reachable", f"no directory {path.parent}", means, "make it")


async def _ask(area: FindingBuilder, database: Database, workers: int) -> list[Finding]:
    try:
        await database.ping()
        settings = await _settings(database)
        schema = await schema_state(database)
    except Exception as error:  # a refused password has another class in each driver
        means = "no order can be confirmed"
        change = "start it, or correct HOLDFAST_LEDGER_URL"
        return [area.problem("reachable", explain(error), means, change)]
    judge = {"sqlite": judge_sqlite, "postgresql": judge_postgresql}.get(area.subject, judge_mysql)
    return [
        area.ok("reachable", settings.get("version", "answers")),
        *judge_use(area, settings, workers),
        *judge(area, settings),
        judge_schema(area, schema),
    ]


async def _settings(database: Database) -> Settings:
    """The database's settings by name, as the service's transactions see them."""
    if database.family == "sqlite":
        async with database.reading() as connection:  # a transaction would lock the writer out
            return await _sqlite_settings(connection)
    async with database.transaction() as connection:
        if database.family == "postgresql":
            return await _postgresql_settings(connection)
        return await _mysql_settings(connection)


async def _sqlite_settings(connection: AsyncConnection) -> Settings:
    version = await connection.scalar(text("SELECT sqlite_version()"))
    names = ("journal_mode", "synchronous")
    found = {name: str(await connection.scalar(text(f"PRAGMA {name}"))) for name in names}
    return {**found, "version": f"SQLite {version}"}


async def _postgresql_settings(connection: AsyncConnection) -> Settings:
    found = {name: str(await connection.scalar(text(f"SHOW {name}"))) for name in _POSTGRESQL}
    isolation, read_only = found.pop("transaction_isolation"), found.pop("transaction_read_only")
    return {
        **found,
        "read_only": read_only,
        "version": f"PostgreSQL {found['server_version']}",
        "isolation": isolation,
    }


async def _mysql_settings(connection: AsyncConnection) -> Settings:
    names = ", ".join(f"'{name}'" for name in _MYSQL)
    rows = await connection.execute(text(f"SHOW VARIABLES WHERE variable_name IN ({names})"))
    found = {str(name).lower(): str(value) for name, value in rows}
    # MariaDB knew it by the short name only, MySQL knows it by the long one only.
    isolation = found.get("transaction_isolation") or found.get("tx_isolation", "")
    tables = await connection.execute(
        text(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND engine <> 'InnoDB'"
        )
    )
    others = ", ".join(sorted(str(name) for (name,) in tables))
    return {**found, "isolation": isolation.lower().replace("-", " "), "not_innodb": others}


def judge_use(area: FindingBuilder, settings: Settings, workers: int) -> Iterator[Finding]:
    """Whether a server allows writes and enough connections; a file always does."""
    read_only = settings.get("read_only")
    if read_only is not None and read_only.lower() not in ("off", "0"):
        means = "it refuses every write, as a standby does: the service cannot start"
        change = "name the primary in HOLDFAST_LEDGER_URL, or let it take writes"
        yield area.problem("read_only", read_only, means, change)
    if "max_connections" not in settings:
        return
    most, wanted = int(settings["max_connections"]), workers * CONNECTIONS_MAX
    found = f"{most}; this host's workers ({workers}) take up to {wanted}"
    if wanted >= most:
        means = "in a rush the database turns workers away, and confirms answer 503"
        change = f"raise it above {wanted} for each host of the service, or run fewer workers"
        yield area.warning("max_connections", found, means, change)
    else:
        yield area.ok("max_connections", found)


def judge_sqlite(area: FindingBuilder, settings: Settings) -> Iterator[Finding]:
    """Whether the file is in write-ahead mode and synced at each commit."""
    journal = settings["journal_mode"]
    if journal == "wal":
        yield area.ok("journal_mode", journal, "readers never wait for the writer")
    else:
        means = "this file system cannot do write-ahead logging: workers will block each other"
        yield area.problem("journal_mode", journal, means, "put it on a local disk, not a share")
    level = _SYNCHRONOUS.get(settings["synchronous"], settings["synchronous"])
    if level in ("FULL", "EXTRA"):
        yield area.ok("synchronous", level, "a commit survives a power cut")
    else:
        yield area.problem("synchronous", level, _LOST_ORDER, "SQLite must be built to sync")


def judge_postgresql(area: FindingBuilder, settings: Settings) -> Iterator[Finding]:
    """Whether a commit waits until it is on disk."""
    yield _isolation(area, settings["isolation"])
    commit = settings["synchronous_commit"]
    if commit == "off":
        change = f"ALTER SYSTEM SET synchronous_commit = on{_RELOAD}; role and database may differ"
        yield area.problem("synchronous_commit", commit, _LOST_ORDER, change)
    else:
        yield area.ok("synchronous_commit", commit, "a commit waits for the disk")
    for name in ("fsync", "full_page_writes"):
        if settings[name] == "on":
            yield area.ok(name, "on")
        else:
            means = "a power cut can leave the whole database unreadable"
            yield area.problem(
                name, settings[name], means, f"ALTER SYSTEM SET {name} = on{_RELOAD}"
            )


def judge_mysql(area: FindingBuilder, settings: Settings) -> Iterator[Finding]:
    """Whether a commit waits until it is on disk, and whether the tables are transactional."""
    yield _isolation(area, settings["isolation"])
    name = "innodb_flush_log_at_trx_commit"
    if settings.get(name) == "1":
        yield area.ok(name, "1", "a commit waits for the disk")
    else:
        change = f"SET GLOBAL {name} = 1, and in the server's file"
        yield area.problem(name, settings.get(name, "unknown"), _LOST_ORDER, change)
    double = settings.get("innodb_doublewrite", "ON")
    if double.upper() in ("ON", "1"):
        yield area.ok("innodb_doublewrite", double)
    else:
        means = "a page half written at a power cut cannot be repaired"
        yield area.warning("innodb_doublewrite", double, means, "turn it on in the server's file")
    if settings.get("log_bin") in ("ON", "1") and settings.get("sync_binlog") != "1":
        means = "after a crash a replica may lack orders that this server has"
        yield area.warning(
            "sync_binlog", settings.get("sync_binlog", ""), means, "SET GLOBAL sync_binlog = 1"
        )
    if settings.get("not_innodb"):
        means = "these tables have no transactions: an oversell becomes possible"
        change = "ALTER TABLE ... ENGINE = InnoDB"
        yield area.problem("engine", settings["not_innodb"], means, change)


def _isolation(area: FindingBuilder, found: str) -> Finding:
    if found == "read committed":
        return area.ok("isolation", found)
    means = "every decision locks its rows at READ COMMITTED; more locks more, less sees too much"
    change = "a proxy or the server overrides what the service asks for: let it pass"
    return area.problem("isolation", found or "unknown", means, change)


def judge_schema(area: FindingBuilder, state: SchemaState) -> Finding:
    """Whether the migrations of this version have run, and it works with the data."""
    if state.current is None:
        return area.ok("migrations", "no schema yet", "made at the first start")
    if state.data_version is not None and state.data_version not in READS:
        means = "the service cannot start"
        change = incompatibility(state.data_version)
        return area.problem("data_version", str(state.data_version), means, change)
    if state.is_current:
        return area.ok("migrations", state.current)
    if state.known:
        means = "the service migrates when it starts; one that runs is of an older version"
        found = f"{state.current}, wanted {state.head}"
        return area.warning("migrations", found, means, "back it up, then restart the service")
    return area.ok("migrations", state.current, "expanded by a later version, for this one as well")
