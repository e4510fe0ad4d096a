"""A PostgreSQL ledger behind PgBouncer, which gives each transaction another session."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from typing import TypeVar

import pytest
from sqlalchemy import make_url, text
from support.ledger.orders import sell
from support.services import Server, pgbouncer

from holdfast_ledger import Ledger, SaleDraft, Verdict
from holdfast_ledger.database.engines import POSTGRES_SETTINGS

ORDERS = 120
AT_ONCE = 12
"""more than there are sessions, and few enough that nobody waits in vain for a connection"""
Found = TypeVar("Found")


@pytest.fixture(scope="module", params=["refused", "dropped"])
def pooler(request: pytest.FixtureRequest, postgres_server: Server) -> Iterator[Server]:
    """Two sessions for everybody; what is set at connect it refuses, or is told to ignore."""
    ignored = ",".join(POSTGRES_SETTINGS) if request.param == "dropped" else ""
    with pgbouncer(postgres_server, sessions=2, ignored=ignored) as server:
        yield server


@pytest.fixture
async def ledgers(pooler: Server, postgres_url: str) -> AsyncIterator[list[Ledger]]:
    """As many as a node has workers, over one pooler."""
    url = make_url(postgres_url).set(port=pooler.port).render_as_string(hide_password=False)
    opened = [await Ledger.open(url) for _ in range(3)]
    await opened[0].migrate()
    yield opened
    for ledger in opened:
        await ledger.close()


async def test_ledger_works_behind_a_pooler_of_transactions(ledgers: list[Ledger]) -> None:
    """Catches named statements, which another session does not know, and reads in steps."""
    uid = secrets.token_hex(6)
    sale = await ledgers[0].sales.create(SaleDraft(uid, f"sale-{uid}", b"{}"))
    gate = asyncio.Semaphore(AT_ONCE)

    async def all_of(calls: Iterable[Awaitable[Found]]) -> list[Found]:
        async def in_turn(call: Awaitable[Found]) -> Found:
            async with gate:
                return await call

        return await asyncio.gather(*map(in_turn, calls))

    done, found, *_ = await asyncio.gather(
        all_of(sell(ledgers[n % 3], sale, f"o{n}", n) for n in range(ORDERS)),
        all_of(ledgers[n % 3].sales.read(sale.name) for n in range(ORDERS)),
        all_of(ledgers[n % 3].orders.page(uid, limit=10) for n in range(20)),
        all_of(ledgers[n % 3].sales.raise_ceiling(uid, epoch=1, ceiling=n) for n in range(20)),
    )
    assert done == [Verdict.DONE] * ORDERS
    assert [one.name for one in found if one is not None] == [sale.name] * ORDERS
    assert await ledgers[1].orders.owners(uid) == {n: f"o{n}" for n in range(ORDERS)}
    for ledger in ledgers:  # a named one would be met by the next process, whose names are the same
        async with ledger.database.reading() as connection:
            left = await connection.execute(text("SELECT name FROM pg_prepared_statements"))
            assert left.scalars().all() == []


async def test_settings_hold_behind_a_pooler_too(ledgers: list[Ledger]) -> None:
    """Catches a pooler that drops what is set at connect, unnoticed."""
    for use in (ledgers[0].database.reading, ledgers[0].database.writing):
        async with use() as connection:
            for name, wanted in POSTGRES_SETTINGS.items():
                assert await connection.scalar(text(f"SHOW {name}")) == wanted
