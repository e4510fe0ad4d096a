"""A draw is sealed once, by the present epoch, and stays as it was sealed."""

import asyncio
from dataclasses import replace

import pytest
from conftest import fresh_uid

from holdfast_ledger import DrawRecord, EpochPassed, Ledger, SaleDraft, SaleRecord


def drawn(sale: SaleRecord, entrants: int = 300) -> DrawRecord:
    return DrawRecord(sale.uid, entrants, "ab" * 20, None, 1_700_000_000_000)


async def test_seal_is_read_as_it_was_written(ledger: Ledger, sale: SaleRecord) -> None:
    assert await ledger.draws.read(sale.uid) is None
    wanted = replace(
        drawn(sale), beacon="résumé 4-8-15", entrants=10_000_000_000, closed_ms=1_699_999_999_999
    )
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


async def test_announced_starts_are_read_as_they_were_written(ledger: Ledger) -> None:
    """From the draft, from a PATCH that announces one, and past a PATCH that announces none."""
    uid = fresh_uid()
    draft = SaleDraft(uid, f"sale-{uid}", b"{}", draw_secret=b"s", draw_starts=((-5, 1),))
    made = await ledger.sales.create(draft)
    assert made.draw_starts == ((-5, 1),)
    starts = ((-5, 1), (253_402_300_799_999, 2))
    moved = await ledger.sales.patch(uid, b"{}", seen_version=1, draw_starts=starts)
    assert moved is not None
    assert moved.draw_starts == starts
    kept = await ledger.sales.patch(uid, b"{}", seen_version=2)
    assert kept is not None
    assert kept.draw_starts == starts


async def test_sale_without_a_draw_has_no_starts(sale: SaleRecord) -> None:
    assert sale.draw_starts == ()
