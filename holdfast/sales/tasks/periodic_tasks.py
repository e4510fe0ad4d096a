"""The periodic tasks of one worker: each active sale has its own, the others are visited.

A sale is active in a worker while it is requested there and while something changes in it; see
sale_tasks for what is done then, and discovery for what makes a sale active.
"""

import asyncio

from holdfast.config import Config
from holdfast.processes.leadership import Leadership
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.discovery import Discovery
from holdfast.sales.tasks.sale_tasks import SaleObserver, SaleTasks, TaskContext


class PeriodicTasks:
    """The periodic tasks of one worker."""

    def __init__(
        self,
        config: Config,
        builder: SaleBuilder,
        directory: SaleDirectory,
        leadership: Leadership,
        observer: SaleObserver,
    ) -> None:
        self._context = TaskContext(config, builder, directory, leadership, observer)
        self._tasks: dict[str, SaleTasks] = {}
        self.discovery = Discovery(self._context, self)

    def start(self) -> None:
        """Starts the tasks of all active sales, of those that become active, and the discovery."""
        self._context.directory.on_activated = self._begin
        for sale in self._context.directory:
            self._begin(sale.name)
        self.discovery.start()

    async def stop(self) -> None:
        """Ends all tasks and waits until they have ended."""
        self._context.directory.on_activated = lambda _name: None
        await self.discovery.stop()
        await asyncio.gather(*(tasks.stop() for tasks in tuple(self._tasks.values())))

    def requested_uids(self) -> set[str]:
        """The uids of the sales that were requested of this worker lately."""
        return {uid for tasks in self._tasks.values() if (uid := tasks.requested_uid()) is not None}

    def note_request_elsewhere(self, name: str) -> None:
        """Another worker was asked for the sale."""
        if name in self._tasks:
            self._tasks[name].note_request_elsewhere()

    def note_change(self, name: str) -> None:
        """The sale has changed in the ledger."""
        if name in self._tasks:
            self._tasks[name].note_change()

    def _begin(self, name: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = SaleTasks(name, self._context, self._ended)
            self._tasks[name].start()

    def _ended(self, name: str) -> None:
        del self._tasks[name]
