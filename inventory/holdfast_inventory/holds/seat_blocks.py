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

from holdfast_inventory.orders.orders import BoxOffice, Stock
from holdfast_ledger import SeatBlock

ROUNDS_MAX: Final = 8
BLOCKED: Final = ord("x")


@dataclass(frozen=True, slots=True)
class Blocking:
    """Which of the seats are blocked now, and which somebody has."""

    blocked: tuple[int, ...]
    unavailable: tuple[int, ...]


async def block(office: BoxOffice, seats: Sequence[int]) -> Blocking:
    """Take seats off sale; those that are held or booked are left as they are."""
    stock = office.stock
    await office.ledger.blocks.want(stock.ref.uid, seats, blocked=True, epoch=stock.ref.epoch)
    await settle(office)
    states = await _states(stock)
    blocked = tuple(seat for seat in seats if states[seat] == BLOCKED)
    return Blocking(blocked, tuple(seat for seat in seats if states[seat] != BLOCKED))


async def unblock(office: BoxOffice, seats: Sequence[int]) -> int:
    """Put blocked seats back on sale; others are left as they are. Answers how many were."""
    stock, blocks = office.stock, office.ledger.blocks
    freed = await blocks.want(stock.ref.uid, seats, blocked=False, epoch=stock.ref.epoch)
    await settle(office)
    return freed


async def settle(office: BoxOffice) -> None:
    """Bring the store to what the ledger wants. Harmless to repeat, and to do at the same time."""
    for _ in range(ROUNDS_MAX):
        rows = await office.ledger.blocks.untold(office.stock.ref.uid)
        if not rows:
            return
        await _tell(office, rows)


async def strays(office: BoxOffice) -> frozenset[int]:
    """Seats that are blocked in one of store and ledger alone: on their way, or left behind."""
    stock = office.stock
    wishes = await office.ledger.blocks.wishes(stock.ref.uid)
    if not wishes:  # the store was never told to block anything
        return frozenset()
    wanted = frozenset(seat for seat, blocked in wishes.items() if blocked)
    return wanted ^ frozenset(_blocked_in(await _states(stock)))


def _blocked_in(states: bytes) -> Iterator[int]:
    at = states.find(BLOCKED)
    while at >= 0:
        yield at
        at = states.find(BLOCKED, at + 1)


async def _tell(office: BoxOffice, rows: Sequence[SeatBlock]) -> None:
    stock, blocks = office.stock, office.ledger.blocks
    wanted, unwanted = [r for r in rows if r.blocked], [r for r in rows if not r.blocked]
    if unwanted:
        await stock.unblock([row.seat for row in unwanted])
    if wanted:
        await stock.block([row.seat for row in wanted])
    states = await _states(stock)
    await blocks.withdraw(stock.ref.uid, [r for r in wanted if states[r.seat] != BLOCKED])
    await blocks.note_told(stock.ref.uid, rows)


async def _states(stock: Stock) -> bytes:
    return (await stock.calls.read_seats(stock.ref)).states
