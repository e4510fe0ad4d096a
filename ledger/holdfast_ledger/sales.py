"""The sales: which exist, in which epoch, with which settings.

Every worker of every node reads sales from here; the store is only a copy. Four of these writes are
fences, and each is one guarded statement or one locked row:

- `bump_epoch` ends an epoch. Confirms hold the sale's row by a shared lock while they commit, and
  the bump locks it for itself, so once the bump returns, no confirm of an older epoch can commit
  any more, and what is read then is final.
- `bind_store` gives an epoch to one store, the first that asks. When two masters each take
  themselves for the only one, the other can never carry that epoch.
- `raise_ceiling` promises line numbers before they are issued, and only to the present epoch. It is
  one guarded UPDATE, which on PostgreSQL is compatible with the confirms' FOR KEY SHARE: an
  exclusive lock would starve, since the shared locks of confirms may overlap without a gap.
- `patch` and `set_lifecycle` raise `settings_version`, which tells workers to read the sale anew.

Changes that every worker must learn of are numbered: see `changes`.

Rejected: a version column for optimistic locking of the whole row. The ceiling moves all the time
and would make an operator's PATCH fail for no reason.
"""

import zlib
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from holdfast_ledger.audit import append_entry
from holdfast_ledger.changes import number_change
from holdfast_ledger.database.clock import now_ms
from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import area_sold, orders, sale_plans, sales
from holdfast_ledger.draws import forget_draw
from holdfast_ledger.errors import EpochElsewhere, OrdersKept, SaleMissing, SaleTaken
from holdfast_ledger.records import AuditEntry, DrawStarts, SaleDraft, SaleRecord, sale_record
from holdfast_ledger.sale_rows import (
    BY_UID,
    IN_EPOCH,
    append_sale_entry,
    fresh_row,
    locked_row,
    row_in_epoch,
    starts_text,
    update_in_epoch,
    write_inventory,
)
from holdfast_ledger.seat_blocks import forget_blocks

# One more than the longest page of the API, to see whether more follow.
MAX_PAGE = 501

_LIVE_BY_NAME = select(sales).where(sales.c.live_name == bindparam("name"))
_UIDS = select(sales.c.live_name, sales.c.uid).where(
    sales.c.live_name.in_(bindparam("names", expanding=True))
)
_PROVISION = IN_EPOCH.values(provisioned=True, installed_epoch=bindparam("in_epoch"))


class Sales:
    """Typed access to `sales`, `sale_plans` and the capacities of `area_sold`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, draft: SaleDraft, entry: AuditEntry | None = None) -> SaleRecord:
        """Creates a sale in epoch 1. SaleTaken when the name is in use."""
        try:
            async with self._database.writing() as connection:
                await connection.execute(insert(sales).values(fresh_row(draft)))
                await write_inventory(connection, draft)
                await append_entry(connection, entry, draft.name)
                await number_change(connection, draft.uid)
        except IntegrityError as error:
            raise SaleTaken(draft.name) from error
        return await self.read_uid(draft.uid)

    async def replace(self, draft: SaleDraft, entry: AuditEntry | None = None) -> SaleRecord | None:
        """Overwrites a sale that nobody has joined or bought from, under the same uid.

        Begins a new epoch, so that what the store still has is outdated. None when the sale has
        started: a number was promised or an order exists.
        """
        async with self._database.writing() as connection:
            row = await locked_row(connection, sales.c.uid == draft.uid)
            started = await connection.scalar(
                select(exists().where(orders.c.sale_uid == draft.uid))
            )
            if row.issued_ceiling or started:
                return None
            changes = fresh_row(draft) | {
                "epoch": row.epoch + 1,
                "settings_version": row.settings_version + 1,
                "created_ms": row.created_ms,
            }
            await connection.execute(update(sales).where(sales.c.uid == draft.uid).values(changes))
            await connection.execute(delete(sale_plans).where(sale_plans.c.sale_uid == draft.uid))
            await connection.execute(delete(area_sold).where(area_sold.c.sale_uid == draft.uid))
            await forget_draw(connection, draft.uid)
            await forget_blocks(connection, draft.uid)
            await write_inventory(connection, draft)
            await append_entry(connection, entry, draft.name)
            await number_change(connection, draft.uid)
        return await self.read_uid(draft.uid)

    async def read(self, name: str) -> SaleRecord | None:
        """The live sale of this name."""
        return await self._read_one(_LIVE_BY_NAME, name=name)

    async def live(self, names: Sequence[str]) -> dict[str, str]:
        """The uids of the live sales of these names, by name."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_UIDS, {"names": names})
            return {row.live_name: row.uid for row in rows}

    async def read_uid(self, uid: str) -> SaleRecord:
        """The sale with this uid, deleted or not. SaleMissing when there never was one."""
        record = await self._read_one(BY_UID, in_sale=uid)
        if record is None:
            raise SaleMissing()
        return record

    async def read_plan(self, uid: str) -> bytes | None:
        """The seating plan as it was imported; None for a sale of areas alone."""
        async with self._database.reading() as connection:
            body = await connection.scalar(
                select(sale_plans.c.body).where(sale_plans.c.sale_uid == uid)
            )
        return None if body is None else zlib.decompress(body)

    async def page(
        self, *, limit: int = MAX_PAGE, after: str = "", names: Collection[str] = ()
    ) -> list[SaleRecord]:
        """Up to `limit` live sales in order of their names, from after the name `after`; only those
        of these `names`, if there are any.
        """
        query = (
            select(sales)
            .where(sales.c.live_name > after)
            .order_by(sales.c.live_name)
            .limit(min(limit, MAX_PAGE))
        )
        return await self._named(query, sales.c.live_name, names)

    async def page_deleted(
        self,
        *,
        limit: int = MAX_PAGE,
        after: tuple[str, str] = ("", ""),
        names: Collection[str] = (),
    ) -> list[SaleRecord]:
        """Up to `limit` deleted sales by name and uid, from after (name, uid) `after`; only those
        of these `names`, if there are any.
        """
        query = (
            select(sales)
            .where(sales.c.live_name.is_(None), tuple_(sales.c.name, sales.c.uid) > after)
            .order_by(sales.c.name, sales.c.uid)
            .limit(min(limit, MAX_PAGE))
        )
        return await self._named(query, sales.c.name, names)

    async def any(self) -> bool:
        """Whether there has ever been a sale."""
        async with self._database.reading() as connection:
            return (await connection.scalar(select(sales.c.uid).limit(1))) is not None

    async def patch(
        self,
        uid: str,
        spec: bytes,
        *,
        seen_version: int,
        entry: AuditEntry | None = None,
        draw_starts: DrawStarts | None = None,
    ) -> SaleRecord | None:
        """Replaces the spec; None when another change came first (`seen_version` is stale).

        Given `draw_starts`, replaces the announced starts of the draw as well.
        """
        condition = (
            (sales.c.uid == uid)
            & (sales.c.settings_version == seen_version)
            & sales.c.live_name.is_not(None)
        )
        values = {"spec": spec.decode()}
        if draw_starts is not None:
            values["draw_starts"] = starts_text(draw_starts)
        changed = await self._change(uid, condition, entry, **values)
        record = await self.read_uid(uid)
        if record.deleted:
            raise SaleMissing()
        return record if changed else None

    async def set_lifecycle(
        self, uid: str, lifecycle: str, entry: AuditEntry | None = None
    ) -> SaleRecord:
        """Sets live, paused, draining or closed; the caller checks that the change is allowed."""
        condition = (sales.c.uid == uid) & sales.c.live_name.is_not(None)
        if not await self._change(uid, condition, entry, lifecycle=lifecycle):
            raise SaleMissing()
        return await self.read_uid(uid)

    async def adopt_lifecycle(
        self, seen: SaleRecord, lifecycle: str, entry: AuditEntry | None = None
    ) -> SaleRecord | None:
        """Writes the lifecycle that the store has; None when the sale is no longer as `seen`."""
        condition = (
            (sales.c.uid == seen.uid)
            & (sales.c.epoch == seen.epoch)
            & (sales.c.settings_version == seen.settings_version)
            & sales.c.live_name.is_not(None)
        )
        if not await self._change(seen.uid, condition, entry, lifecycle=lifecycle):
            return None
        return await self.read_uid(seen.uid)

    async def delete(
        self, uid: str, entry: AuditEntry | None = None, *, orders_kept: int | None = None
    ) -> None:
        """Frees the name; orders of the deleted sale stay readable by uid.

        OrdersKept when the sale has orders, of any status, and `orders_kept` is not their number.
        """
        counting = select(func.count()).select_from(orders).where(orders.c.sale_uid == uid)
        async with self._database.writing() as connection:
            await locked_row(connection, sales.c.uid == uid)
            count = int(await connection.scalar(counting) or 0)
            if count != (orders_kept or 0):
                raise OrdersKept(count)
            await connection.execute(
                update(sales)
                .where(sales.c.uid == uid)
                .values(live_name=None, lifecycle="closed", updated_ms=now_ms())
            )
            await append_sale_entry(connection, uid, entry)
            await number_change(connection, uid)

    async def bump_epoch(self, uid: str, *, seen_epoch: int) -> int:
        """Ends `seen_epoch`; returns the epoch that holds now.

        When several workers notice a loss at once, the first one bumps the epoch, once.
        """
        async with self._database.writing() as connection:
            row = await locked_row(connection, sales.c.uid == uid)
            if row.epoch != seen_epoch:
                return int(row.epoch)
            await connection.execute(
                update(sales)
                .where(sales.c.uid == uid)
                .values(epoch=seen_epoch + 1, store_nonce="", updated_ms=now_ms())
            )
            await number_change(connection, uid)
        return seen_epoch + 1

    async def bind_store(self, uid: str, *, epoch: int, nonce: str) -> None:
        """Gives the epoch to the store with this nonce. EpochElsewhere when another one has it."""
        async with self._database.writing() as connection:
            free = sales.c.store_nonce.in_(("", nonce))
            if await update_in_epoch(connection, uid, epoch, free, store_nonce=nonce):
                return
            await row_in_epoch(connection, uid, epoch)
        raise EpochElsewhere()

    async def raise_ceiling(self, uid: str, *, epoch: int, ceiling: int) -> int:
        """Promises numbers up to `ceiling`; returns the ceiling that holds, never a lower one."""
        async with self._database.writing() as connection:
            raised = await update_in_epoch(
                connection,
                uid,
                epoch,
                sales.c.issued_ceiling < ceiling,
                issued_ceiling=ceiling,
            )
            if raised:
                return ceiling
            row = await row_in_epoch(connection, uid, epoch)
        return int(row.issued_ceiling)

    async def set_provisioned(self, uid: str, *, epoch: int) -> None:
        """Notes that the store carries this epoch: from now on its absence there is a loss."""
        async with self._database.writing() as connection:
            noted = await connection.execute(_PROVISION, {"in_sale": uid, "in_epoch": epoch})
            if not noted.rowcount:
                await row_in_epoch(connection, uid, epoch)

    async def _named(
        self, query: Select[Any], name: ColumnElement[str], names: Collection[str]
    ) -> list[SaleRecord]:
        if names:
            query = query.where(name.in_(sorted(names)))
        async with self._database.reading() as connection:
            return [sale_record(row._asdict()) for row in await connection.execute(query)]

    async def _read_one(self, query: Select[Any], **values: str) -> SaleRecord | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(query, values)).one_or_none()
        return None if row is None else sale_record(row._asdict())

    async def _change(
        self, uid: str, condition: ColumnElement[bool], entry: AuditEntry | None, **values: str
    ) -> bool:
        async with self._database.writing() as connection:
            done = await connection.execute(
                update(sales)
                .where(condition)
                .values(
                    settings_version=sales.c.settings_version + 1, updated_ms=now_ms(), **values
                )
            )
            changed: bool = done.rowcount == 1
            if changed:
                await append_sale_entry(connection, uid, entry)
                await number_change(connection, uid)
        return changed
