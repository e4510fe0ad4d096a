"""A small sale on a real store and a real ledger, and what a platform does with it.

Twenty seats in two rows (guids `r1s1` to `r2s10`) at 4500 and an area `floor` of ten at 1000.
"""

import asyncio
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from holdfast_inventory.holds.hold_requests import AreaRequest, BuyerRef, HoldBody, resolve
from holdfast_inventory.holds.inventory_image import make_image
from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.confirm import Confirmed, ConfirmRequest, ConfirmService
from holdfast_inventory.orders.orders import holds_of_ledger
from holdfast_inventory.plan.plan import compile_plan
from holdfast_inventory.settings import Area, InventorySettings
from holdfast_ledger import Ledger, Order, SaleDraft
from holdfast_lua import Executor, SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.inventory_install import install_inventory
from holdfast_lua.calls.records import HoldRecord, HoldStatus
from holdfast_lua.calls.sale import SaleCalls, SaleTimes

TEST_LUA = Path(__file__).parents[2] / "lua"
SEATS_A_ROW = 10
PLAN = msgspec.json.encode(
    {
        "name": "Hall",
        "categories": [{"name": "A"}],
        "zones": [
            {
                "name": "Stalls",
                "rows": [
                    {
                        "row_number": str(row),
                        "position": {"x": 0, "y": 30 * row},
                        "seats": [
                            {
                                "seat_guid": f"r{row}s{seat}",
                                "seat_number": str(seat),
                                "category": "A",
                                "position": {"x": 20 * seat, "y": 0},
                            }
                            for seat in range(1, SEATS_A_ROW + 1)
                        ],
                    }
                    for row in (1, 2)
                ],
            }
        ],
    }
)
SETTINGS = InventorySettings(
    prices={"A": 4500, "GA": 1000},
    areas=(Area("floor", "Floor", 10, "GA"),),
    max_units_per_buyer=6,
)
HOLD_SECONDS = SETTINGS.hold_ms / 1000
HOLD_MAX_SECONDS = SETTINGS.hold_max_ms / 1000


def make_inventory(
    executor: Executor, name: str, ref: SaleRef, settings: InventorySettings
) -> SaleInventory:
    """The inventory of the small sale, as any process builds it."""
    return SaleInventory(
        name, ref, compile_plan(PLAN, settings), settings, InventoryCalls(executor)
    )


async def install(
    executor: Executor, ledger: Ledger, inventory: SaleInventory, *, rebuilt: bool = False
) -> None:
    """Write the sale into the store from what the ledger says."""
    state = await ledger.orders.rebuild_state(inventory.uid)
    holds = holds_of_ledger(inventory.plan, inventory.settings, state)
    image = make_image(
        inventory.plan, inventory.settings, holds, await ledger.seat_blocks.blocked(inventory.uid)
    )
    assert await install_inventory(executor, inventory.uid, inventory.ref.epoch, image)
    await SaleCalls(executor).install(
        inventory.ref,
        name=inventory.name,
        lifecycle="live",
        settings_version=1,
        times=SaleTimes(),
        inventory=image.sale_fields(),
        rebuilt=rebuilt,
    )


@dataclass
class Shop:
    """The sale and its platform, in this process."""

    executor: Executor
    ledger: Ledger
    inventory: SaleInventory
    background: BackgroundTasks = field(default_factory=BackgroundTasks)

    @property
    def context(self) -> SaleContext:
        return SaleContext(self.inventory, self.ledger)

    async def hold(
        self, *seats: str, floor: int = 0, buyer: str = "ann", key: str = ""
    ) -> HoldRecord:
        """An active hold."""
        areas = (AreaRequest("floor", floor),) if floor else ()
        hold_request = resolve(
            HoldBody(seats=seats, areas=areas), self.inventory.plan, self.inventory.settings
        )
        answer = await self.inventory.hold(
            hold_request,
            BuyerRef(buyer, "key:test"),
            key=key or secrets.token_hex(8),
            digest="digest",
        )
        assert answer.hold is not None
        return answer.hold

    async def confirm(self, hold: HoldRecord, **changes: Any) -> Confirmed:
        """What the platform sends once it has the money."""
        request = msgspec.structs.replace(payment(hold), **changes)
        return await ConfirmService(self.background).confirm(self.context, hold.id, request)

    async def read(self, hold_id: str) -> HoldRecord:
        """The hold as the store has it."""
        answer = await self.inventory.calls.read_hold(self.inventory.ref, hold_id)
        assert answer.hold is not None
        return answer.hold

    async def order(self, order_id: str) -> Order:
        """The order as the ledger has it."""
        order = await self.ledger.orders.read(self.inventory.uid, order_id)
        assert order is not None
        return order

    async def states(self) -> str:
        """The seat map: one character a seat, row one then row two."""
        reading = await self.inventory.calls.read_seats(self.inventory.ref, 1)
        return reading.states.decode()

    async def floor(self) -> tuple[int, int]:
        """Free and held units of the area."""
        reading = await self.inventory.calls.read_seats(self.inventory.ref, 1)
        return reading.areas[0]

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """The data of the sale's events of this type."""
        reading = await self.inventory.events(None, 1_000)
        bodies = [msgspec.msgpack.decode(event.body) for event in reading.events]
        return [body["data"] for body in bodies if body["type"] == kind]

    async def lose_store(self) -> None:
        """The store forgets the sale, as after a failover to an empty replica; it is rebuilt."""
        uid = self.inventory.uid
        stock = self.executor.bundle.script("install_inventory").keys.names
        names = [keys.SALE_KEYS[name](uid) for name in (*stock, "events")]
        await self.executor.command("DEL", *names, key=names[0])
        epoch = await self.ledger.sales.bump_epoch(uid, seen_epoch=self.inventory.ref.epoch)
        ref = SaleRef(uid, epoch)
        self.inventory = make_inventory(
            self.executor, self.inventory.name, ref, self.inventory.settings
        )
        await install(self.executor, self.ledger, self.inventory, rebuilt=True)

    async def audit(self) -> None:
        """Store and ledger agree on every seat and unit, and the counters are those of the map."""
        owners = await self.ledger.orders.owners(self.inventory.uid)
        states = await self.states()
        booked = {seat for seat, state in enumerate(states) if state == "b"}
        assert booked == set(owners)
        held = {seat for seat, state in enumerate(states) if state == "h"}
        holds = await self.live_holds()
        assert held == {seat for hold in holds for seat in hold.seats}
        free, held_units = await self.floor()
        sold = (await self.ledger.orders.area_units(self.inventory.uid))["floor"]
        assert held_units == sum(units.quantity for hold in holds for units in hold.areas)
        assert free == 10 - held_units - sold

    async def live_holds(self) -> list[HoldRecord]:
        """Holds that have units which are not sold."""
        live: list[HoldRecord] = []
        cursor = 0
        while True:
            cursor, holds = await self.inventory.calls.scan_holds(self.inventory.ref, cursor)
            live += [h for h in holds if h.status <= HoldStatus.CONFIRMING]
            if cursor == 0:
                return live


def payment(hold: HoldRecord) -> ConfirmRequest:
    """The body of a confirm that pays what the hold costs."""
    return ConfirmRequest(f"ref-{hold.id}", f"pay-{hold.id}", hold.total)


async def open_shop(
    executor: Executor, ledger: Ledger, settings: InventorySettings = SETTINGS, **changes: Any
) -> Shop:
    """A fresh sale, in the ledger and in the store."""
    uid = secrets.token_hex(6)
    draft = SaleDraft(uid, f"sale-{uid}", b"{}", plan=PLAN, areas={"floor": 10})
    record = await ledger.sales.create(draft)
    inventory = make_inventory(
        executor, record.name, SaleRef(uid, record.epoch), replace(settings, **changes)
    )
    await install(executor, ledger, inventory)
    return Shop(executor, ledger, inventory)


async def drained(shop: Shop) -> None:
    """What was begun for answered requests is done."""
    await shop.background.drain()
    await asyncio.sleep(0)
