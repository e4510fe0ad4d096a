"""What only SQLite does: one writer at a time, and readers that do not care."""

import asyncio
import gc
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledger_kit import sell
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from holdfast_inventory.ledger import Ledger, LedgerUnavailable, SaleDraft, Verdict
from holdfast_inventory.ledger.database import Database


async def test_failing_statement_does_not_tell_what_it_wrote(tmp_path: Path) -> None:
    """A fault is logged whole, and with it every value of the statement, were they not hidden."""
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    with pytest.raises(DBAPIError) as failed:
        async with database.writing() as connection:
            await connection.execute(text("INSERT INTO nothing VALUES (:n)"), {"n": "tell nobody"})
    assert "INSERT INTO nothing" in str(failed.value)
    assert "tell nobody" not in str(failed.value)
    await database.close()


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


async def test_who_waits_behind_a_locked_ledger_is_told_with_the_first(tmp_path: Path) -> None:
    """Given a lock that is waited for in vain, nobody waits for it a second time.

    Catches a batch that is redone one by one against the lock, and one that waits for its own turn.
    """
    file, tried = tmp_path / "ledger.db", list[int]()
    ledger = await Ledger.open(f"sqlite:///{file}", lambda _, size, __: tried.append(size))
    await ledger.migrate()
    sale = await ledger.sales.create(SaleDraft("uid", "night", b"{}"))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        batch = [asyncio.create_task(sell(ledger, sale, f"a{n}", n)) for n in range(3)]
        await asyncio.sleep(0.1)
        behind = [asyncio.create_task(sell(ledger, sale, f"b{n}", 3 + n)) for n in range(3)]
        answers = await asyncio.gather(*batch, *behind, return_exceptions=True)
    assert all(isinstance(answer, LedgerUnavailable) for answer in answers), answers
    assert tried == [3]
    assert await sell(ledger, sale, "a0", 0) is Verdict.DONE
    await ledger.close()


async def _write(database: Database, number: int) -> None:
    async with database.writing() as connection:
        await connection.execute(text("INSERT INTO numbers VALUES (:n)"), {"n": number})
        await connection.execute(text("SELECT count(*) FROM numbers"))
