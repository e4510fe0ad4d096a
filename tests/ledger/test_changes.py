"""Who reads what has changed since the last look misses nothing and reads nothing twice."""

import asyncio

import pytest
from conftest import fresh_uid
from sqlalchemy import update

from holdfast_ledger import ChangeCursor, Ledger, SaleDraft
from holdfast_ledger.changes import number_change
from holdfast_ledger.database.schema import sales

SOON_SECONDS = 0.3


def draft(name: str, uid: str | None = None) -> SaleDraft:
    return SaleDraft(uid or fresh_uid(), name, b"{}", draw_secret=b"s")


async def names_after(ledger: Ledger, cursor: ChangeCursor) -> list[str]:
    return [change.record.name for change in await ledger.changes.after(cursor)]


async def test_sales_are_told_in_the_order_of_their_last_changes(ledger: Ledger) -> None:
    first, second, third = [await ledger.sales.create(draft(name)) for name in ("a", "b", "c")]
    assert await names_after(ledger, ChangeCursor()) == ["a", "b", "c"]
    seen = (await ledger.changes.after(ChangeCursor()))[-1].cursor
    assert await names_after(ledger, seen) == []
    await ledger.sales.set_lifecycle(second.uid, "paused")
    await ledger.sales.patch(first.uid, b"{}", seen_version=1)
    await ledger.sales.bump_epoch(third.uid, seen_epoch=1)
    await ledger.sales.replace(draft("b", second.uid))
    assert await names_after(ledger, seen) == ["a", "c", "b"]
    seen = (await ledger.changes.after(seen))[-1].cursor
    await ledger.sales.delete(first.uid)
    assert [change.record.deleted for change in await ledger.changes.after(seen)] == [True]


async def test_what_concerns_no_other_worker_is_no_change(ledger: Ledger) -> None:
    """Catches a global lock on the way of every join."""
    made = await ledger.sales.create(draft("a"))
    seen = (await ledger.changes.after(ChangeCursor()))[-1].cursor
    await ledger.sales.raise_ceiling(made.uid, epoch=1, ceiling=1_000)
    await ledger.sales.set_provisioned(made.uid, epoch=1)
    assert await ledger.changes.after(seen) == []


async def test_pages_go_on_where_the_last_one_ended_among_sales_of_before(ledger: Ledger) -> None:
    """Given sales without a number of their own, as a migration leaves them."""
    for name in ("a", "b", "c", "d", "e"):
        await ledger.sales.create(draft(name))
    async with ledger.database.writing() as connection:
        await connection.execute(update(sales).values(change_number=0))
    cursor, names = ChangeCursor(), set()
    while page := await ledger.changes.after(cursor, limit=2):
        names |= {change.record.name for change in page}
        cursor = page[-1].cursor
    assert names == {"a", "b", "c", "d", "e"}


@pytest.mark.parametrize("aborted", [False, True])
async def test_later_change_is_not_visible_before_an_earlier_one(
    ledger: Ledger, aborted: bool
) -> None:
    """Given a change that has its number and is not committed, the next one waits for it."""
    slow, quick = [await ledger.sales.create(draft(name)) for name in ("slow", "quick")]
    seen = (await ledger.changes.after(ChangeCursor()))[-1].cursor
    other = None
    try:
        async with ledger.database.writing() as connection:
            await number_change(connection, slow.uid)
            other = asyncio.create_task(ledger.sales.set_lifecycle(quick.uid, "paused"))
            await asyncio.wait([other], timeout=SOON_SECONDS)
            assert await names_after(ledger, seen) == []
            if aborted:
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert other is not None
    await other
    assert await names_after(ledger, seen) == (["quick"] if aborted else ["slow", "quick"])
