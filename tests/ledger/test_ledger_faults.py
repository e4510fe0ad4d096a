"""A ledger whose connection breaks: every answer given is true, none is given that is not known."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from support.ledger.orders import LossyWire, build_order, ledger_through, sell

from holdfast_ledger import (
    Ledger,
    LedgerUnavailable,
    OrderStatus,
    SaleDraft,
    SaleRecord,
    Sell,
    Verdict,
)

# InnoDB shows its transactions as of 0.1 s ago to who asks more often than that.
INNODB_VIEW_SECONDS = 0.15
SETTLED_ONCE = {Verdict.DONE, Verdict.REPEATED}


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def server_url(request: pytest.FixtureRequest) -> str:
    """A fresh database on a server: SQLite has no wire to lose anything."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
async def wire(server_url: str) -> AsyncIterator[LossyWire]:
    async with LossyWire.before(server_url) as running:
        yield running


@pytest.fixture
async def ledger(server_url: str, wire: LossyWire) -> AsyncIterator[Ledger]:
    """A ledger that reaches its server through the wire."""
    async with ledger_through(wire, server_url) as opened:
        yield opened


@pytest.fixture
async def sale(ledger: Ledger) -> SaleRecord:
    uid = secrets.token_hex(6)
    return await ledger.sales.create(SaleDraft(uid, f"sale-{uid}", b"{}", areas={"floor": 10}))


async def test_lost_commit_reply_is_re_read_before_answering(
    ledger: Ledger, sale: SaleRecord, wire: LossyWire
) -> None:
    """Given a batch whose COMMIT is done and its answer lost, each order is sold exactly once.

    Catches a ledger that answers an error, or sells again, after an unknown outcome.
    """
    wire.lose_reply = 1
    verdicts = await asyncio.gather(*[sell(ledger, sale, f"o{n}", n) for n in range(6)])
    assert wire.lost == 1
    assert set(verdicts) <= SETTLED_ONCE
    assert await ledger.orders.owners(sale.uid) == {n: f"o{n}" for n in range(6)}


async def test_lost_commit_reply_counts_an_area_once(
    ledger: Ledger, sale: SaleRecord, wire: LossyWire
) -> None:
    wire.lose_reply = 1
    outcome = await ledger.commit(Sell(1, build_order(sale.uid, "a", floor=3)))
    assert wire.lost == 1
    assert outcome.verdict in SETTLED_ONCE
    assert await ledger.orders.area_units(sale.uid) == {"floor": 3}


async def test_lost_commit_request_is_done_again(
    ledger: Ledger, sale: SaleRecord, wire: LossyWire
) -> None:
    wire.lose_request = 1
    verdicts = await asyncio.gather(*[sell(ledger, sale, f"o{n}", n) for n in range(6)])
    assert wire.lost == 1
    assert verdicts == [Verdict.DONE] * 6


async def test_outcome_that_cannot_be_re_read_is_not_answered(
    ledger: Ledger, sale: SaleRecord, wire: LossyWire
) -> None:
    """Given that every COMMIT loses its reply: 503, and the repeat afterwards tells the truth."""
    wire.lose_reply = 3
    confirms = [sell(ledger, sale, f"o{n}", n) for n in range(3)]
    answers = await asyncio.gather(*confirms, return_exceptions=True)
    assert any(isinstance(answer, LedgerUnavailable) for answer in answers)
    for n in range(3):
        assert await sell(ledger, sale, f"o{n}", n) in SETTLED_ONCE
    assert await ledger.orders.owners(sale.uid) == {n: f"o{n}" for n in range(3)}


async def test_deadlock_costs_a_retry_and_no_order(
    ledger: Ledger, sale: SaleRecord, caplog: pytest.LogCaptureFixture
) -> None:
    """A transaction that locks against our order is in the way; the batch is the one to give in."""
    for name in ("a", "b"):
        pending = build_order(sale.uid, name, seats=())
        await ledger.commit(Sell(1, pending))
    is_postgres = ledger.database.family == "postgresql"
    async with ledger.database.engine.connect() as rogue:
        await _make_stubborn(rogue, sale.uid, is_postgres)
        await _lock(rogue, sale.uid, "b")
        repeats = [ledger.commit(Sell(1, build_order(sale.uid, n))) for n in ("a", "b")]
        batch = asyncio.gather(*repeats)
        await _until_blocked(rogue, is_postgres)
        await _lock(rogue, sale.uid, "a")
        await rogue.rollback()
    assert {outcome.verdict for outcome in await batch} == {Verdict.REPEATED}
    assert "deadlock" in caplog.text.lower()


async def test_server_that_is_gone_is_told_as_503(
    ledger: Ledger, sale: SaleRecord, wire: LossyWire
) -> None:
    await wire.__aexit__()
    await ledger.database.engine.dispose()
    with pytest.raises(LedgerUnavailable):
        await sell(ledger, sale, "a", 1)
    with pytest.raises(LedgerUnavailable):
        await ledger.sales.read(sale.name)
    with pytest.raises(LedgerUnavailable):
        await ledger.check()


async def test_caller_that_goes_away_leaves_the_batch_whole(
    ledger: Ledger, sale: SaleRecord
) -> None:
    """Catches an answer that is not shielded: cancelling it would break everybody's commit."""
    confirms = [asyncio.create_task(sell(ledger, sale, f"o{n}", n)) for n in range(5)]
    await asyncio.sleep(0)
    confirms[2].cancel()
    await asyncio.wait(confirms)
    await ledger.close()
    again = await Ledger.open(ledger.database.url.render_as_string(hide_password=False))
    assert set(await again.orders.owners(sale.uid)) == set(range(5))
    left = await again.orders.page(sale.uid, limit=10)
    await again.close()
    assert [order.status for order in left] == [OrderStatus.SOLD] * 5


async def _make_stubborn(rogue: AsyncConnection, uid: str, is_postgres: bool) -> None:
    """Let the database choose the other one as the victim of a deadlock."""
    if is_postgres:  # whoever looks for the deadlock first gives in, and we never look
        await rogue.execute(text("SET LOCAL deadlock_timeout = '1h'"))
        return
    for n in range(50):  # MariaDB's victim is who has changed less
        await rogue.execute(
            text("INSERT INTO sold (sale_uid, seat, order_id) VALUES (:uid, :seat, 'x')"),
            {"uid": uid, "seat": 1_000 + n},
        )


async def _lock(rogue: AsyncConnection, uid: str, order_id: str) -> None:
    await rogue.execute(
        text("UPDATE orders SET reason = 'rogue' WHERE sale_uid = :uid AND id = :id"),
        {"uid": uid, "id": order_id},
    )


async def _until_blocked(rogue: AsyncConnection, is_postgres: bool) -> None:
    """Wait until the batch waits for our lock."""
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted"
        if is_postgres
        else "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    )
    for _ in range(400):
        if await rogue.scalar(text(waiting)):
            return
        await asyncio.sleep(INNODB_VIEW_SECONDS)
    pytest.fail("the batch never met our lock")
