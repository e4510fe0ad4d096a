"""Sales without a waiting room: the model is of what sells."""

from types import SimpleNamespace
from typing import cast

from holdfast.sales.builder import SaleBuilder
from holdfast.sales.plans import PlanCache
from holdfast.sales.sale import Sale
from holdfast.sales.spec import SaleSpec, spec_from_json
from holdfast.sales.spec_mapping import inventory_settings
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.plan.plan import Plan
from holdfast_ledger import Ledger, SaleRecord
from holdfast_lua import Executor, SaleRef
from holdfast_queue.line.brand import Brand
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import RoomServices
from holdfast_queue.line.settings import LineSettings


class OnePlan(PlanCache):
    """Plans are compiled in a thread; this one has been."""

    def __init__(self, ledger: Ledger, plan: Plan) -> None:
        super().__init__(ledger)
        self._plan = plan

    async def get(self, record: SaleRecord, spec: SaleSpec) -> Plan:
        return self._plan


class NoRoom:
    """Where a waiting room would be: it agrees to whatever it is told."""

    lobby = SimpleNamespace(draw=None)
    document = SimpleNamespace(now_ms=0)  # when a draw's start was announced: there is no draw

    async def update(self, settings: LineSettings, settings_version: int) -> bool:
        return True

    def apply(self, settings: LineSettings, brand: Brand) -> None: ...


class InventoryBuilder(SaleBuilder):
    """Builds what sells: a sale without a waiting room, whose calls would only be in the way."""

    def __init__(self, executor: Executor, ledger: Ledger, plan: Plan) -> None:
        super().__init__(executor, ledger, cast(RoomServices, None))
        self.plans = OnePlan(ledger, plan)
        self.installer = type(self.installer)(executor, ledger, self.plans)

    async def build(self, record: SaleRecord) -> Sale:
        record = await self._in_store(record)
        spec = spec_from_json(record.spec)
        ref = SaleRef(record.uid, record.epoch)
        plan = await self.plans.get(record, spec)
        inventory = SaleInventory(
            record.name, ref, plan, inventory_settings(spec), self.inventory_calls
        )
        return Sale(record, spec, ref, cast(Room, NoRoom()), inventory)
