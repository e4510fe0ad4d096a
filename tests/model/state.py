"""One run: workers over a real store and a real ledger, the checker that watches, clock and losses.

What is asked of the workers is in operations, what must be true when it is over in settle.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from model.checker import START_MS, Checker
from model.environment.memory_ledger import MemoryLedger
from model.environment.real_store import Dump, RealStore, dump, restore
from model.reference.store_model import StoreModel
from model.sale import NAME, UID, Policy, create_sale, plan_of
from model.scheduler import Scheduler
from model.workers.worker import Worker

from holdfast_inventory.holds.hold_requests import HoldBody
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.confirm import ConfirmRequest
from holdfast_ledger import LedgerError
from holdfast_lua import Executor
from holdfast_lua.calls.hold_terms import HoldAnswer
from holdfast_lua.calls.records import HoldRecord
from holdfast_lua.errors import EpochChanged, StoreBehind, StoreError
from holdfast_web.errors import HoldfastError

CLOCK_KEY = "hf:model:now_ms"
WORKERS = 3
Operation = Callable[[SaleInventory, Worker], Awaitable[None]]
"""what a request does at the worker that it came to"""


@dataclass
class RunState:
    """The real sale, its checker, and what buyers and the platform remember of it."""

    executor: Executor
    ledger: MemoryLedger
    policy: Policy
    requests: list[tuple[str, int, HoldBody, frozenset[str]]] = field(default_factory=list)
    seen: dict[str, HoldRecord] = field(default_factory=dict)
    paid: dict[str, ConfirmRequest] = field(default_factory=dict)
    recovering: list[str] = field(default_factory=list)
    """what told workers that the store was lost or rebuilt"""
    snapshot: tuple[StoreModel, Dump] | None = None
    rolled_back: bool = False

    def __post_init__(self) -> None:
        self.plan = plan_of(self.policy)
        self.checker = Checker(RealStore(self.executor, UID))
        self.scheduler = Scheduler(self.executor, self.ledger, self.checker)
        self.workers = [Worker(self.scheduler, n, self.plan) for n in range(WORKERS)]

    @property
    def trace(self) -> list[object]:
        """What has happened; each line says so in words when it is printed."""
        return self.checker.trace

    @property
    def now_ms(self) -> int:
        return self.checker.now_ms

    async def open(self) -> None:
        """The sale is created, and a worker has loaded it."""
        await asyncio.gather(create_sale(self.ledger, self.policy), self._empty_store(START_MS))
        self.start(0, lambda inventory, worker: _nothing())
        await self.run(self.workers[0])

    # Requests

    def start(self, number: int, operation: Operation) -> Worker:
        """A request arrives at a worker; a dead one has been replaced."""
        worker = self.workers[number % WORKERS]
        if not worker.alive:
            worker = self.workers[number % WORKERS] = Worker(
                self.scheduler, worker.number, self.plan
            )
        worker.start(self._request(worker, operation))
        return worker

    async def _request(self, worker: Worker, operation: Operation) -> None:
        try:
            sale = await worker.directory.get(NAME)
            sale.inventory._random = random.Random(1)
            try:
                await operation(sale.inventory, worker)
            except (StoreBehind, EpochChanged) as fault:
                self.recovering.append(repr(fault))
                await worker.directory.repair(sale, fault)
        except (HoldfastError, LedgerError, StoreError) as error:
            self.trace.append(f"    {worker.number}: refused: {error!r}")
        else:
            self.trace.append(f"    {worker.number}: done")

    async def run(self, worker: Worker | None = None) -> None:
        """Let everything happen that this worker (or anybody) still has before it."""
        await self.scheduler.run_until_blocked()
        while calls := [c for c in self.scheduler.waiting if worker in (None, c.worker)]:
            await self.scheduler.deliver(calls[:1])

    def saw(self, answer: HoldAnswer) -> None:
        """Somebody knows of this hold now, and may ask for something with it."""
        if answer.hold is not None:
            self.seen[answer.hold.id] = answer.hold

    # Clock and losses

    async def set_clock(self, now_ms: int) -> None:
        self.checker.now_ms = now_ms
        await self.executor.command("SET", CLOCK_KEY, now_ms)

    async def _empty_store(self, now_ms: int) -> None:
        """It has nothing but the time."""
        await asyncio.gather(self.executor.command("FLUSHDB", "SYNC"), self.set_clock(now_ms))

    async def wipe(self) -> None:
        """The store forgets the sale."""
        await self._empty_store(self.now_ms)
        self.checker.store.lose()
        self.checker.ledger.had_loss = True

    async def take_snapshot(self) -> None:
        self.snapshot = self.checker.store.copy(), await dump(self.executor, UID)

    async def roll_back(self) -> None:
        """The store is as it was at the snapshot, as after a failover to a replica that lagged."""
        if self.snapshot is None:
            return
        await self.wipe()
        model, dumps = self.snapshot
        await restore(self.executor, dumps)
        self.checker.store = model.copy()
        self.rolled_back = True


async def _nothing() -> None:
    """Only loads the sale."""
