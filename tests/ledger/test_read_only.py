"""A server that takes no writes any more, as the old primary after a failover: told, and healed."""

import secrets
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import event
from support.ledger.orders import sell

from holdfast_ledger import Ledger, LedgerUnavailable, SaleDraft, SaleRecord, Verdict
from holdfast_ledger.errors import READ_ONLY


@pytest.fixture(params=["postgres_url", "mariadb_url"])
async def ledger(request: pytest.FixtureRequest) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(request.getfixturevalue(request.param))
    await opened.migrate()
    yield opened
    await opened.close()


@pytest.fixture
async def sale(ledger: Ledger) -> SaleRecord:
    uid = secrets.token_hex(6)
    return await ledger.sales.create(SaleDraft(uid, f"sale-{uid}", b"{}", areas={"floor": 10}))


def _make_read_only(ledger: Ledger, only: Callable[[], bool]) -> None:
    """Each session that is opened while `only()` holds takes no writes."""
    statement = (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
        if ledger.database.family == "postgresql"
        else "SET SESSION TRANSACTION READ ONLY"
    )

    def on_checkout(connection: object, *_: object) -> None:
        if only():
            cursor = connection.cursor()  # type: ignore[attr-defined]
            cursor.execute(statement)
            connection.commit()  # type: ignore[attr-defined]
            cursor.close()

    event.listen(ledger.database.engine.sync_engine, "connect", on_checkout)


async def test_ledger_that_takes_no_writes_is_unavailable_and_says_why(
    ledger: Ledger, sale: SaleRecord
) -> None:
    """Catches the 500 that a confirm was answered, and a check that only reads."""
    standby = [True]
    await ledger.database.engine.dispose()
    _make_read_only(ledger, lambda: standby[0])
    with pytest.raises(LedgerUnavailable):
        await sell(ledger, sale, "a", 1)
    with pytest.raises(LedgerUnavailable) as refused:
        await ledger.sales.raise_ceiling(sale.uid, epoch=1, ceiling=10)
    assert refused.value.reason == READ_ONLY
    with pytest.raises(LedgerUnavailable) as checked:
        await ledger.check()
    assert checked.value.reason == READ_ONLY
    assert await ledger.sales.read(sale.name) == sale

    standby.clear()
    standby.append(False)
    assert await sell(ledger, sale, "a", 1) is Verdict.DONE
    await ledger.check()


async def test_sessions_of_a_server_that_takes_no_writes_are_thrown_away(
    ledger: Ledger, sale: SaleRecord
) -> None:
    """Given sessions with the old primary, and a name that leads to the new one by now, the very
    order that meets one of them is sold. Catches a pool that goes on with the sessions it has.
    """
    standby = [True]
    await ledger.database.engine.dispose()
    _make_read_only(ledger, lambda: standby[0])
    assert await ledger.sales.read(sale.name) == sale
    standby[0] = False
    assert await sell(ledger, sale, "a", 1) is Verdict.DONE
