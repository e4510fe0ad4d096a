"""Statements about the rows of one sale, within the transaction of their caller."""

import zlib
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.audit import append_entry
from holdfast_ledger.database.clock import now_ms
from holdfast_ledger.database.schema import area_sold, sale_plans, sales
from holdfast_ledger.errors import EpochPassed, SaleMissing
from holdfast_ledger.records import AuditEntry, DrawStarts, SaleDraft

BY_UID = select(sales).where(sales.c.uid == bindparam("in_sale"))
IN_EPOCH = update(sales).where(
    sales.c.uid == bindparam("in_sale"),
    sales.c.epoch == bindparam("in_epoch"),
    sales.c.live_name.is_not(None),
)
_LIVE_BY_UID = BY_UID.where(sales.c.live_name.is_not(None))


async def append_sale_entry(
    connection: AsyncConnection, uid: str, entry: AuditEntry | None
) -> None:
    """Writes an audit entry about the sale with this uid, under the sale's name."""
    if entry is not None:
        name = await connection.scalar(select(sales.c.name).where(sales.c.uid == uid))
        await append_entry(connection, entry, name)


async def locked_row(connection: AsyncConnection, condition: ColumnElement[bool]) -> Row[Any]:
    """The sale's row, locked against confirms and other writers until the transaction ends."""
    query = select(sales).where(condition, sales.c.live_name.is_not(None)).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise SaleMissing()
    return row


async def lock_in_epoch(connection: AsyncConnection, uid: str, epoch: int) -> None:
    """Locks the row of a live sale that is in this epoch, else raises EpochPassed."""
    if (await locked_row(connection, sales.c.uid == uid)).epoch != epoch:
        raise EpochPassed()


async def update_in_epoch(
    connection: AsyncConnection,
    uid: str,
    epoch: int,
    *conditions: ColumnElement[bool],
    **values: object,
) -> bool:
    """Changes the row of a live sale that is in this epoch; returns whether it did."""
    change = IN_EPOCH.where(*conditions).values(values)
    done = await connection.execute(change, {"in_sale": uid, "in_epoch": epoch})
    return bool(done.rowcount)


async def row_in_epoch(connection: AsyncConnection, uid: str, epoch: int) -> Row[Any]:
    """The row of a live sale; SaleMissing, or EpochPassed when it is in another epoch."""
    row = (await connection.execute(_LIVE_BY_UID, {"in_sale": uid})).one_or_none()
    if row is None:
        raise SaleMissing()
    if row.epoch != epoch:
        raise EpochPassed()
    return row


def fresh_row(draft: SaleDraft) -> dict[str, object]:
    at_ms = now_ms()
    return {
        "uid": draft.uid,
        "name": draft.name,
        "live_name": draft.name,
        "epoch": 1,
        "lifecycle": draft.lifecycle,
        "spec": draft.spec.decode(),
        "settings_version": 1,
        "issued_ceiling": 0,
        "draw_secret": draft.draw_secret,
        "identity_secret": draft.identity_secret.hex(),
        "draw_starts": starts_text(draft.draw_starts) if draft.draw_starts else None,
        "provisioned": False,
        "store_nonce": "",
        "created_ms": at_ms,
        "updated_ms": at_ms,
    }


async def write_inventory(connection: AsyncConnection, draft: SaleDraft) -> None:
    """Writes the areas and the plan, compressed tenfold: MySQL refuses packets of 16 MB."""
    if draft.plan is not None:
        body = zlib.compress(draft.plan)
        await connection.execute(insert(sale_plans).values(sale_uid=draft.uid, body=body))
    if draft.areas:
        rows = [
            {"sale_uid": draft.uid, "area": area, "sold": 0, "capacity": capacity}
            for area, capacity in sorted(draft.areas.items())
        ]
        await connection.execute(insert(area_sold), rows)


def starts_text(starts: DrawStarts) -> str:
    return msgspec.json.encode(starts).decode()
