"""A worker of a run: what a process is: connections, sales and recovery of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from model.scheduler import Process, Scheduler
from model.workers.gated import GatedExecutor, GatedLedger
from model.workers.inventory_only import InventoryBuilder

from holdfast.sales.directory import SaleDirectory
from holdfast_inventory.orders import background
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.recovery import Recovery
from holdfast_inventory.plan.plan import Plan


class Worker(Process):
    """A process with its connections (gated), its sales, its recovery."""

    def __init__(
        self,
        scheduler: Scheduler,
        number: int,
        plan: Plan,
        connect: Callable[[Worker], GatedExecutor] = GatedExecutor,
    ) -> None:
        super().__init__(scheduler, number)
        self.background = WorkerTasks(self)
        self.ledger = GatedLedger(self)
        self.executor = connect(self)
        self.builder = InventoryBuilder(self.executor, self.ledger, plan)
        self.directory = SaleDirectory(self.builder, lookup_seconds=0.0)
        self.recovery = Recovery(self.ledger)


class WorkerTasks(BackgroundTasks):
    """What comes after the answer is a job of its own: nobody waits for it, by any clock."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    async def run(self, work: Coroutine[None, None, None]) -> None:
        self._worker.start(_quietly(work))


async def _quietly(work: Coroutine[None, None, None]) -> None:
    await background._logged(work)
