"""A worker of a run: what a process is: connections, sales and recovery of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from model.scheduler import REQUEST, Process, Scheduler
from model.workers.gated import GatedExecutor, GatedLedger
from model.workers.inventory_only import InventoryBuilder

from holdfast.sales.directory import SaleDirectory
from holdfast.sales.sale import Sale
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
        self.directory = WorkerDirectory(self.builder, lookup_seconds=0.0)
        self.recovery = Recovery(self.ledger)


class WorkerDirectory(SaleDirectory):
    """A load's calls count as those of the request that began it: its task, which works for whoever
    waits, has none of the context of that request.
    """

    def _load(self, name: str) -> Coroutine[Any, Any, Sale | None]:
        return _of_request(REQUEST.get(), super()._load(name))


class WorkerTasks(BackgroundTasks):
    """What comes after the answer is a job of its own: nobody waits for it, by any clock."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    async def run(self, work: Coroutine[None, None, None]) -> None:
        self._worker.start(_quietly(work))


async def _of_request(request: object, load: Coroutine[Any, Any, Sale | None]) -> Sale | None:
    REQUEST.set(request)
    return await load


async def _quietly(work: Coroutine[None, None, None]) -> None:
    await background._logged(work)
