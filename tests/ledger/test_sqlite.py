"""What only SQLite does: one writer at a time, and readers that do not care."""

import asyncio

from holdfast_inventory.ledger import Ledger


async def test_reader_does_not_wait_for_the_writer(shop_ledger: Ledger) -> None:
    """Catches a reader that begins as a writer does: it would wait for the whole transaction."""
    async with shop_ledger.database.writing():
        async with asyncio.timeout(2):
            assert await shop_ledger.sales.read("nobody") is None
