"""A cache of compiled seating plans.

Compiling a hundred thousand seats takes a second of CPU: it happens in a thread, once for each plan
that a sale has ever had, and a worker keeps the last few.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from holdfast.sales.spec import SaleSpec
from holdfast.sales.spec_mapping import inventory_settings
from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_ledger import Ledger, SaleRecord
from holdfast_tasks import start_task

MAX_PLANS: Final = 64


class PlanCache:
    """Compiles the plans of sales, and keeps the last `MAX_PLANS`; a plan belongs to an epoch."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._plans: OrderedDict[tuple[str, int], Plan] = OrderedDict()
        self._compiling: dict[tuple[str, int], asyncio.Task[Plan]] = {}

    async def get(self, record: SaleRecord, spec: SaleSpec) -> Plan:
        """The compiled plan of the sale in the record's epoch; compiled once, however many ask."""
        key = (record.uid, record.epoch)
        if key in self._plans:
            self._plans.move_to_end(key)
            return self._plans[key]
        task = self._compiling.get(key)
        if task is None:
            task = start_task(
                self._compile(record.uid, spec), name=f"plan {record.uid}", awaited=True
            )
            self._compiling[key] = task
            task.add_done_callback(lambda done: self._compiled(key, done))
        # Shielded: a waiter that is cancelled must not end it for the others.
        return await asyncio.shield(task)

    async def _compile(self, uid: str, spec: SaleSpec) -> Plan:
        text = await self._ledger.sales.read_plan(uid)
        return await asyncio.to_thread(compile_plan, text, inventory_settings(spec))

    def _compiled(self, key: tuple[str, int], done: asyncio.Task[Plan]) -> None:
        """Keeps the loaded plan; after a failure the next caller tries again."""
        del self._compiling[key]
        if done.cancelled() or done.exception() is not None:
            return
        self._plans[key] = done.result()
        while len(self._plans) > MAX_PLANS:
            self._plans.popitem(last=False)
