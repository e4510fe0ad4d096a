"""A draw is sealed once, by the present epoch, and stays as it was sealed."""

import asyncio
from dataclasses import replace

import pytest

from holdfast_inventory.ledger import DrawRecord, EpochPassed, Ledger, SaleDraft, SaleRecord


def drawn(sale: SaleRecord, entrants: int = 300) -> DrawRecord:
    return DrawRecord(sale.uid, entrants, "ab" * 20, None, 1_700_000_000_000)


async def test_seal_is_read_as_it_was_written(ledger: Ledger, sale: SaleRecord) -> None:
    assert await ledger.draws.read(sale.uid) is None
    wanted = replace(drawn(sale), beacon="résumé 4-8-15", entrants=10_000_000_000)
    assert await ledger.draws.seal(wanted, epoch=1) == wanted
    assert await ledger.draws.read(sale.uid) == wanted


async def test_first_to_seal_decides(ledger: Ledger, sale: SaleRecord) -> None:
    """Catches an upsert: the second would change an order that people have seen."""
    wished = [replace(drawn(sale, entrants), beacon=str(entrants)) for entrants in range(1, 9)]
    held = await asyncio.gather(*(ledger.draws.seal(one, epoch=1) for one in wished))
    assert len(set(held)) == 1
    assert await ledger.draws.read(sale.uid) == held[0]


async def test_an_epoch_that_is_over_seals_nothing(ledger: Ledger, sale: SaleRecord) -> None:
    await ledger.sales.bump_epoch(sale.uid, seen_epoch=1)
    with pytest.raises(EpochPassed):
        await ledger.draws.seal(drawn(sale), epoch=1)
    assert await ledger.draws.read(sale.uid) is None
    assert (await ledger.draws.seal(drawn(sale, 400), epoch=2)).entrants == 400


async def test_replacing_a_sale_that_nobody_joined_forgets_its_empty_draw(
    ledger: Ledger, sale: SaleRecord
) -> None:
    await ledger.draws.seal(drawn(sale, 0), epoch=1)
    await ledger.sales.replace(SaleDraft(sale.uid, sale.name, b"{}", draw_secret=b"another"))
    assert await ledger.draws.read(sale.uid) is None
