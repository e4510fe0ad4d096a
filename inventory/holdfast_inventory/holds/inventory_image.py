"""Makes the inventory that an installation writes, from the plan and the existing holds.

One function for a new sale (no holds) and for one whose store was lost (the orders of the ledger):
the image is a pure function of its arguments, so two processes that install the same epoch write
the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holdfast_inventory.holds.allotments import AllottedUnits
from holdfast_inventory.holds.choice import group_by_row
from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_lua.calls.inventory_install import InventoryImage
from holdfast_lua.calls.records import AreaUnits, HoldRecord, HoldStatus, SeatState

FREE, HELD, BOOKED, BLOCKED = (state.byte for state in SeatState)


def make_image(
    plan: Plan,
    settings: InventorySettings,
    holds: Sequence[HoldRecord] = (),
    blocked: Iterable[int] = (),
) -> InventoryImage:
    """The inventory in which exactly these holds have units and these seats are blocked.

    A seat that somebody has is not blocked, whatever `blocked` says. Raises ValueError when two
    holds have the same seat or an area has too few units: the ledger rules both out.
    """
    states = bytearray(bytes([FREE]) * len(plan))
    held, booked = _place_areas(settings, holds)
    for hold in holds:
        _place_seats(states, hold)
    for seat in blocked:
        if states[seat] == FREE:
            states[seat] = BLOCKED
    capacities = [area.capacity for area in settings.areas]
    free = [capacities[at] - held[at] - booked[at] for at in range(len(capacities))]
    if any(units < 0 for units in free):
        raise ValueError("an area has more units held and booked than its capacity")
    allotted = AllottedUnits(plan, settings)
    return InventoryImage(
        seats=bytes(states),
        rows=row_bytes(plan, states),
        layout=b"".join(segment.record() for segment in plan.segments),
        levels=plan.levels,
        free=states.count(FREE) + sum(free),
        held=states.count(HELD) + sum(held),
        booked=states.count(BOOKED) + sum(booked),
        blocked=states.count(BLOCKED),
        areas=tuple(zip(free, held, strict=True)),
        allotted=allotted.names,
        allotted_free=allotted.count(states, FREE, free),
        allotted_held=allotted.count(states, HELD, held),
        holds=tuple(holds),
    )


def row_bytes(plan: Plan, states: bytes | bytearray) -> bytes:
    """The byte of every row segment: its class and its longest run of free seats."""
    top = plan.levels - 1
    out = bytearray()
    for segment in plan.segments:
        row = bytes(states[segment.first : segment.first + segment.length])
        longest = max(map(len, row.translate(_FREE_ONLY).split()), default=0)
        out.append(segment.kind * plan.levels + min(longest, top))
    return bytes(out)


def record_for(
    plan: Plan,
    hold_id: str,
    status: HoldStatus,
    *,
    buyer: str,
    seats: Sequence[int],
    prices: Sequence[int],
    areas: Sequence[AreaUnits] = (),
    total: int,
    created_ms: int,
    expires_ms: int = 0,
    version: int = 1,
) -> HoldRecord:
    """The hold behind an order of the ledger, as the store would have kept it."""
    pairs = sorted(zip(seats, prices, strict=True))
    return HoldRecord(
        id=hold_id,
        status=status,
        version=version,
        buyer=buyer,
        created_ms=created_ms,
        expires_ms=expires_ms,
        latest_ms=expires_ms,
        seats=tuple(seat for seat, _ in pairs),
        prices=tuple(price for _, price in pairs),
        areas=tuple(areas),
        rows=tuple(row for row, _ in group_by_row(plan, seats)),
        total=total,
        ledger=True,
    )


_FREE_ONLY = bytes(FREE if byte == FREE else ord(" ") for byte in range(256))


def _place_seats(states: bytearray, hold: HoldRecord) -> None:
    if hold.status.ended:
        return
    state = BOOKED if hold.status is HoldStatus.CONFIRMED else HELD
    for seat in hold.seats:
        if states[seat] != FREE:
            raise ValueError(f"seat {seat} is in two holds")
        states[seat] = state


def _place_areas(
    settings: InventorySettings, holds: Sequence[HoldRecord]
) -> tuple[list[int], list[int]]:
    held, booked = [0] * len(settings.areas), [0] * len(settings.areas)
    for hold in holds:
        if not hold.status.ended:
            counts = booked if hold.status is HoldStatus.CONFIRMED else held
            for units in hold.areas:
                counts[units.area] += units.quantity
    return held, booked
