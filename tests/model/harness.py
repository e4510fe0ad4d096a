"""Where schedules run: an embedded store and a SQLite ledger of their own, mutants at will.

A harness has an event loop of its own, and keeps its connections from one run to the next.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from model import runner
from model.environment.loop import ModelLoop
from model.environment.memory_ledger import MemoryLedger
from model.schedule import Failure, Run, Schedule
from support.ledger.migrated import write_migrated
from support.store.script_edits import Edits, edited_bundle

from holdfast_lua import Bundle, EmbeddedStore, Executor, load_bundle

CLOCK = Path(__file__).parent / "lua" / "clock.lua"
MEMORY = Path("/dev/shm")  # noqa: S108 - a private directory is made in it
SETTINGS = {
    "appendonly": "no",
    # Small hashes are walked in the order of writing: a seed gives one run, not many.
    "hash-max-listpack-value": "4096",
}
"""of the store: nothing in it outlives a run"""


@dataclass(frozen=True)
class Backend:
    """A running store, and a ledger file that has its schema."""

    store_url: str
    ledger_file: Path


@dataclass(frozen=True)
class Harness:
    """A store and a ledger on which schedules run one after another."""

    loop: ModelLoop
    executor: Executor
    ledger: MemoryLedger

    def run(self, schedule: Schedule) -> Run:
        """One schedule."""
        return self.loop.run_until_complete(
            runner.run_schedule(schedule, self.executor, self.ledger)
        )

    def search(self, seeds: Iterable[int], *, shrink: int = 0) -> tuple[int, Failure] | None:
        """The first seed that fails."""
        return runner.search(self.run, seeds, shrink=shrink)


@contextmanager
def run_backend() -> Iterator[Backend]:
    """A store and a ledger of one's own, gone afterwards."""
    base = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=base, prefix="holdfast-model-") as memory:
        file = Path(memory) / "ledger.db"
        write_migrated(file)
        with EmbeddedStore(Path(memory) / "store") as store:
            yield Backend(store.url, file)


@contextmanager
def open_harness(
    backend: Backend, *, edits: Edits | None = None, scratch: Path | None = None
) -> Iterator[Harness]:
    """A harness on the backend; `edits` are made in a copy of the scripts below `scratch`."""
    bundle = bundle_with(edits, scratch)
    with closing(ModelLoop()) as loop:
        executor = loop.run_until_complete(open_store(backend.store_url, bundle))
        ledger = MemoryLedger(backend.ledger_file)
        try:
            yield Harness(loop, executor, ledger)
        finally:
            loop.run_until_complete(ledger.close())
            loop.run_until_complete(executor.aclose())


async def open_store(url: str, bundle: Bundle) -> Executor:
    """An executor of a store that is set up for runs."""
    executor = await Executor(url, bundle).__aenter__()
    for name, value in SETTINGS.items():
        await executor.command("CONFIG", "SET", name, value)
    return executor


def bundle_with(edits: Edits | None, scratch: Path | None) -> Bundle:
    """The scripts with the model's clock, and with these edits."""
    if not edits:
        return load_bundle(overlay={"clock": CLOCK})
    assert scratch is not None
    return edited_bundle(edits, scratch, CLOCK)
