"""The databases that benchmarks write to: one that is given, or one started for the occasion.

Started ones are durable, as a ledger must be: a commit waits for the disk. They listen on a free
port, live in a directory of their own, and are gone at the end (see `services` beside the tests).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.kit.service import Service, running_service
from holdfast_ledger import Ledger
from holdfast_ledger.database.ledger_url import ledger_url

DATABASES = ("postgresql", "mariadb", "sqlite")
TESTS = Path(__file__).parents[3] / "tests"


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Ledger]:
    """The ledger with its schema."""
    ledger = await Ledger.open(url)
    try:
        await ledger.migrate()
        yield ledger
    finally:
        await ledger.close()


@dataclass(frozen=True)
class Served:
    """A database, and the server's process when it is ours."""

    url: str
    pid: int = 0


@contextmanager
def database(url: str | None, family: str = "postgresql") -> Iterator[Served]:
    """The given database, or one of that kind that lives as long as the benchmark."""
    sys.path.insert(0, str(TESTS))
    from support import services  # beside the tests, since a benchmark is run from a checkout

    if url is not None:
        yield Served(ledger_url(url).render_as_string(hide_password=False))
    elif family == "postgresql":
        with services.postgresql(durable=True) as server:
            yield Served(services.create_postgres_database(server), server.process.pid)
    elif family == "mariadb":
        with services.mariadb(in_memory=False) as server:
            url = services.create_mariadb_database(server)
            asyncio.run(_make_durable(url))
            yield Served(url, server.process.pid)
    else:
        with tempfile.TemporaryDirectory() as directory:
            yield Served(f"sqlite:///{directory}/ledger.db")


@contextmanager
def with_postgresql(sale: Mapping[str, Any] | None) -> Iterator[tuple[Service, int]]:
    """A service whose ledger is a PostgreSQL of its own, and that server's process id."""
    with (
        database(None) as ledger,
        running_service(sale, settings={"HOLDFAST_LEDGER_URL": ledger.url}) as service,
    ):
        yield service, ledger.pid


async def _make_durable(url: str) -> None:
    """The tests' MariaDB does not flush; one that sells must."""
    ledger = await Ledger.open(url)
    async with ledger.database.writing() as connection:
        await connection.execute(text("SET GLOBAL innodb_flush_log_at_trx_commit = 1"))
    await ledger.close()
