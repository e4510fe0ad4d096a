"""Fixtures of a ledger on each of the three databases, and of a small sale on one of them."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.ledger.migrated import (
    create_migrated_in_mariadb,
    create_migrated_in_postgres,
    write_migrated,
)
from support.ledger.orders import OpenLedger
from support.ledger.small_sale import Shop, open_shop

from holdfast_ledger import Ledger, SaleDraft, SaleRecord
from holdfast_lua import Executor

DATABASES = ("sqlite", "postgres", "mariadb")


@pytest.fixture(params=DATABASES)
def ledger_url(request: pytest.FixtureRequest, ledger_path: Path) -> str:
    """A new database of each kind: an empty one, with a schema where the test takes a `ledger`."""
    if "ledger" in request.fixturenames:
        return _migrated_url(request, ledger_path)
    if request.param == "sqlite":
        return f"sqlite:///{ledger_path}"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def _migrated_url(request: pytest.FixtureRequest, path: Path) -> str:
    if request.param == "sqlite":
        write_migrated(path)
        return f"sqlite:///{path}"
    create = {"postgres": create_migrated_in_postgres, "mariadb": create_migrated_in_mariadb}
    return create[request.param](request.getfixturevalue(f"{request.param}_server"))


@pytest.fixture
async def open_ledger(ledger_url: str) -> AsyncIterator[OpenLedger]:
    """Opens the ledger again, as another process would; all are closed at the end."""
    opened: list[Ledger] = []

    async def open_one() -> Ledger:
        opened.append(await Ledger.open(ledger_url))
        return opened[-1]

    yield open_one
    for ledger in opened:
        await ledger.close()


@pytest.fixture
async def ledger(open_ledger: OpenLedger) -> Ledger:
    """A ledger with its schema."""
    return await open_ledger()


@pytest.fixture
async def sale(ledger: Ledger) -> SaleRecord:
    """A sale with an area of ten units beside its seats."""
    uid = secrets.token_hex(6)
    return await ledger.sales.create(
        SaleDraft(uid, f"sale-{uid}", b"{}", areas={"floor": 10}, draw_secret=b"secret")
    )


@pytest.fixture
async def shop_ledger(ledger_path: Path) -> AsyncIterator[Ledger]:
    """A ledger for tests of what is built on it; that all databases agree is tested elsewhere."""
    write_migrated(ledger_path)
    ledger = await Ledger.open(f"sqlite:///{ledger_path}")
    yield ledger
    await ledger.close()


@pytest.fixture
async def shop(executor: Executor, shop_ledger: Ledger) -> Shop:
    """A fresh sale with default settings."""
    return await open_shop(executor, shop_ledger)
