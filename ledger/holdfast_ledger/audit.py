"""The audit: who changed what, appended and never altered.

A change that the ledger writes has its entry written in the same transaction (`append_entry`), so
that no crash can leave one without the other. A change made elsewhere has its entry written right
after it, in a transaction of its own.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.database.clock import now_ms
from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import api_keys, audit
from holdfast_ledger.records import AuditEntry, AuditRecord

# One more than the longest page of the API, to see whether more follow.
MAX_PAGE = 501

_WITH_NAMES = (
    select(audit, api_keys.c.name.label("actor_name"))
    .outerjoin(api_keys, api_keys.c.id == audit.c.actor)
    .order_by(audit.c.id.desc())
)


class Audit:
    """Typed access to `audit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entry: AuditEntry, *, sale: str | None = None) -> None:
        """Writes the entry of a change that was made elsewhere."""
        async with self._database.writing() as connection:
            await append_entry(connection, entry, sale)

    async def page(
        self,
        *,
        sales: Collection[str] | None = None,
        actor: str | None = None,
        action: str | None = None,
        limit: int = MAX_PAGE,
        before: int | None = None,
    ) -> list[AuditRecord]:
        """Entries, the newest first, those with an id below `before`.

        `sales` are the names whose entries are wanted; None for all, entries of no sale included.
        """
        query = _WITH_NAMES.limit(min(limit, MAX_PAGE))
        if before is not None:
            query = query.where(audit.c.id < before)
        if sales is not None:
            query = query.where(audit.c.sale.in_(sorted(sales)))
        if actor is not None:
            query = query.where(audit.c.actor == actor)
        if action is not None:
            query = query.where(audit.c.action == action)
        async with self._database.reading() as connection:
            return [_record(row) for row in await connection.execute(query)]


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
            address=entry.address,
            request_id=entry.request_id,
            state_before=_text(entry.before),
            state_after=_text(entry.after),
        )
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else value.encode()


def _record(row: Row[Any]) -> AuditRecord:
    entry = AuditEntry(
        row.actor,
        row.action,
        row.detail.encode(),
        _bytes(row.state_before),
        _bytes(row.state_after),
        row.address,
        row.request_id,
    )
    return AuditRecord(row.id, row.at_ms, row.sale, entry, row.actor_name)
