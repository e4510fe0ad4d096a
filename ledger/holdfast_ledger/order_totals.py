"""Totals of a sale's orders: how many of each status, what they come to, what was given back.

Counts and sums are the database's work. What was refunded stands in the JSON text of each order, so
the orders that have a refund are read in pages; their sum is exact, whatever the refunds were of.
The reads are not of one moment: an order that is confirmed in between may be in one and not in the
other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast_ledger.database.schema import orders
from holdfast_ledger.records import OrderStatus, Refund

REFUNDS_PAGE: Final = 2_000
PAGES_MAX: Final = 10_000
_REFUNDS: Final = msgspec.json.Decoder(tuple[Refund, ...])
_PAID: Final = func.coalesce(orders.c.amount, orders.c.total)


@dataclass(frozen=True, slots=True)
class StatusTotal:
    """The orders of one status: their number, what they cost, and what was paid (minor units)."""

    orders: int = 0
    total: int = 0
    paid: int = 0


@dataclass(slots=True)
class RefundTotal:
    """What was given back (minor units): orders with a refund, refunds, units on sale again.

    `of_sold` is the part of `amount` that was given back for orders which had been confirmed; the
    rest was for payments that nothing could be had for.
    """

    orders: int = 0
    refunds: int = 0
    units: int = 0
    amount: int = 0
    of_sold: int = 0

    def add(self, refunds: tuple[Refund, ...], *, sold: bool) -> None:
        """Adds the refunds of one order."""
        amount = sum(refund.amount for refund in refunds)
        self.orders += 1
        self.refunds += len(refunds)
        self.units += sum(refund.units for refund in refunds)
        self.amount += amount
        self.of_sold += amount if sold else 0


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """All totals of a sale; `confirmed` is what every order cost that was ever sold.

    A sale has one currency; None while it has no order.
    """

    by_status: Mapping[OrderStatus, StatusTotal] = field(default_factory=dict)
    confirmed: int = 0
    currency: str | None = None
    refunds: RefundTotal = field(default_factory=RefundTotal)


async def read_totals(connection: AsyncConnection, sale_uid: str) -> OrderTotals:
    """The totals of the sale with this uid, deleted or not."""
    of_sale = orders.c.sale_uid == sale_uid
    counted = await connection.execute(
        select(orders.c.status, func.count(), func.sum(orders.c.total), func.sum(_PAID))
        .where(of_sale)
        .group_by(orders.c.status)
    )
    found = {
        OrderStatus(status): StatusTotal(count, int(total), int(paid))
        for status, count, total, paid in counted
    }
    confirmed = await connection.scalar(
        select(func.sum(orders.c.total)).where(of_sale, orders.c.confirmed_ms.is_not(None))
    )
    currency = await connection.scalar(select(orders.c.currency).where(of_sale).limit(1))
    by_status = {status: found.get(status, StatusTotal()) for status in OrderStatus}
    refunds = await _refunds(connection, sale_uid)
    return OrderTotals(by_status, int(confirmed or 0), currency, refunds)


async def _refunds(connection: AsyncConnection, sale_uid: str) -> RefundTotal:
    total = RefundTotal()
    after = (-1, "")
    for _ in range(PAGES_MAX):
        page = await connection.execute(
            select(orders.c.created_ms, orders.c.id, orders.c.refunds, orders.c.confirmed_ms)
            .where(orders.c.sale_uid == sale_uid, orders.c.refunds.is_not(None))
            .where(tuple_(orders.c.created_ms, orders.c.id) > after)
            .order_by(orders.c.created_ms, orders.c.id)
            .limit(REFUNDS_PAGE)
        )
        rows = page.all()
        for row in rows:
            total.add(_REFUNDS.decode(row.refunds), sold=row.confirmed_ms is not None)
        if len(rows) < REFUNDS_PAGE:
            break
        after = rows[-1].created_ms, rows[-1].id
    return total
