"""Seat blocks: the operator takes seats off sale, and they stay off whatever the store forgets.

    set_wanted (ledger)    what the seats are to be; a rebuild reads it from here on
    block_seats (store)    free seats become blocked, blocked ones free
    note_synced (ledger)   the store is up to date, or cannot be: somebody has the seat

A crash after the first step leaves rows that the store does not know; recovery synchronises them.
A process may be so slow with the second step that another one has done the opposite meanwhile, and
may die before the third: nothing in the ledger says then that the store is wrong. Recovery compares
the two (`differing_seats`) and synchronises what differs.

A seat that is held or booked is not taken away from whoever has it: the ledger withdraws its block,
so that a rebuild and the store agree, and the operator gets the list of those seats.

Rejected: keeping the block of a held seat until the seat is free again. It would have to be looked
up wherever a seat is freed, and the operator can repeat the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_ledger import AuditEntry, SeatBlock
from holdfast_lua.calls.records import SeatState

ROUNDS_MAX: Final = 8
BLOCKED: Final = SeatState.BLOCKED.byte


@dataclass(frozen=True, slots=True)
class BlockResult:
    """Which of the seats are blocked now, and which are held or booked."""

    blocked: tuple[int, ...]
    unavailable: tuple[int, ...]


async def block(
    context: SaleContext, seats: Sequence[int], entry: AuditEntry | None = None
) -> BlockResult:
    """Takes seats off sale; those that are held or booked are left as they are."""
    inventory = context.inventory
    await context.ledger.seat_blocks.set_wanted(
        inventory.ref.uid, seats, blocked=True, epoch=inventory.ref.epoch, entry=entry
    )
    await sync_blocks(context)
    states = await _states(inventory)
    blocked = tuple(seat for seat in seats if states[seat] == BLOCKED)
    return BlockResult(blocked, tuple(seat for seat in seats if states[seat] != BLOCKED))


async def unblock(
    context: SaleContext, seats: Sequence[int], entry: AuditEntry | None = None
) -> int:
    """Puts blocked seats back on sale; returns how many of these seats were blocked."""
    inventory, blocks = context.inventory, context.ledger.seat_blocks
    freed = await blocks.set_wanted(
        inventory.ref.uid, seats, blocked=False, epoch=inventory.ref.epoch, entry=entry
    )
    await sync_blocks(context)
    return freed


async def sync_blocks(context: SaleContext) -> None:
    """Brings the store to what the ledger wants; may be repeated and run concurrently."""
    for _ in range(ROUNDS_MAX):
        rows = await context.ledger.seat_blocks.unsynced(context.inventory.ref.uid)
        if not rows:
            return
        await _sync(context, rows)


async def differing_seats(context: SaleContext) -> frozenset[int]:
    """Seats that only one of store and ledger has as blocked, on their way or forgotten."""
    inventory = context.inventory
    known = await context.ledger.seat_blocks.wanted(inventory.ref.uid)
    if not known:  # nothing was ever blocked in the store
        return frozenset()
    wanted = frozenset(seat for seat, blocked in known.items() if blocked)
    return wanted ^ frozenset(_blocked_seats(await _states(inventory)))


def _blocked_seats(states: bytes) -> Iterator[int]:
    at = states.find(BLOCKED)
    while at >= 0:
        yield at
        at = states.find(BLOCKED, at + 1)


async def _sync(context: SaleContext, rows: Sequence[SeatBlock]) -> None:
    inventory, blocks = context.inventory, context.ledger.seat_blocks
    wanted, unwanted = [r for r in rows if r.blocked], [r for r in rows if not r.blocked]
    if unwanted:
        await inventory.unblock([row.seat for row in unwanted])
    if wanted:
        await inventory.block([row.seat for row in wanted])
    states = await _states(inventory)
    await blocks.withdraw(inventory.ref.uid, [r for r in wanted if states[r.seat] != BLOCKED])
    await blocks.note_synced(inventory.ref.uid, rows)


async def _states(inventory: SaleInventory) -> bytes:
    return (await inventory.calls.read_seats(inventory.ref)).states
