"""Draws: what fixes the order of a lobby, written once and before anybody is shown a number.

The secret of a draw is in its sale's row since the sale was made. What is added here is the rest:
how many took part, the accumulator of their joins, and the beacon's value. The first to seal a draw
decides; who comes later is answered what was decided. So a store that is lost right after the open
comes back with the order that people have seen.

Rejected: keeping it in the line's checkpoint, which is up to a second old and belongs to the line.
"""

from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import draws
from holdfast_ledger.sale_rows import lock_in_epoch


@dataclass(frozen=True, slots=True)
class DrawRecord:
    """A sealed draw."""

    sale_uid: str
    entrants: int
    accumulator: str
    beacon: str | None
    sealed_ms: int
    closed_ms: int = 0
    """when its lobby was closed; both times are the store's"""


class Draws:
    """Typed access to `draws`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seal(self, record: DrawRecord, *, epoch: int) -> DrawRecord:
        """Fixes the draw, unless it is fixed already; returns what holds.

        Only the present epoch may: what an earlier one had in its lobby may have been lost since.
        """
        async with self._database.writing() as connection:
            await lock_in_epoch(connection, record.sale_uid, epoch)
            held = await _read(connection, record.sale_uid)
            if held is not None:
                return held
            await connection.execute(insert(draws).values(asdict(record)))
        return record

    async def read(self, uid: str) -> DrawRecord | None:
        """The sale's draw, once it is sealed."""
        async with self._database.reading() as connection:
            return await _read(connection, uid)


async def forget_draw(connection: AsyncConnection, uid: str) -> None:
    """For a sale that is replaced before its first ticket: an empty lobby may have been sealed."""
    await connection.execute(delete(draws).where(draws.c.sale_uid == uid))


async def _read(connection: AsyncConnection, uid: str) -> DrawRecord | None:
    row = (await connection.execute(select(draws).where(draws.c.sale_uid == uid))).one_or_none()
    return None if row is None else DrawRecord(**row._mapping)
