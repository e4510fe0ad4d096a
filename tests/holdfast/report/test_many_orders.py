"""Many orders: a report needs no more memory for them than for a few."""

import tracemalloc
from typing import Final

import msgspec
import pytest
from sqlalchemy import insert, update
from support.sales.worker import BODY, FLOOR, Worker

from holdfast.report.order_scan import OrderScan, SaleBooks, scan_orders
from holdfast_ledger import Actor
from holdfast_ledger.database.schema import area_sold, orders

FEW: Final = 1_000
MANY: Final = 5 * FEW
PRICE: Final = 1_000
CAPACITY: Final = 1_000_000


async def sell_units(worker: Worker, uid: str, first: int, count: int) -> None:
    """Orders of two floor units each, as the ledger would have them."""
    item = {"label": "Floor", "category": "GA", "price": PRICE, "quantity": 2, "area": "floor"}
    items = msgspec.json.encode([item]).decode()
    rows = [
        {
            "id": f"o{number:08}", "sale_uid": uid, "status": "confirmed", "buyer": f"b{number}",
            "hold_version": 1, "amount": 2 * PRICE, "total": 2 * PRICE, "currency": "EUR",
            "items": items, "next_to_each_other": False, "created_ms": 10**12 + number * 100,
            "updated_ms": 10**12, "confirmed_ms": 10**12 + number * 100,
        }
        for number in range(first, first + count)
    ]  # fmt: skip
    async with worker.ledger.database.writing() as connection:
        await connection.execute(insert(orders), rows)
        await connection.execute(update(area_sold).values(sold=2 * (first + count)))


@pytest.fixture
async def books(worker: Worker) -> SaleBooks:
    floor = msgspec.structs.replace(FLOOR, capacity=CAPACITY)
    body = msgspec.structs.replace(BODY, areas=(floor,))
    sale = (await worker.operations.put("night", body, Actor("test"))).sale
    return SaleBooks(worker.ledger, sale.uid, sale.inventory.plan, sale.inventory.settings)


async def peak_of(books: SaleBooks) -> tuple[int, OrderScan]:
    """Bytes at the most, and what was found."""
    tracemalloc.start()
    try:
        found = await scan_orders(books)
        return tracemalloc.get_traced_memory()[1], found
    finally:
        tracemalloc.stop()


async def test_memory_does_not_grow_with_the_orders(worker: Worker, books: SaleBooks) -> None:
    await sell_units(worker, books.uid, 0, FEW)
    await scan_orders(books)
    few, _ = await peak_of(books)
    await sell_units(worker, books.uid, FEW, MANY - FEW)
    many, found = await peak_of(books)
    assert many < 1.5 * few
    assert found.paid_orders == MANY
    assert found.owned_tickets == found.sold_tickets == 2 * MANY
    assert found.money.kept == found.owned_amount == found.sold_amount == 2 * PRICE * MANY
    assert [check.broken for check in found.checks] == [0, 0, 0]
