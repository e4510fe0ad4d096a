"""What the ledger says about a sale's stock, as holds that an installation can write.

After a loss every sold order is a confirmed hold again, and every pending one, whose buyer may be
paying, a paying hold. All other holds are gone. Pending orders own nothing in the ledger, so one
whose units somebody has bought meanwhile, or that another pending one has, is left out: its confirm
will be refused.
"""

from collections.abc import Iterable

from holdfast_inventory.orders.orders import holds_of_ledger
from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_ledger import Ledger
from holdfast_lua.calls.records import HoldRecord


async def ledger_holds(
    ledger: Ledger, uid: str, plan: Plan, settings: InventorySettings
) -> list[HoldRecord]:
    """The holds of the sale's orders; final only in an epoch that has just begun."""
    state = await ledger.orders.rebuild_state(uid)
    return fitting(holds_of_ledger(plan, settings, state), settings)


def fitting(holds: Iterable[HoldRecord], settings: InventorySettings) -> list[HoldRecord]:
    """Those that fit beside the ones before them; what is sold must therefore come first."""
    seats: set[int] = set()
    left = [area.capacity for area in settings.areas]
    kept = []
    for hold in holds:
        enough = all(left[units.area] >= units.quantity for units in hold.areas)
        if not enough or not seats.isdisjoint(hold.seats):
            continue
        kept.append(hold)
        seats.update(hold.seats)
        for units in hold.areas:
            left[units.area] -= units.quantity
    return kept
