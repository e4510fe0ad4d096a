"""Blocking seats: the operator takes them off sale, and they stay off whatever the store forgets.

    want (ledger)    what the seats are to be; a rebuild reads it from here on
    tell (store)     free seats become blocked, blocked ones free
    note (ledger)    the store has been told, or cannot be: somebody has the seat

A crash after the first step leaves rows that the store was not told of; recovery tells it. Who is
slow with the second, so slow that another has told the opposite meanwhile, and then dies before the
third, leaves a store that nobody knows to be wrong; recovery compares (`strays`) and tells it.

A seat that is held or booked is nobody's to take: the ledger withdraws its block, so that a rebuild
and the store agree about it, and the operator is told which ones those are.

Rejected: to keep the block of a held seat for when it comes back. It would have to be looked up
wherever a seat is freed, and the operator can ask again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_ledger import SeatBlock

ROUNDS_MAX: Final = 8
BLOCKED: Final = ord("x")


@dataclass(frozen=True, slots=True)
class Blocking:
    """Which of the seats are blocked now, and which somebody has."""

    blocked: tuple[int, ...]
    unavailable: tuple[int, ...]


async def block(context: SaleContext, seats: Sequence[int]) -> Blocking:
    """Take seats off sale; those that are held or booked are left as they are."""
    inventory = context.inventory
    await context.ledger.blocks.want(
        inventory.ref.uid, seats, blocked=True, epoch=inventory.ref.epoch
    )
    await settle(context)
    states = await _states(inventory)
    blocked = tuple(seat for seat in seats if states[seat] == BLOCKED)
    return Blocking(blocked, tuple(seat for seat in seats if states[seat] != BLOCKED))


async def unblock(context: SaleContext, seats: Sequence[int]) -> int:
    """Put blocked seats back on sale; others are left as they are. Answers how many were."""
    inventory, blocks = context.inventory, context.ledger.blocks
    freed = await blocks.want(inventory.ref.uid, seats, blocked=False, epoch=inventory.ref.epoch)
    await settle(context)
    return freed


async def settle(context: SaleContext) -> None:
    """Bring the store to what the ledger wants. Harmless to repeat, and to do at the same time."""
    for _ in range(ROUNDS_MAX):
        rows = await context.ledger.blocks.untold(context.inventory.ref.uid)
        if not rows:
            return
        await _tell(context, rows)


async def strays(context: SaleContext) -> frozenset[int]:
    """Seats that are blocked in one of store and ledger alone: on their way, or left behind."""
    inventory = context.inventory
    wishes = await context.ledger.blocks.wishes(inventory.ref.uid)
    if not wishes:  # the store was never told to block anything
        return frozenset()
    wanted = frozenset(seat for seat, blocked in wishes.items() if blocked)
    return wanted ^ frozenset(_blocked_in(await _states(inventory)))


def _blocked_in(states: bytes) -> Iterator[int]:
    at = states.find(BLOCKED)
    while at >= 0:
        yield at
        at = states.find(BLOCKED, at + 1)


async def _tell(context: SaleContext, rows: Sequence[SeatBlock]) -> None:
    inventory, blocks = context.inventory, context.ledger.blocks
    wanted, unwanted = [r for r in rows if r.blocked], [r for r in rows if not r.blocked]
    if unwanted:
        await inventory.unblock([row.seat for row in unwanted])
    if wanted:
        await inventory.block([row.seat for row in wanted])
    states = await _states(inventory)
    await blocks.withdraw(inventory.ref.uid, [r for r in wanted if states[r.seat] != BLOCKED])
    await blocks.note_told(inventory.ref.uid, rows)


async def _states(inventory: SaleInventory) -> bytes:
    return (await inventory.calls.read_seats(inventory.ref)).states
