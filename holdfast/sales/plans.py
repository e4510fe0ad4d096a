"""Compiled seating plans, kept while they are in use.

Compiling a hundred thousand seats takes a second of CPU: it happens in a thread, once for each plan
that a sale has ever had, and a worker keeps the last few.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from holdfast.sales.spec import SaleSpec
from holdfast.sales.translate import stock_settings
from holdfast_inventory.ledger import Ledger, SaleRecord
from holdfast_inventory.plan import Plan, compile_plan

MAX_PLANS: Final = 64


class PlanCache:
    """From a sale's record to its plan. A plan changes only when the sale is replaced."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._plans: OrderedDict[tuple[str, int], Plan] = OrderedDict()

    async def get(self, record: SaleRecord, spec: SaleSpec) -> Plan:
        """The compiled plan of the sale in the record's epoch."""
        key = (record.uid, record.epoch)
        plan = self._plans.get(key)
        if plan is None:
            text = await self._ledger.sales.read_plan(record.uid)
            plan = await asyncio.to_thread(compile_plan, text, stock_settings(spec))
            self._plans[key] = plan
            while len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
        self._plans.move_to_end(key)
        return plan
