"""Flags of orders: what was abnormal about one, until an operator has looked into it.

A flag is about an order by its id, which is its hold's: there may be no such order, when a payment
was refused before there was one. Each flag of an order is written once, whoever finds it and how
often, by the primary key; an operator resolves all flags of an order at once, and what was resolved
stays so.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import ColumnElement

from holdfast_ledger.audit import append_entry
from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import order_flags, orders
from holdfast_ledger.records import AuditEntry

ANY_FLAG: Final = "any"


class OrderFlag(StrEnum):
    """Why an order is abnormal."""

    PAID_UNCONFIRMED = "paid_unconfirmed"
    """a confirm was begun and never ended: somebody says that they have paid, and has no seats"""
    CONFIRM_SLOW = "confirm_slow"
    """the answer to the confirm took so long that the shop may have given up on it"""
    AMOUNT_MISMATCH = "amount_mismatch"
    """a payment of another amount than the order costs"""
    MANY_TICKETS = "many_tickets"
    """the buyer bought with several passes: one person came through the line again and again"""
    PAID_LATE = "paid_late"
    """the payment came after the hold had run out"""


class OrderFlags:
    """Typed access to `order_flags`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, sale_uid: str, order_id: str, flag: OrderFlag, *, at_ms: int) -> bool:
        """Flags an order; False when it has, or had, this flag already."""
        row = {
            "sale_uid": sale_uid,
            "order_id": order_id,
            "flag": flag.value,
            "flagged_ms": at_ms,
        }
        try:
            async with self._database.writing() as connection:
                await connection.execute(insert(order_flags).values(row))
        except IntegrityError:
            return False
        return True

    async def of(self, order_ids: Sequence[str]) -> dict[str, tuple[OrderFlag, ...]]:
        """The open flags of these orders, by order; orders without any are left out."""
        query = (
            select(order_flags.c.order_id, order_flags.c.flag)
            .where(order_flags.c.order_id.in_(list(order_ids)), order_flags.c.resolved_ms.is_(None))
            .order_by(order_flags.c.flag)
        )
        found: dict[str, tuple[OrderFlag, ...]] = {}
        async with self._database.reading() as connection:
            for row in await connection.execute(query):
                found[row.order_id] = (*found.get(row.order_id, ()), OrderFlag(row.flag))
        return found

    async def resolve(
        self, sale_uid: str, order_id: str, *, at_ms: int, sale: str, entry: AuditEntry
    ) -> bool:
        """Resolves all open flags of an order, with its audit entry; False when there were none."""
        open_ones = (
            (order_flags.c.sale_uid == sale_uid)
            & (order_flags.c.order_id == order_id)
            & order_flags.c.resolved_ms.is_(None)
        )
        async with self._database.writing() as connection:
            done = await connection.execute(
                update(order_flags).where(open_ones).values(resolved_ms=at_ms)
            )
            await append_entry(connection, entry, sale)
        return bool(done.rowcount)


def flagged(flag: str) -> ColumnElement[bool]:
    """The condition on `orders` that an order has this open flag, or with `any` any of them."""
    query = select(order_flags.c.order_id).where(
        order_flags.c.sale_uid == orders.c.sale_uid, order_flags.c.resolved_ms.is_(None)
    )
    if flag != ANY_FLAG:
        query = query.where(order_flags.c.flag == flag)
    return orders.c.id.in_(query)
