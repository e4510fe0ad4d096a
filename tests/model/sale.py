"""The sale of every run: two rows of four seats, a floor and a lodge, small enough to be fought
over. The lodge and two of the seats are set aside for a club."""

from functools import cache
from typing import Final, Literal

import msgspec
from model.environment.memory_ledger import Contents, MemoryLedger
from model.reference.terms import AREAS, CLUB, CLUB_SEATS, ROOM, SEATS, SEATS_A_ROW

from holdfast.sales.spec import AllotmentSpec, AreaSpec, SaleSpec, spec_to_json
from holdfast.sales.spec_mapping import inventory_settings
from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_ledger import SaleDraft

NAME: Final = "sale-model"
UID: Final = "model"
"""every run's sale, gone before the next: ids are made of it, and the same seed gives the same"""
HOLD_SECONDS = 600
HOLD_MAX_SECONDS = 1200
LIMIT = 4
BUYERS = ("ann", "bob", "cy")
Policy = Literal["reacquire_same", "reacquire_equivalent", "refund"]
POLICIES: Final[tuple[Policy, ...]] = ("reacquire_same", "reacquire_equivalent", "refund")


def _row(row: int) -> dict[str, object]:
    return {
        "row_number": str(row),
        "position": {"x": 0, "y": 30 * row},
        "seats": [
            {
                "seat_guid": f"s{row * SEATS_A_ROW + seat}",
                "seat_number": str(seat),
                "category": "A",
                "position": {"x": 20 * seat, "y": 0},
            }
            for seat in range(SEATS_A_ROW)
        ],
    }


PLAN: Final = msgspec.json.encode(
    {
        "name": "Hall",
        "categories": [{"name": "A"}],
        "zones": [{"name": "Stalls", "rows": [_row(row) for row in range(SEATS // SEATS_A_ROW)]}],
    }
)


def spec_of(policy: Policy) -> SaleSpec:
    """The sale of every run, but for what it does about late payments."""
    return SaleSpec(
        name="Night",
        areas=tuple(
            AreaSpec(id=area, name=area, capacity=units, category="GA", channel=channel)
            for area, units, channel in zip(AREAS, ROOM, (None, CLUB), strict=True)
        ),
        allotments=(AllotmentSpec(CLUB, tuple(f"s{seat}" for seat in sorted(CLUB_SEATS))),),
        prices={"A": 4500, "GA": 1000},
        hold_seconds=HOLD_SECONDS,
        hold_max_seconds=HOLD_MAX_SECONDS,
        max_units_per_buyer=LIMIT,
        late_payment=policy,
    )


_created: dict[Policy, Contents] = {}


async def create_sale(ledger: MemoryLedger, policy: Policy) -> None:
    """Empties the ledger but for the sale: created for the first run, and copied for the others."""
    if policy not in _created:
        ledger.reset({})
        spec = spec_to_json(spec_of(policy))
        areas = dict(zip(AREAS, ROOM, strict=True))
        await ledger.sales.create(SaleDraft(UID, NAME, spec, plan=PLAN, areas=areas))
        _created[policy] = ledger.contents()
    ledger.reset(_created[policy])


@cache
def plan_of(policy: Policy) -> Plan:
    """Compiled once: it is the same in every run."""
    return compile_plan(PLAN, inventory_settings(spec_of(policy)))
