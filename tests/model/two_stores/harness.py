"""Where scenarios of two stores run: two embedded stores and a SQLite ledger of their own."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from model.environment.loop import ModelLoop
from model.environment.memory_ledger import MemoryLedger
from model.harness import MEMORY, Backend, bundle_with, open_store, run_backend
from model.runner import end_workers
from model.schedule import Failure, Run, Schedule
from model.two_stores.scenario import Scenario, drawn
from model.two_stores.sentinels import gated_sentinels
from model.two_stores.settle import settle
from model.two_stores.state import FORMER, PROMOTED, TwoStoreState
from support.store.script_edits import Edits

from holdfast_lua import EmbeddedStore, Executor


@dataclass(frozen=True)
class TwoStoreHarness:
    """Two stores and a ledger, on which scenarios run one after another."""

    loop: ModelLoop
    stores: tuple[Executor, Executor]
    ledger: MemoryLedger

    def failure_of(self, scenario: Scenario) -> Failure | None:
        """How the scenario ends badly; None when it does not."""
        return self.run(scenario).failure

    def run(self, scenario: Scenario) -> Run:
        """What happens in the scenario, and how it ends badly if it does."""
        return self.loop.run_until_complete(self._run(scenario))

    async def _run(self, scenario: Scenario) -> Run:
        failure = None
        state = TwoStoreState(dict(zip((FORMER, PROMOTED), self.stores, strict=True)), self.ledger)
        try:
            await state.open()
            await scenario(state)
            await settle(state)
        except Exception as violation:
            failure = Failure(Schedule("reacquire_same", ()), violation, tuple(state.trace))
        finally:
            await end_workers(state.scheduler, state.workers)
        return Run(tuple(state.trace), failure)

    def search(self, seeds: Iterable[int]) -> tuple[int, Failure] | None:
        """The first seed that fails."""
        for seed in seeds:
            failure = self.failure_of(drawn(seed))
            if failure is not None:
                return seed, failure
        return None


@contextmanager
def run_two_stores() -> Iterator[tuple[Backend, str]]:
    """A store with a ledger, and the URL of another store."""
    base = MEMORY if MEMORY.is_dir() else None
    with (
        run_backend() as first,
        tempfile.TemporaryDirectory(dir=base, prefix="holdfast-model-") as memory,
        EmbeddedStore(Path(memory) / "store") as second,
    ):
        yield first, second.url


@contextmanager
def open_two_stores(
    backends: tuple[Backend, str], edits: Edits | None = None, scratch: Path | None = None
) -> Iterator[TwoStoreHarness]:
    """The harness on these backends; `edits` are made in a copy of the scripts below `scratch`."""
    first, second_url = backends
    bundle = bundle_with(edits, scratch)
    with (
        gated_sentinels(),
        closing(ModelLoop()) as loop,
    ):
        stores = [
            loop.run_until_complete(open_store(url, bundle))
            for url in (first.store_url, second_url)
        ]
        loop.run_until_complete(_promote(stores[1]))
        ledger = MemoryLedger(first.ledger_file)
        try:
            yield TwoStoreHarness(loop, (stores[0], stores[1]), ledger)
        finally:
            loop.run_until_complete(ledger.close())
            for store in stores:
                loop.run_until_complete(store.aclose())


async def _promote(store: Executor) -> None:
    """It says of itself that it took over from another one, as a promoted replica does."""
    await store.command("REPLICAOF", "127.0.0.1", 1)
    await store.command("REPLICAOF", "NO", "ONE")
