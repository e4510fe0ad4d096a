"""Where schedules run: an embedded store and a SQLite ledger of their own, mutants at will.

The ledger's file lies in memory where the machine has such a directory, and its driver does without
its thread: what a disk does when the power goes and what threads do are tested elsewhere, and a run
asks for some hundred transactions.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import uvloop
from model import runner
from model.schedule import Failure, Run, Schedule
from script_edits import Edits, edited_bundle

from holdfast_ledger import Ledger
from holdfast_lua import Bundle, EmbeddedStore, Executor, load_bundle

CLOCK = Path(__file__).parent / "lua" / "clock.lua"
MEMORY = Path("/dev/shm")  # noqa: S108 - a private directory is made in it


@dataclass(frozen=True)
class Harness:
    """A store and a ledger on which schedules run one after another."""

    executor: Executor
    ledger: Ledger

    async def run(self, schedule: Schedule) -> Run:
        """One schedule."""
        return await runner.run_schedule(schedule, self.executor, self.ledger)

    async def search(self, seeds: range, *, shrink: int = 0) -> tuple[int, Failure] | None:
        """The first seed that fails."""
        return await runner.search(self.executor, self.ledger, seeds, shrink=shrink)


@dataclass(frozen=True)
class Backend:
    """A running store, and a ledger file that has its schema."""

    store_url: str
    ledger_file: Path


@contextmanager
def run_backend() -> Iterator[Backend]:
    """A store and a ledger of one's own, gone afterwards."""
    base = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=base, prefix="holdfast-model-") as memory:
        file = Path(memory) / "ledger.db"
        with no_threads():
            uvloop.run(_make_ledger(file))
        with EmbeddedStore(Path(memory) / "store") as store:
            yield Backend(store.url, file)


async def _make_ledger(file: Path) -> None:
    ledger = await Ledger.open(f"sqlite:///{file}")
    await ledger.migrate()
    await ledger.close()


@asynccontextmanager
async def open_harness(
    backend: Backend, *, edits: Edits | None = None, scratch: Path | None = None
) -> AsyncIterator[Harness]:
    """A harness on the backend; `edits` are made in a copy of the scripts below `scratch`."""
    with no_threads():
        async with Executor(backend.store_url, bundle_with(edits, scratch)) as executor:
            # Small hashes are walked in the order of writing: a seed gives one run, not many.
            await executor.command("CONFIG", "SET", "hash-max-listpack-value", 4096)
            ledger = await Ledger.open(f"sqlite:///{backend.ledger_file}")
            try:
                yield Harness(executor, ledger)
            finally:
                await ledger.close()


def bundle_with(edits: Edits | None, scratch: Path | None) -> Bundle:
    """The scripts with the model's clock, and with these edits."""
    if not edits:
        return load_bundle(overlay={"clock": CLOCK})
    assert scratch is not None
    return edited_bundle(edits, scratch, CLOCK)


class _AtOnce:
    """In place of the queue to the driver's thread: what is put in is done."""

    def put_nowait(self, job: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, act = job
        try:
            result = act()
        except Exception as error:
            if future is not None:
                future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class _NoThread:
    """In place of the driver's thread."""

    daemon = True

    def __init__(self, target: object, args: object) -> None: ...

    def start(self) -> None: ...


@contextmanager
def no_threads() -> Iterator[None]:
    with patch("aiosqlite.core.SimpleQueue", _AtOnce), patch("aiosqlite.core.Thread", _NoThread):
        yield
