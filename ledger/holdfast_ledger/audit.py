"""The audit: who changed what, appended and never altered.

A change of a sale that the ledger writes has its entry written in the same transaction
(`append_entry`), so that no crash can leave one without the other. A change made elsewhere has its
entry written in a transaction of its own.
"""

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.database.clock import now_ms
from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import audit
from holdfast_ledger.records import AuditEntry, AuditRecord

MAX_PAGE = 500


class Audit:
    """Typed access to `audit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(
        self, actor: str, action: str, *, sale: str | None = None, detail: bytes = b"{}"
    ) -> None:
        """Note an action; `actor` is a key's id, `detail` JSON without secrets."""
        async with self._database.writing() as connection:
            await append_entry(connection, AuditEntry(actor, action, detail), sale)

    async def page(
        self, *, sale: str | None = None, limit: int = MAX_PAGE, after: int = 0
    ) -> list[AuditRecord]:
        """Entries in the order they were written, those with an id above `after`."""
        query = (
            select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(min(limit, MAX_PAGE))
        )
        if sale is not None:
            query = query.where(audit.c.sale == sale)
        async with self._database.reading() as connection:
            rows = await connection.execute(query)
            return [
                AuditRecord(r.id, r.at_ms, r.actor, r.action, r.sale, r.detail.encode())
                for r in rows
            ]


async def append_entry(
    connection: AsyncConnection, entry: AuditEntry | None, sale: str | None
) -> None:
    """Writes the entry, if there is one, within the caller's transaction."""
    if entry is None:
        return
    await connection.execute(
        insert(audit).values(
            at_ms=now_ms(),
            actor=entry.actor,
            action=entry.action,
            sale=sale,
            detail=entry.detail.decode(),
        )
    )
