"""The ledger in memory is the ledger: transactions hold or leave nothing, resets leave one sale."""

import pytest
from model.environment.memory_ledger import MemoryLedger
from model.harness import Backend
from model.sale import NAME, UID, create_sale
from sqlalchemy import text

from holdfast_ledger import LedgerError


async def test_transaction_that_raises_leaves_nothing(backend: Backend) -> None:
    ledger = MemoryLedger(backend.ledger_file)
    await create_sale(ledger, "refund")
    with pytest.raises(ValueError, match="on purpose"):
        await _write_and_fail(ledger)
    assert (await ledger.sales.read_uid(UID)).epoch == 1
    await ledger.close()


async def _write_and_fail(ledger: MemoryLedger) -> None:
    async with ledger.database.writing() as connection:
        await connection.execute(text("UPDATE sales SET epoch = 9"))
        raise ValueError("on purpose")


async def test_reset_leaves_the_fresh_sale_and_nothing_else(backend: Backend) -> None:
    ledger = MemoryLedger(backend.ledger_file)
    await create_sale(ledger, "refund")
    fresh = ledger.contents()
    await ledger.sales.bump_epoch(UID, seen_epoch=1)
    await create_sale(ledger, "reacquire_same")
    assert await ledger.sales.live([NAME]) == {NAME: UID}
    await create_sale(ledger, "refund")
    assert ledger.contents() == fresh
    ledger.reset({})
    with pytest.raises(LedgerError):
        await ledger.sales.read_uid(UID)
    await ledger.close()
