"""Sets the gauges of store and ledger: the node's leader asks both, every few seconds.

In a Cluster they are of the server that has the service's own keys. A store that does not let its
user run INFO is up, and its other gauges are not there.
"""

import asyncio
from typing import Final

from holdfast.processes.leadership import Leadership
from holdfast.sales.tasks.periodic import periodic
from holdfast_ledger import Ledger, LedgerUnavailable
from holdfast_ledger.errors import UNAVAILABLE
from holdfast_lua.calls import keys
from holdfast_lua.client.executor import Executor
from holdfast_lua.errors import ScriptFault, StoreError, StoreRefusing
from holdfast_metrics.metrics import Metrics
from holdfast_tasks import Periodic

ASK_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 3.0


class StorageGauges:
    """Asks store and ledger while this worker leads."""

    def __init__(
        self, metrics: Metrics, leadership: Leadership, executor: Executor, ledger: Ledger
    ) -> None:
        self._metrics = metrics
        self._leadership = leadership
        self._executor = executor
        self._ledger = ledger
        self.task: Periodic = periodic("asking store and ledger", ASK_SECONDS, self._ask)

    async def _ask(self) -> None:
        if self._leadership.held():
            await asyncio.gather(self._ask_store(), self._ask_ledger())

    async def _ask_store(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                text = await self._executor.command("INFO", key=keys.PROBE)
        except (StoreRefusing, ScriptFault):
            self._metrics.store_up.set(1)
        except (StoreError, TimeoutError):
            self._metrics.store_up.set(0)
        else:
            self._metrics.store_up.set(1)
            show_store(self._metrics, read_info(text))

    async def _ask_ledger(self) -> None:
        reason = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._ledger.check()
        except LedgerUnavailable as error:
            reason = error.reason
        except TimeoutError:
            reason = UNAVAILABLE
        self._metrics.ledger_up.set(int(reason != UNAVAILABLE))
        self._metrics.ledger_writable.set(int(reason is None))


def read_info(text: bytes) -> dict[str, str]:
    """The fields of INFO's answer."""
    lines = (line.partition(":") for line in text.decode().splitlines())
    return {name: value for name, colon, value in lines if colon}


def show_store(metrics: Metrics, info: dict[str, str]) -> None:
    """Sets the gauges of the store from the fields of INFO."""
    metrics.store_memory.set(int(info.get("used_memory", 0)))
    bound = int(info.get("maxmemory", 0)) or int(info.get("total_system_memory", 0))
    metrics.store_memory_max.set(bound)
    keyspaces = [value for name, value in info.items() if name.startswith("db")]
    metrics.store_keys.set(sum(int(_parts(one).get("keys", 0)) for one in keyspaces))
    replicas = [
        _parts(value)
        for name, value in info.items()
        if name.startswith("slave") and name.removeprefix("slave").isdigit()
    ]
    metrics.store_replicas.set(len(replicas))
    offset = int(info.get("master_repl_offset", 0))
    behind = [offset - int(replica.get("offset", offset)) for replica in replicas]
    metrics.store_replication_lag.set(max(0, *behind) if behind else 0)
    metrics.store_last_aof_write.set(int(info.get("aof_last_write_status", "ok") == "ok"))


def _parts(value: str) -> dict[str, str]:
    """`keys=3,expires=0` as a mapping."""
    return dict(part.split("=", 1) for part in value.split(",") if "=" in part)
