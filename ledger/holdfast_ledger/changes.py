"""Which sales have changed, in the order in which the changes became visible.

Every write of a sale that workers must notice takes the next number of one counter, as the last
statement before its commit. The counter's row stays locked until then, so numbers become visible in
order: a reader that has read up to a number has missed none below it. No clock is involved.

Raising a ceiling and noting an installation are not numbered: the first happens all the time, and
no other worker has to know of either.

Rejected: looking for a later `updated_ms`. The clocks of nodes differ, and a transaction that began
earlier may commit later.
"""

from typing import Final, NamedTuple

from sqlalchemy import Integer, and_, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import change_counter, sales
from holdfast_ledger.records import SaleRecord, sale_record

CHANGES_MAX: Final = 500
_ONLY_ROW: Final = 1

# Built once: every worker runs it every second, and building costs more than running it.
_NUMBER, _UID = sales.c.change_number, sales.c.uid
_AFTER: Final = (
    select(sales)
    .where(
        or_(
            bindparam("after_number") < _NUMBER,
            and_(bindparam("after_number") == _NUMBER, bindparam("after_uid") < _UID),
        )
    )
    .order_by(_NUMBER, _UID)
    .limit(bindparam("at_most", type_=Integer))
)


class ChangeCursor(NamedTuple):
    """How far changes have been read; sales older than the counter share the number 0."""

    number: int = -1
    uid: str = ""


class SaleChange(NamedTuple):
    """A sale as of its last change, deleted ones included."""

    cursor: ChangeCursor
    record: SaleRecord


class SaleChanges:
    """Reads the changes of all sales."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, cursor: ChangeCursor, *, limit: int = CHANGES_MAX) -> list[SaleChange]:
        """The sales that changed after `cursor`, each once, the earliest change first."""
        asked = {
            "after_number": cursor.number,
            "after_uid": cursor.uid,
            "at_most": min(limit, CHANGES_MAX),
        }
        async with self._database.reading() as connection:
            rows = (await connection.execute(_AFTER, asked)).all()
        return [
            SaleChange(ChangeCursor(row.change_number, row.uid), sale_record(row._asdict()))
            for row in rows
        ]


async def number_change(connection: AsyncConnection, uid: str) -> None:
    """Gives the sale the next number; call it last in a transaction: other changes wait
    from here.
    """
    counted = change_counter.c.id == _ONLY_ROW
    await connection.execute(
        update(change_counter).where(counted).values(last=change_counter.c.last + 1)
    )
    last = select(change_counter.c.last).where(counted).scalar_subquery()
    await connection.execute(update(sales).where(sales.c.uid == uid).values(change_number=last))
