"""Reads what ledger, store and events say about a sale at about one moment.

The sale goes on meanwhile, so a reading may show a confirm half done; a difference is believed only
when it is seen again. The events are read up to the cursor of the map, and the holds are rewound to
it, so these three are of one moment; the ledger is of a later one.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from holdfast.reconcile.rewinding import rewound
from holdfast.sales.plans import PlanCache
from holdfast.sales.spec import spec_from_json
from holdfast.sales.spec_mapping import inventory_settings
from holdfast_inventory.events.events import EVENTS_MAX, SEAT_STATES
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_ledger import Ledger, RebuildState, SaleRecord
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.hold_terms import SeatsReading, StreamEvent
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.records import HoldRecord
from holdfast_lua.calls.sale import SaleCalls, SaleHead
from holdfast_lua.client.executor import Executor

HOLD_PAGES_MAX: Final = 20_000
EVENT_PAGES_MAX: Final = 2_000


@dataclass(frozen=True)
class SeatsByEvents:
    """The state of each seat by the last event that names it, and the number of events."""

    seats: dict[int, str] = field(default_factory=dict)
    count: int = 0


@dataclass(frozen=True)
class Reading:
    """What ledger, store and events said."""

    record: SaleRecord
    inventory: SaleInventory
    ledger: RebuildState
    blocked: frozenset[int]
    head: SaleHead
    map: SeatsReading
    holds: dict[str, HoldRecord]
    by_events: SeatsByEvents


@dataclass(frozen=True)
class Reader:
    """Reads sales over the connections of a command."""

    executor: Executor
    ledger: Ledger
    plans: PlanCache

    async def inventory(self, record: SaleRecord) -> SaleInventory:
        """The sale's inventory; every call through it is guarded by the record's epoch."""
        spec = spec_from_json(record.spec)
        plan = await self.plans.get(record, spec)
        ref = SaleRef(record.uid, record.epoch)
        return SaleInventory(
            record.name, ref, plan, inventory_settings(spec), InventoryCalls(self.executor)
        )

    async def read(self, record: SaleRecord, inventory: SaleInventory) -> Reading:
        """One reading. StoreBehind or EpochChanged when the store is not in the record's epoch."""
        head = await SaleCalls(self.executor).read(inventory.ref)
        seat_map = await inventory.calls.read_seats(inventory.ref, len(inventory.settings.areas))
        holds = rewound(await _holds(inventory), await _since(inventory, seat_map.cursor))
        return Reading(
            record=record,
            inventory=inventory,
            ledger=await self.ledger.orders.rebuild_state(record.uid),
            blocked=frozenset(await self.ledger.seat_blocks.blocked(record.uid)),
            head=head,
            map=seat_map,
            holds=holds,
            by_events=await _by_events(inventory, seat_map.cursor),
        )


async def _holds(inventory: SaleInventory) -> dict[str, HoldRecord]:
    found: dict[str, HoldRecord] = {}
    cursor = 0
    for _ in range(HOLD_PAGES_MAX):
        cursor, holds = await inventory.calls.scan_holds(inventory.ref, cursor)
        found.update((hold.id, hold) for hold in holds)
        if cursor == 0:
            break
    return found


async def _since(inventory: SaleInventory, cursor: tuple[int, int]) -> list[StreamEvent]:
    """All events after a cursor."""
    events: list[StreamEvent] = []
    for _ in range(EVENT_PAGES_MAX):
        page = await inventory.calls.read_events(inventory.ref, cursor, EVENTS_MAX)
        events += page.events
        if len(page.events) < EVENTS_MAX:
            break
        cursor = page.events[-1].cursor
    return events


async def _by_events(inventory: SaleInventory, upto: tuple[int, int]) -> SeatsByEvents:
    """The states of seats by the events that are kept, of this epoch; of other seats nothing is
    said.
    """
    seats: dict[int, str] = {}
    count = 0
    after: tuple[int, int] | None = (upto[0], 0)
    for _ in range(EVENT_PAGES_MAX):
        page = await inventory.calls.read_events(inventory.ref, after, EVENTS_MAX)
        if page.trimmed:
            after = None
            continue
        due = [event for event in page.events if event.cursor <= upto]
        for event in due:
            if event.cursor[0] == upto[0]:
                count += 1
                _follow(seats, event)
        if len(due) < EVENTS_MAX:
            break
        after = due[-1].cursor
    return SeatsByEvents(seats, count)


def _follow(seats: dict[int, str], event: StreamEvent) -> None:
    state = SEAT_STATES.get(event.kind)
    if state is not None:
        data: dict[str, Any] = msgspec.msgpack.decode(event.body)["data"]
        seats.update(dict.fromkeys(data.get("seats", ()), state))
