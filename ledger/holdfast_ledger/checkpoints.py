"""Checkpoints: the state of each sale's line, written about once a second.

A rebuild restores `serving` and the active counts from it after a store loss. It may be a second
old: numbers are protected by the issued ceiling. A write never replaces a later checkpoint, in
whatever order workers arrive, and an older epoch never replaces a newer one.

`revision` is the store's at that moment. A worker that has just started has seen nothing of the
sale; the revision tells it what the store must have at least, and so exposes a rolled back one.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import checkpoints
from holdfast_ledger.records import Checkpoint

UIDS_AT_ONCE: Final = 500

_OF_SALE = select(checkpoints).where(checkpoints.c.sale_uid == bindparam("in_sale"))


class Checkpoints:
    """Typed access to `checkpoints`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, checkpoint: Checkpoint) -> None:
        """Writes this checkpoint unless a later one is there."""
        table = checkpoints.c
        older = or_(
            table.epoch < checkpoint.epoch,
            (table.epoch == checkpoint.epoch) & (table.taken_ms < checkpoint.taken_ms),
        )
        async with self._database.writing() as connection:
            changed = await connection.execute(
                update(checkpoints)
                .where(table.sale_uid == checkpoint.sale_uid, older)
                .values(asdict(checkpoint))
            )
        if changed.rowcount == 0 and await self.read(checkpoint.sale_uid) is None:
            await self._add(checkpoint)

    async def read(self, sale_uid: str) -> Checkpoint | None:
        """The latest checkpoint of the sale."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_OF_SALE, {"in_sale": sale_uid})).one_or_none()
        return None if row is None else Checkpoint(**row._mapping)

    async def revisions(self, sale_uids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Epoch and revision of the latest checkpoint, for those of these sales that have one."""
        table, found = checkpoints.c, {}
        for at in range(0, len(sale_uids), UIDS_AT_ONCE):
            query = select(table.sale_uid, table.epoch, table.revision).where(
                table.sale_uid.in_(sale_uids[at : at + UIDS_AT_ONCE])
            )
            async with self._database.reading() as connection:
                rows = await connection.execute(query)
                found.update({row.sale_uid: (row.epoch, row.revision) for row in rows})
        return found

    async def _add(self, checkpoint: Checkpoint) -> None:
        try:
            async with self._database.writing() as connection:
                await connection.execute(insert(checkpoints).values(asdict(checkpoint)))
        except IntegrityError:
            # Another worker has written the first one; the next tick, in a second, replaces it.
            return
