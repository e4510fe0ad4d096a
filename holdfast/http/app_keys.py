"""The keys under which a worker's application carries its resources."""

from typing import Final

from aiohttp import web

from holdfast.config import Config
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.operations import SaleOperations
from holdfast_ledger import Ledger
from holdfast_lua.client.executor import Executor
from holdfast_lua.clock import WorstSkew

CONFIG: Final = web.AppKey("config", Config)
EXECUTOR: Final = web.AppKey("executor", Executor)
LEDGER: Final = web.AppKey("ledger", Ledger)
DIRECTORY: Final = web.AppKey("sale_directory", SaleDirectory)
SKEW: Final = web.AppKey("skew", WorstSkew)
OPERATIONS: Final = web.AppKey("sale_operations", SaleOperations)
