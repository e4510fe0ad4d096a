"""Seats that the operator has taken off sale: what is wanted, and what the store was brought to.

A block must outlive the store, so it is written to the ledger first. Each change of a seat's row
raises its `version`; `told` is the version that the store was last brought to. Where the two differ
the store has yet to be brought up to date, by whoever changed the row or, if that process died, by
recovery. `told` may also fall: a process that brings an older version to the store after another
one brought a newer one leaves the two different, and so the seat is synchronised again. A process
that dies between those two steps is found out by comparing the store with what is wanted:
`mark_unsynced` then makes the two differ.

Rejected: deleting the row of a seat that is put back on sale. A process that still carries an old
block to the store would then find nothing that says it is old.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Update, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import seat_blocks
from holdfast_ledger.records import AuditEntry
from holdfast_ledger.sale_rows import append_sale_entry, lock_in_epoch

UNSYNCED_MAX: Final = 5_000
SALES_MAX: Final = 1_000
NEVER_SYNCED: Final = -1

_OF_SEAT = (seat_blocks.c.sale_uid == bindparam("in_sale")) & (
    seat_blocks.c.seat == bindparam("at_seat")
)
_CHANGE = update(seat_blocks).where(_OF_SEAT)
_NOTE = _CHANGE.values(told=bindparam("to_version"))
_MARK_UNSYNCED = _CHANGE.values(told=NEVER_SYNCED)
_WITHDRAW = _CHANGE.where(seat_blocks.c.version == bindparam("to_version")).values(
    blocked=False, told=bindparam("to_version")
)
_OF_SALE = select(seat_blocks).where(seat_blocks.c.sale_uid == bindparam("in_sale"))
_UNSYNCED = _OF_SALE.where(seat_blocks.c.version != seat_blocks.c.told).limit(bindparam("limit"))
_WANTED = _OF_SALE.with_only_columns(seat_blocks.c.seat, seat_blocks.c.blocked)


@dataclass(frozen=True, slots=True)
class SeatBlock:
    """A seat by its plan index: whether it is to be blocked, and which change of it this is."""

    seat: int
    blocked: bool
    version: int


class SeatBlocks:
    """Typed access to `seat_blocks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_wanted(
        self,
        uid: str,
        seats: Sequence[int],
        *,
        blocked: bool,
        epoch: int,
        entry: AuditEntry | None = None,
    ) -> int:
        """Writes whether these seats are to be blocked; returns how many were not so before.

        Only for the present epoch (else EpochPassed), since a rebuild reads this. A repeat raises
        the versions too, so that the store is brought up to date again.
        """
        async with self._database.writing() as connection:
            await lock_in_epoch(connection, uid, epoch)
            known = await _read(connection, uid, seats)
            fresh = [_row(uid, seat) for seat in seats if seat not in known]
            moved = [_of(uid, row, row.version + 1) for row in known.values()]
            if fresh and blocked:
                await connection.execute(insert(seat_blocks), fresh)
            if moved:
                change = _CHANGE.values(blocked=blocked, version=bindparam("to_version"))
                await connection.execute(change, moved)
            await append_sale_entry(connection, uid, entry)
        were = [seat in known and known[seat].blocked for seat in seats]
        return were.count(not blocked)

    async def unsynced(self, uid: str, *, limit: int = UNSYNCED_MAX) -> list[SeatBlock]:
        """Up to `limit` rows that the store is not up to date with."""
        values = {"in_sale": uid, "limit": min(limit, UNSYNCED_MAX)}
        async with self._database.reading() as connection:
            rows = await connection.execute(_UNSYNCED, values)
            return [SeatBlock(row.seat, row.blocked, row.version) for row in rows]

    async def sales_unsynced(self, *, limit: int = SALES_MAX) -> list[str]:
        """The uids of up to `limit` sales that have such rows."""
        differs = seat_blocks.c.version != seat_blocks.c.told
        query = select(seat_blocks.c.sale_uid).where(differs).distinct()
        async with self._database.reading() as connection:
            return list(await connection.scalars(query.limit(min(limit, SALES_MAX))))

    async def note_synced(self, uid: str, rows: Sequence[SeatBlock]) -> None:
        """Notes that the store was last brought to these versions."""
        await self._each(_NOTE, uid, rows)

    async def mark_unsynced(self, uid: str, seats: Sequence[int]) -> None:
        """Has recovery bring the store up to date with what is wanted of these seats by then."""
        if seats:
            async with self._database.writing() as connection:
                await connection.execute(
                    _MARK_UNSYNCED, [{"in_sale": uid, "at_seat": seat} for seat in seats]
                )

    async def withdraw(self, uid: str, rows: Sequence[SeatBlock]) -> None:
        """Stops wanting these blocks, unless they have changed since: somebody has the seats."""
        await self._each(_WITHDRAW, uid, rows)

    async def blocked(self, uid: str) -> list[int]:
        """All seats that are to be blocked, in plan order."""
        query = select(seat_blocks.c.seat).where(
            seat_blocks.c.sale_uid == uid, seat_blocks.c.blocked.is_(True)
        )
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(seat_blocks.c.seat))
            return [row.seat for row in rows]

    async def wanted(self, uid: str) -> dict[int, bool]:
        """Whether each seat that was ever to be blocked still is, by seat."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_WANTED, {"in_sale": uid})
            return {row.seat: bool(row.blocked) for row in rows}

    async def _each(self, statement: Update, uid: str, rows: Sequence[SeatBlock]) -> None:
        if rows:
            async with self._database.writing() as connection:
                changes = [_of(uid, row, row.version) for row in rows]
                await connection.execute(statement, changes)


async def forget_blocks(connection: AsyncConnection, uid: str) -> None:
    """Deletes the blocks of a sale that is replaced: in another plan indices are of other seats."""
    await connection.execute(delete(seat_blocks).where(seat_blocks.c.sale_uid == uid))


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
