"""What only SQLite does: one writer at a time, and readers that do not care."""

import asyncio
import gc
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from support.ledger.orders import sell

from holdfast_ledger import Ledger, LedgerUnavailable, SaleDraft, Verdict
from holdfast_ledger.database.database import Database
from holdfast_ledger.errors import DAMAGED, MOVED


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
        # A writer would be refused by the lock before this time is over.
        async with asyncio.timeout(60):
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


async def test_ledger_that_was_moved_away_confirms_nothing(
    shop_ledger: Ledger, ledger_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Catches a process that goes on writing into a file which nobody will read again."""
    file, elsewhere = ledger_path, ledger_path.with_name("elsewhere.db")
    sale = await shop_ledger.sales.create(SaleDraft("s1", "sale", b"{}"))
    file.rename(elsewhere)
    for _ in range(3):
        with pytest.raises(LedgerUnavailable):
            await sell(shop_ledger, sale, "a", 1)
    with pytest.raises(LedgerUnavailable) as checked:
        await shop_ledger.check()
    assert checked.value.reason == MOVED
    assert [r.message for r in caplog.records if "is gone" in r.message] != []
    assert len([r for r in caplog.records if str(file) in r.message]) == 1
    assert not file.exists()

    elsewhere.rename(file)
    assert await sell(shop_ledger, sale, "a", 1) is Verdict.DONE


async def test_ledger_that_is_moved_during_a_confirm_is_not_committed_to(
    shop_ledger: Ledger, ledger_path: Path
) -> None:
    async def write_and_move() -> None:
        async with shop_ledger.database.writing() as connection:
            await connection.execute(text("DELETE FROM sales"))
            os.rename(ledger_path, ledger_path.with_name("elsewhere.db"))

    with pytest.raises(LedgerUnavailable):
        await write_and_move()


async def test_ledger_that_was_replaced_is_not_gone_on_with(
    shop_ledger: Ledger, ledger_path: Path
) -> None:
    """A backup that is put in place while the service runs knows nothing of what it has sold."""
    sale = await shop_ledger.sales.create(SaleDraft("s1", "sale", b"{}"))
    os.remove(ledger_path)
    other = await Ledger.open(f"sqlite:///{ledger_path}")
    await other.migrate()
    await other.close()
    with pytest.raises(LedgerUnavailable):
        await sell(shop_ledger, sale, "a", 1)
    with pytest.raises(LedgerUnavailable):
        await shop_ledger.sales.read("sale")


async def test_existing_ledger_is_not_made_anew(tmp_path: Path) -> None:
    """Catches a worker that is started again beside a ledger which is gone, and makes one."""
    file = tmp_path / "a b?#%.db"
    url = f"sqlite:///{quote(str(file))}"
    with pytest.raises(LedgerUnavailable):
        await Ledger.open(url, existing=True)
    assert not file.exists()
    await (await Ledger.open(url)).close()
    assert file.exists()
    await (await Ledger.open(url, existing=True)).close()


async def test_damaged_ledger_says_so(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database, but long enough to look like one" * 99)
    with pytest.raises(LedgerUnavailable) as opened:
        await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    assert opened.value.reason == DAMAGED


async def _write(database: Database, number: int) -> None:
    async with database.writing() as connection:
        await connection.execute(text("INSERT INTO numbers VALUES (:n)"), {"n": number})
        await connection.execute(text("SELECT count(*) FROM numbers"))
