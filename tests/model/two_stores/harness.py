"""Where scenarios of two stores run: two embedded stores and a SQLite ledger of their own."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from model.harness import MEMORY, Backend, bundle_with, no_threads, run_backend
from model.runner import forget
from model.sale import UID
from model.schedule import Failure, Run, Schedule
from model.two_stores.scenario import Scenario, drawn
from model.two_stores.sentinels import gated_sentinels
from model.two_stores.settle import settle
from model.two_stores.state import FORMER, PROMOTED, TwoStoreState
from script_edits import Edits

from holdfast_ledger import Ledger
from holdfast_lua import EmbeddedStore, Executor


@dataclass(frozen=True)
class TwoStoreHarness:
    """Two stores and a ledger, on which scenarios run one after another."""

    stores: tuple[Executor, Executor]
    ledger: Ledger

    async def failure_of(self, scenario: Scenario) -> Failure | None:
        """How the scenario ends badly; None when it does not."""
        return (await self.run(scenario)).failure

    async def run(self, scenario: Scenario) -> Run:
        """What happens in the scenario, and how it ends badly if it does."""
        failure = None
        state = TwoStoreState(dict(zip((FORMER, PROMOTED), self.stores, strict=True)), self.ledger)
        try:
            await state.open()
            await scenario(state)
            await settle(state)
        except Exception as violation:
            failure = Failure(Schedule("reacquire_same", ()), violation, tuple(state.trace))
        finally:
            await _clear(state)
        return Run(tuple(state.trace), failure)

    async def search(self, seeds: range) -> tuple[int, Failure] | None:
        """The first seed that fails."""
        for seed in seeds:
            failure = await self.failure_of(drawn(seed))
            if failure is not None:
                return seed, failure
        return None


async def _clear(state: TwoStoreState) -> None:
    for worker in state.workers:
        worker.die()
    with contextlib.suppress(Exception):
        await state.scheduler.run_until_blocked()
    for address in state.stores:
        await state.wipe(address)
    await forget(state.ledger, UID)


@contextmanager
def two_stores_and_ledger() -> Iterator[tuple[Backend, str]]:
    """A store with a ledger, and the URL of another store."""
    base = MEMORY if MEMORY.is_dir() else None
    with (
        run_backend() as first,
        tempfile.TemporaryDirectory(dir=base, prefix="holdfast-model-") as memory,
        EmbeddedStore(Path(memory) / "store") as second,
    ):
        yield first, second.url


@asynccontextmanager
async def open_two_stores(
    backends: tuple[Backend, str], edits: Edits | None = None, scratch: Path | None = None
) -> AsyncIterator[TwoStoreHarness]:
    """The harness on these backends; `edits` are made in a copy of the scripts below `scratch`."""
    first, second_url = backends
    bundle = bundle_with(edits, scratch)
    with no_threads(), gated_sentinels():
        async with Executor(first.store_url, bundle) as one, Executor(second_url, bundle) as two:
            for store in (one, two):
                await store.command("CONFIG", "SET", "hash-max-listpack-value", 4096)
            # It says of itself that it took over from another one, as a promoted replica does.
            await two.command("REPLICAOF", "127.0.0.1", 1)
            await two.command("REPLICAOF", "NO", "ONE")
            ledger = await Ledger.open(f"sqlite:///{first.ledger_file}")
            try:
                yield TwoStoreHarness((one, two), ledger)
            finally:
                await ledger.close()
