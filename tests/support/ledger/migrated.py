"""Ledgers whose schema is there already, as a service that has run before leaves them.

To migrate a fresh one costs a service a fifth of the processor time of its start, and there are
hundreds of them; tests of the ledger would spend most of their time on it. Each is a copy of one
that migrations have made. That they make the schema of the code is tested in `tests/ledger/`.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import uvloop
from support.services import (
    Server,
    create_mariadb_database,
    create_postgres_database,
    dump_mariadb_database,
)

from holdfast_ledger import Ledger


def write_migrated(path: Path) -> None:
    """Writes a SQLite ledger without any sale; `path` must not exist."""
    with path.open("xb") as file:
        file.write(_migrated_file())
    path.chmod(0o600)


def create_migrated_in_postgres(server: Server) -> str:
    """The URL of a new database with a ledger without any sale."""
    return create_postgres_database(server, template=_migrated_in_postgres(server))


def create_migrated_in_mariadb(server: Server) -> str:
    """The URL of a new database with a ledger without any sale."""
    return create_mariadb_database(server, script=_script_of_mariadb(server))


@cache
def _migrated_file() -> bytes:
    """The file, made once in a process."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ledger.sqlite3"
        _migrate(f"sqlite:///{path}")
        return path.read_bytes()


@cache
def _migrated_in_postgres(server: Server) -> str:
    """The name of a database that nobody is connected to: it can be copied."""
    url = create_postgres_database(server)
    _migrate(url)
    return url.rpartition("/")[2]


@cache
def _script_of_mariadb(server: Server) -> str:
    """The SQL that makes a migrated database of an empty one."""
    url = create_mariadb_database(server)
    _migrate(url)
    return dump_mariadb_database(server, url)


def _migrate(url: str) -> None:
    """Migrates a ledger in a thread, since the caller's may run a loop."""

    async def migrate() -> None:
        ledger = await Ledger.open(url)
        await ledger.migrate()
        await ledger.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(uvloop.run, migrate()).result()
