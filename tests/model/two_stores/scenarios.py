"""Scenarios of two stores: drawn from a seed, or written down where chance is too slow."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model.harness import MEMORY, Backend, bundle_with, no_threads, run_backend
from model.reference.terms import SEATS
from model.runner import forget
from model.sale import UID
from model.schedule import Failure, Run, Schedule
from model.scheduler import Delivery
from model.state import WORKERS
from model.two_stores import state as operations
from model.two_stores.sentinels import gated_sentinels
from model.two_stores.state import FORMER, PROMOTED, TwoStoreState
from script_edits import Edits

from holdfast_inventory.ledger import Ledger
from holdfast_lua import EmbeddedStore, Executor

Scenario = Callable[[TwoStoreState], Awaitable[None]]
STEPS: Final = (30, 60)
WEIGHTS: Final = {
    "hold": 20,
    "confirm": 18,
    "sweep": 14,
    "recover": 3,
    "ping": 6,
    "look": 12,
    "deliver": 40,
    "run": 12,
    "lose_answer": 2,
    "not_sent": 2,
    "crash_after": 2,
    "replicate": 5,
    "fail_over": 5,
    "hear": 10,
    "wipe": 2,
}
"""how often each kind of step is drawn"""


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
            await state.settle()
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


# By chance


def drawn(seed: int) -> Scenario:
    """The scenario of a seed, always the same."""

    async def scenario(state: TwoStoreState) -> None:
        dice = random.Random(seed)
        kinds = dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=dice.randint(*STEPS))
        for key, kind in enumerate(kinds):
            number, choice = dice.randrange(WORKERS), dice.randrange(1000)
            state.trace.append(f"{kind} {number} {choice}")
            await _make(state, kind, number, choice, key)
            await state.scheduler.run_until_blocked()

    return scenario


async def _make(state: TwoStoreState, kind: str, number: int, choice: int, key: int) -> None:
    if kind in _DELIVERIES:
        waiting = state.scheduler.waiting
        if waiting:
            await state.scheduler.deliver([waiting[choice % len(waiting)]], _DELIVERIES[kind])
    elif kind == "hold":
        state.start(number, operations.hold(state, choice % (SEATS - 2), key))
    elif kind == "confirm":
        if state.seen:
            held = list(state.seen.values())
            state.start(number, operations.confirm(state, held[-1 - choice % min(len(held), 3)]))
    elif kind in ("sweep", "recover"):
        state.start(number, operations.sweep if kind == "sweep" else operations.recover)
    elif kind in ("ping", "look"):
        (state.ping if kind == "ping" else state.look)(number)
    elif kind == "run":
        await state.run(state.workers[number])
    else:
        await _disturb(state, kind, number, choice)


async def _disturb(state: TwoStoreState, kind: str, number: int, choice: int) -> None:
    if kind == "replicate" and state.named == FORMER:
        await state.replicate()
    elif kind == "fail_over" and state.named == FORMER:
        await state.fail_over()
        state.deaf = {worker for worker in range(WORKERS) if choice >> worker & 1}
    elif kind == "hear":
        state.deaf.discard(number)
    elif kind == "wipe":
        await state.wipe((FORMER, PROMOTED)[choice % 2])


_DELIVERIES: Final = {
    "deliver": Delivery.DONE,
    "lose_answer": Delivery.ANSWER_LOST,
    "not_sent": Delivery.NOT_SENT,
    "crash_after": Delivery.CRASH_AFTER,
}


# Written down


async def two_install_the_first_epoch(state: TwoStoreState) -> None:
    """The replica knows nothing of an installation that is under way in the former master."""
    slow = state.start(0, operations.sweep)
    await state.run(slow, until="ledger.sales.bind_store")
    await state.fail_over()
    await state.run(state.start(1, operations.sweep))
    await state.run(slow)


async def installer_moves_before_the_sale_hash(state: TwoStoreState) -> None:
    """A node writes the stock in one store, and would write its sale hash in the other."""
    slow = state.start(0, operations.sweep)
    await state.run(slow, until="ledger.sales.bind_store")
    bind = next(call for call in state.scheduler.waiting if call.worker is slow)
    await state.fail_over()
    state.look(0)
    await state.scheduler.run_until_blocked()
    await _all_but(state, bind)
    for _ in range(2):  # refused as it moves, then answered
        state.ping(0)
        await state.scheduler.run_until_blocked()
        await _all_but(state, bind)
    await state.run(slow)


async def _all_but(state: TwoStoreState, kept: object) -> None:
    while calls := [call for call in state.scheduler.waiting if call is not kept]:
        await state.scheduler.deliver(calls[:1])


async def former_finds_the_ledger_ahead(state: TwoStoreState) -> None:
    """The promoted store is lost and rebuilt; who is on the former takes that for its own loss."""
    for number in range(2):
        await state.run(state.start(number, operations.sweep))
    await state.replicate()
    await state.fail_over()
    state.look(1)
    await state.run()
    await state.wipe(PROMOTED)
    for _ in range(3):
        await state.run(state.start(1, operations.sweep))
    await state.wipe(FORMER)
    for _ in range(3):
        await state.run(state.start(0, operations.sweep))


async def former_is_lost_after_the_failover(state: TwoStoreState) -> None:
    """The store that was replaced loses the sale, and a node there has not heard of the other."""
    await state.run(state.start(0, operations.sweep))
    await state.replicate()
    await state.fail_over()
    await state.wipe(FORMER)
    for _ in range(3):
        await state.run(state.start(0, operations.sweep))


async def fresh_hold_is_asked_for_at_the_former(state: TwoStoreState) -> None:
    """A hold of the promoted store is to be confirmed by a node that is on the former."""
    for number in range(2):
        await state.run(state.start(number, operations.sweep))
    await _confirmed_at_the_former(state)


async def fresh_hold_of_a_later_epoch_is_asked_for_at_the_former(state: TwoStoreState) -> None:
    """The same after a rebuild, when a hold that is not known counts as lost."""
    await state.run(state.start(0, operations.sweep))
    await state.wipe(FORMER)
    for number in (0, 0, 1, 1):
        await state.run(state.start(number, operations.sweep))
    await _confirmed_at_the_former(state)


async def _confirmed_at_the_former(state: TwoStoreState) -> None:
    await state.replicate()
    await state.fail_over()
    state.look(1)
    await state.run()
    for _ in range(2):
        await state.run(state.start(1, operations.hold(state, 1, 1)))
    assert state.seen
    for _ in range(3):
        for held in list(state.seen.values()):
            await state.run(state.start(0, operations.confirm(state, held)))


DIRECTED: Final[dict[str, Scenario]] = {
    scenario.__name__: scenario
    for scenario in (
        two_install_the_first_epoch,
        installer_moves_before_the_sale_hash,
        former_finds_the_ledger_ahead,
        former_is_lost_after_the_failover,
        fresh_hold_is_asked_for_at_the_former,
        fresh_hold_of_a_later_epoch_is_asked_for_at_the_former,
    )
}
"""all of them, by name"""
