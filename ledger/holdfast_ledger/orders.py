"""Reads orders: one, a page of them, what a rebuild needs, what recovery must visit.

Orders are written by `transactions` alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import msgspec
from sqlalchemy import BindParameter, ColumnElement, Row, Select, bindparam, func, select, tuple_

from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import area_sold, orders, sold
from holdfast_ledger.order_flags import flagged
from holdfast_ledger.order_totals import OrderTotals, read_totals
from holdfast_ledger.records import Order, OrderItem, OrderStatus, RebuildState, Refund

# One more than the longest page of the API, to see whether more follow.
MAX_PAGE = 501
MAX_DUE = 500

_PENDING = OrderStatus.PENDING.value
_OWNING = (OrderStatus.SOLD.value, OrderStatus.PARTLY_REFUNDED.value)
_COLUMNS = [orders.c[name] for name in Order.__struct_fields__]
_STATUS, _ITEM_LIST, _REFUND_LIST = map(
    Order.__struct_fields__.index, ("status", "items", "refunds")
)
_STATUSES = {status.value: status for status in OrderStatus}
_ITEMS = msgspec.json.Decoder(tuple[OrderItem, ...])
_REFUNDS = msgspec.json.Decoder(tuple[Refund, ...])
_encode = msgspec.json.Encoder().encode

_IN_SALE: BindParameter[str] = bindparam("in_sale")
SELECT_ORDERS = select(*_COLUMNS)
"""orders as `order_of` takes them"""
_DUE = (
    SELECT_ORDERS.where(orders.c.sale_uid == _IN_SALE, orders.c.due_ms <= bindparam("now_ms"))
    .order_by(orders.c.due_ms)
    .limit(bindparam("limit"))
)
_SOLD_SEATS = select(func.count()).select_from(sold).where(sold.c.sale_uid == _IN_SALE)
_SOLD_UNITS = select(func.sum(area_sold.c.sold)).where(area_sold.c.sale_uid == _IN_SALE)


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """Which orders of a sale are wanted: those that have all that is given here."""

    id: str | None = None
    buyer: str | None = None
    status: OrderStatus | None = None
    order_ref: str | None = None
    payment_ref: str | None = None
    flag: str | None = None
    """an open flag, or `any`"""

    def conditions(self) -> list[ColumnElement[bool]]:
        """As conditions on rows of `orders`."""
        given = {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) is not None
        }
        flag = given.pop("flag", None)
        conditions = [orders.c[name] == str(value) for name, value in given.items()]
        return conditions if flag is None else [*conditions, flagged(flag)]


class Orders:
    """Typed reads of `orders`, `sold` and `area_sold`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, sale_uid: str, order_id: str) -> Order | None:
        """One order; None when it is of another sale."""
        query = SELECT_ORDERS.where(orders.c.id == order_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None or row.sale_uid != sale_uid else order_of(row)

    async def page(
        self,
        sale_uid: str,
        *,
        limit: int,
        after: tuple[int, str] | None = None,
        of: OrderQuery = OrderQuery(),
    ) -> list[Order]:
        """A page in order of creation; `after` is (created_ms, id) of the last one seen."""
        query = SELECT_ORDERS.where(orders.c.sale_uid == sale_uid, *of.conditions())
        if after is not None:
            query = query.where(tuple_(orders.c.created_ms, orders.c.id) > after)
        query = query.order_by(orders.c.created_ms, orders.c.id).limit(min(limit, MAX_PAGE))
        return await self._all(query)

    async def totals(self, sale_uid: str) -> OrderTotals:
        """Counts and sums of a sale's orders by status, and of what was refunded."""
        async with self._database.reading() as connection:
            return await read_totals(connection, sale_uid)

    async def due(self, sale_uid: str, *, now_ms: int, limit: int = MAX_DUE) -> list[Order]:
        """Up to `limit` orders that recovery must visit, the longest overdue first."""
        values = {"in_sale": sale_uid, "now_ms": now_ms, "limit": min(limit, MAX_DUE)}
        return await self._all(_DUE, values)

    async def sales_due(self, *, now_ms: int, limit: int = MAX_DUE) -> list[str]:
        """The uids of up to `limit` sales that have orders for recovery to visit."""
        query = select(orders.c.sale_uid).where(orders.c.due_ms <= now_ms).distinct()
        async with self._database.reading() as connection:
            return list(await connection.scalars(query.limit(min(limit, MAX_DUE))))

    async def owners(self, sale_uid: str) -> dict[int, str]:
        """Every sold seat of the sale and the order that owns it."""
        return await self._owners(sold.c.sale_uid == sale_uid)

    async def owners_of(self, sale_uid: str, seats: Sequence[int]) -> dict[int, str]:
        """The owning order of each of these seats that is sold."""
        return await self._owners(sold.c.sale_uid == sale_uid, sold.c.seat.in_(list(seats)))

    async def area_units(self, sale_uid: str) -> dict[str, int]:
        """Units sold per area."""
        query = select(area_sold.c.area, area_sold.c.sold).where(area_sold.c.sale_uid == sale_uid)
        async with self._database.reading() as connection:
            return {row.area: row.sold for row in await connection.execute(query)}

    async def sold_units(self, sale_uid: str) -> int:
        """Seats and area units together that are sold."""
        sale = {"in_sale": sale_uid}
        async with self._database.reading() as connection:
            counted = await connection.scalar(_SOLD_SEATS, sale)
            return int(counted or 0) + int(await connection.scalar(_SOLD_UNITS, sale) or 0)

    async def progress(self, sale_uid: str) -> tuple[int, int]:
        """The number of orders and the time of the last change: equal if nothing was written."""
        query = select(func.count(), func.max(orders.c.updated_ms)).where(
            orders.c.sale_uid == sale_uid
        )
        async with self._database.reading() as connection:
            count, last_ms = (await connection.execute(query)).one()
        return int(count), int(last_ms or 0)

    async def rebuild_state(self, sale_uid: str) -> RebuildState:
        """What a rebuilt store must have. Final only once the sale's epoch has been bumped."""
        owning = await self._all(_of_sale(sale_uid).where(orders.c.status.in_(_OWNING)))
        units: dict[str, int] = {}
        for order in owning:
            units[order.buyer] = units.get(order.buyer, 0) + order.units
        return RebuildState(
            sold_seats=await self.owners(sale_uid),
            sold_areas=await self.area_units(sale_uid),
            buyer_units=units,
            pending=tuple(await self._all(_of_sale(sale_uid).where(orders.c.status == _PENDING))),
            sold=tuple(owning),
        )

    async def _owners(self, *conditions: ColumnElement[bool]) -> dict[int, str]:
        query = select(sold.c.seat, sold.c.order_id).where(*conditions)
        async with self._database.reading() as connection:
            return {row.seat: row.order_id for row in await connection.execute(query)}

    async def _all(self, query: Select[Any], values: dict[str, Any] | None = None) -> list[Order]:
        async with self._database.reading() as connection:
            return [order_of(row) for row in await connection.execute(query, values)]


def _of_sale(sale_uid: str) -> Select[Any]:
    return SELECT_ORDERS.where(orders.c.sale_uid == sale_uid)


def order_of(row: Row[Any]) -> Order:
    """An order from its row, as SELECT_ORDERS reads it."""
    values = list(row)
    refunds = values[_REFUND_LIST]
    values[_STATUS] = _STATUSES[values[_STATUS]]
    values[_ITEM_LIST] = _ITEMS.decode(values[_ITEM_LIST])
    values[_REFUND_LIST] = _REFUNDS.decode(refunds) if refunds else ()
    return Order(*values)


def row_of(order: Order) -> dict[str, object]:
    """The row of an order, every column."""
    return {
        **msgspec.structs.asdict(order),
        "status": order.status.value,
        "items": _encode(order.items).decode(),
        "refunds": _encode(order.refunds).decode() if order.refunds else None,
    }
