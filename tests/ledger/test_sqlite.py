"""What only SQLite does: one writer at a time, and readers that do not care."""

import asyncio
import gc
import random
from pathlib import Path

from sqlalchemy import text

from holdfast_inventory.ledger import Ledger
from holdfast_inventory.ledger.database import Database


async def test_reader_does_not_wait_for_the_writer(shop_ledger: Ledger) -> None:
    """Catches a reader that begins as a writer does: it would wait for the whole transaction."""
    async with shop_ledger.database.writing():
        async with asyncio.timeout(2):
            assert await shop_ledger.sales.read("nobody") is None


async def test_cancelled_writers_give_the_write_lock_back(tmp_path: Path) -> None:
    """Given tasks cancelled anywhere in a transaction, then no later writer is locked out.

    About one such task in thirty would leave the lock behind, were its connection only closed.
    """
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE numbers (n INTEGER)"))
    chance = random.Random(1)
    gc.disable()
    try:
        for number in range(300):
            broken_off = asyncio.create_task(_write(database, -1))
            await asyncio.sleep(chance.random() * 0.006)
            broken_off.cancel()
            await asyncio.wait([broken_off])
            await _write(database, number)
    finally:
        gc.enable()
    async with database.reading() as connection:
        written = await connection.execute(text("SELECT n FROM numbers WHERE n >= 0"))
        assert written.scalars().all() == list(range(300))
    await database.close()


async def _write(database: Database, number: int) -> None:
    async with database.writing() as connection:
        await connection.execute(text("INSERT INTO numbers VALUES (:n)"), {"n": number})
        await connection.execute(text("SELECT count(*) FROM numbers"))
