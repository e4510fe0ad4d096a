"""What goes on without being asked: each sale that is awake has its tasks, the others are visited.

A sale is awake in a worker while somebody asks for it there and while something moves in it; see
sale_tasks for what is done then, and discovery for what wakes it.
"""

import asyncio

from holdfast.config import Config
from holdfast.processes.leadership import Leadership
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.discovery import Discovery
from holdfast.sales.tasks.sale_tasks import Observe, SaleTasks, Worker


class PeriodicTasks:
    """The periodic tasks of one worker."""

    def __init__(
        self,
        config: Config,
        builder: SaleBuilder,
        directory: SaleDirectory,
        leadership: Leadership,
        observe: Observe,
    ) -> None:
        self._worker = Worker(config, builder, directory, leadership, observe)
        self._tasks: dict[str, SaleTasks] = {}
        self.discovery = Discovery(self._worker, self)

    def start(self) -> None:
        """Begin all of them."""
        self._worker.directory.on_awake = self._begin
        for sale in self._worker.directory:
            self._begin(sale.name)
        self.discovery.start()

    async def stop(self) -> None:
        """End all of them."""
        self._worker.directory.on_awake = lambda _name: None
        await self.discovery.stop()
        await asyncio.gather(*(tasks.stop() for tasks in tuple(self._tasks.values())))

    def marked(self) -> set[str]:
        """The uids of the sales that somebody has asked this worker for lately."""
        return {uid for tasks in self._tasks.values() if (uid := tasks.marked()) is not None}

    def hear(self, name: str) -> None:
        """Somebody else has to do with the sale."""
        if name in self._tasks:
            self._tasks[name].hear()

    def note_change(self, name: str) -> None:
        """The sale has changed in the ledger."""
        if name in self._tasks:
            self._tasks[name].note_change()

    def _begin(self, name: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = SaleTasks(name, self._worker, self._ended)
            self._tasks[name].start()

    def _ended(self, name: str) -> None:
        del self._tasks[name]
