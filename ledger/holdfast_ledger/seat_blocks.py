"""Seats that the operator has taken off sale: what was wanted, and what the store was last told.

A block must outlive the store, so the ledger has it first. Each change of a seat's row moves its
`version`; `told` is the version that the store was brought to last. Where the two differ the store
has yet to be told, by whoever changed the row or, when that one died, by recovery. `told` is
written plainly, never only upwards: who told the store of an older version after somebody else told
it of a newer one leaves the two apart, and so the seat is told again. Who dies in between, late and
unheard, is found out by comparing the store with what is wanted: `doubt` then leaves them apart.

Rejected: deleting the row of a seat that is put back on sale. The one who still carries an old
block to the store would then find nothing that says it is old.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Update, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import sales, seat_blocks
from holdfast_ledger.errors import EpochPassed, SaleMissing

UNTOLD_MAX: Final = 5_000
SALES_MAX: Final = 1_000
NEVER_TOLD: Final = -1

_OF_SEAT = (seat_blocks.c.sale_uid == bindparam("in_sale")) & (
    seat_blocks.c.seat == bindparam("at_seat")
)
_CHANGE = update(seat_blocks).where(_OF_SEAT)
_NOTE = _CHANGE.values(told=bindparam("to_version"))
_DOUBT = _CHANGE.values(told=NEVER_TOLD)
_WITHDRAW = _CHANGE.where(seat_blocks.c.version == bindparam("to_version")).values(
    blocked=False, told=bindparam("to_version")
)


@dataclass(frozen=True, slots=True)
class SeatBlock:
    """A seat by its plan index: whether it is to be blocked, and which change of it this is."""

    seat: int
    blocked: bool
    version: int


class Blocks:
    """Typed access to `seat_blocks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def want(self, uid: str, seats: Sequence[int], *, blocked: bool, epoch: int) -> int:
        """Note what these seats are to be. Only the present epoch may: a rebuild reads this.

        A repeat is a change too: it has the store told again. Answers how many were otherwise.
        """
        async with self._database.writing() as connection:
            await _lock_sale(connection, uid, epoch)
            known = await _read(connection, uid, seats)
            fresh = [_row(uid, seat) for seat in seats if seat not in known]
            moved = [_of(uid, row, row.version + 1) for row in known.values()]
            if fresh and blocked:
                await connection.execute(insert(seat_blocks), fresh)
            if moved:
                change = _CHANGE.values(blocked=blocked, version=bindparam("to_version"))
                await connection.execute(change, moved)
        were = [seat in known and known[seat].blocked for seat in seats]
        return were.count(not blocked)

    async def untold(self, uid: str, *, limit: int = UNTOLD_MAX) -> list[SeatBlock]:
        """What the store has yet to be told, some of it."""
        differs = seat_blocks.c.version != seat_blocks.c.told
        query = select(seat_blocks).where(seat_blocks.c.sale_uid == uid, differs)
        async with self._database.reading() as connection:
            rows = await connection.execute(query.limit(min(limit, UNTOLD_MAX)))
            return [SeatBlock(row.seat, row.blocked, row.version) for row in rows]

    async def sales_untold(self, *, limit: int = SALES_MAX) -> list[str]:
        """The uids of sales of whose blocks the store has yet to be told, some of them."""
        differs = seat_blocks.c.version != seat_blocks.c.told
        query = select(seat_blocks.c.sale_uid).where(differs).distinct()
        async with self._database.reading() as connection:
            return list(await connection.scalars(query.limit(min(limit, SALES_MAX))))

    async def note_told(self, uid: str, rows: Sequence[SeatBlock]) -> None:
        """The store was brought to these versions last."""
        await self._each(_NOTE, uid, rows)

    async def doubt(self, uid: str, seats: Sequence[int]) -> None:
        """The store is not as it should be here: have it told again, of whatever is wanted then."""
        if seats:
            async with self._database.writing() as connection:
                await connection.execute(
                    _DOUBT, [{"in_sale": uid, "at_seat": seat} for seat in seats]
                )

    async def withdraw(self, uid: str, rows: Sequence[SeatBlock]) -> None:
        """Somebody has these seats: they stay theirs and are not to be blocked any more."""
        await self._each(_WITHDRAW, uid, rows)

    async def blocked(self, uid: str) -> list[int]:
        """All seats that are to be blocked, in plan order."""
        query = select(seat_blocks.c.seat).where(
            seat_blocks.c.sale_uid == uid, seat_blocks.c.blocked.is_(True)
        )
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(seat_blocks.c.seat))
            return [row.seat for row in rows]

    async def wishes(self, uid: str) -> dict[int, bool]:
        """Every seat that was ever to be blocked, and whether it still is."""
        query = select(seat_blocks.c.seat, seat_blocks.c.blocked)
        async with self._database.reading() as connection:
            rows = await connection.execute(query.where(seat_blocks.c.sale_uid == uid))
            return {row.seat: bool(row.blocked) for row in rows}

    async def _each(self, statement: Update, uid: str, rows: Sequence[SeatBlock]) -> None:
        if rows:
            async with self._database.writing() as connection:
                changes = [_of(uid, row, row.version) for row in rows]
                await connection.execute(statement, changes)


async def forget_blocks(connection: AsyncConnection, uid: str) -> None:
    """For a sale that is replaced: the indices of another plan mean other seats."""
    await connection.execute(delete(seat_blocks).where(seat_blocks.c.sale_uid == uid))


async def _lock_sale(connection: AsyncConnection, uid: str, epoch: int) -> None:
    query = select(sales.c.epoch).where(sales.c.uid == uid, sales.c.live_name.is_not(None))
    row = (await connection.execute(query.with_for_update())).one_or_none()
    if row is None:
        raise SaleMissing()
    if row.epoch != epoch:
        raise EpochPassed()


async def _read(
    connection: AsyncConnection, uid: str, seats: Sequence[int]
) -> dict[int, SeatBlock]:
    query = select(seat_blocks).where(
        seat_blocks.c.sale_uid == uid, seat_blocks.c.seat.in_(list(seats))
    )
    rows = await connection.execute(query)
    return {row.seat: SeatBlock(row.seat, row.blocked, row.version) for row in rows}


def _row(uid: str, seat: int) -> dict[str, object]:
    return {"sale_uid": uid, "seat": seat, "blocked": True, "version": 1, "told": 0}


def _of(uid: str, row: SeatBlock, version: int) -> dict[str, object]:
    return {"in_sale": uid, "at_seat": row.seat, "to_version": version}
