"""Who did what: every operator's change, appended and never altered.

A change of a sale that the ledger writes takes its line along in the same transaction (`note`), so
that no crash can leave one without the other. What is changed elsewhere is noted on its own.
"""

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.database.clock import now_ms
from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import audit
from holdfast_ledger.records import AuditEntry, AuditNote

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
            await note(connection, AuditNote(actor, action, detail), sale)

    async def page(
        self, *, sale: str | None = None, limit: int = MAX_PAGE, after: int = 0
    ) -> list[AuditEntry]:
        """Entries in the order they were written, those with an id above `after`."""
        query = (
            select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(min(limit, MAX_PAGE))
        )
        if sale is not None:
            query = query.where(audit.c.sale == sale)
        async with self._database.reading() as connection:
            rows = await connection.execute(query)
            return [
                AuditEntry(r.id, r.at_ms, r.actor, r.action, r.sale, r.detail.encode())
                for r in rows
            ]


async def note(connection: AsyncConnection, line: AuditNote | None, sale: str | None) -> None:
    """Add the line, if there is one, to the caller's transaction."""
    if line is None:
        return
    await connection.execute(
        insert(audit).values(
            at_ms=now_ms(),
            actor=line.actor,
            action=line.action,
            sale=sale,
            detail=line.detail.decode(),
        )
    )
