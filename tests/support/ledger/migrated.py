"""A SQLite ledger whose schema is there already, as a service that has run before leaves it.

To migrate a fresh one costs a service a fifth of the processor time of its start, and there are
hundreds of them. That migrations make the schema of the code is tested in `tests/ledger/`.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import uvloop

from holdfast_ledger import Ledger


def write_migrated(path: Path) -> None:
    """Writes such a ledger, without any sale; `path` must not exist."""
    with path.open("xb") as file:
        file.write(_migrated())
    path.chmod(0o600)


@cache
def _migrated() -> bytes:
    """The file, made once in a process; in a thread, since the caller's may run a loop."""
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(1) as thread:
        path = Path(directory) / "ledger.sqlite3"
        thread.submit(uvloop.run, _migrate(f"sqlite:///{path}")).result()
        return path.read_bytes()


async def _migrate(url: str) -> None:
    ledger = await Ledger.open(url)
    await ledger.migrate()
    await ledger.close()
