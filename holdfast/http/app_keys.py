"""The keys under which a worker's application carries its resources."""

import asyncio
from typing import Final, Protocol

from aiohttp import web

from holdfast.config import Config
from holdfast.report.report import Reporter
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.operations import SaleOperations
from holdfast_ledger import Ledger
from holdfast_ledger.transactions.group_commit import Observer as LedgerObserver
from holdfast_lua.client.executor import Executor
from holdfast_lua.client.executor import Observer as StoreObserver
from holdfast_lua.clock import WorstSkew


class TracedConnections(Protocol):
    """Makes executor and ledger such that what requests ask of them has spans."""

    def executor(self, url: str, observer: StoreObserver) -> Executor: ...

    async def open_ledger(self, url: str, observer: LedgerObserver) -> Ledger: ...


CONFIG: Final = web.AppKey("config", Config)
EXECUTOR: Final = web.AppKey("executor", Executor)
LEDGER: Final = web.AppKey("ledger", Ledger)
DIRECTORY: Final = web.AppKey("sale_directory", SaleDirectory)
SKEW: Final = web.AppKey("skew", WorstSkew)
STOPPING: Final = web.AppKey("stopping", asyncio.Event)
"""Set as soon as the whole service is to stop."""
OPERATIONS: Final = web.AppKey("sale_operations", SaleOperations)
TRACING: Final[web.AppKey[TracedConnections]] = web.AppKey("tracing")
"""Not set where nothing is traced."""
REPORTER: Final = web.AppKey("reporter", Reporter)
