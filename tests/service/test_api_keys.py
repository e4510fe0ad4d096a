"""API keys as a worker knows them while the ledger is away."""

from collections.abc import AsyncIterator

import pytest
from ledger_kit import LossyWire, ledger_through

from holdfast import api_keys
from holdfast.api_keys import KeyRegistry
from holdfast_inventory.ledger import Ledger, LedgerUnavailable
from holdfast_web.credentials import Role, key_digest


@pytest.fixture
async def wire(postgres_url: str) -> AsyncIterator[LossyWire]:
    async with LossyWire.before(postgres_url) as running:
        yield running


@pytest.fixture
async def ledger(postgres_url: str, wire: LossyWire) -> AsyncIterator[Ledger]:
    """A ledger that is away once its wire is cut."""
    async with ledger_through(wire, postgres_url) as opened:
        yield opened


async def test_key_that_is_known_works_while_the_ledger_is_away(
    ledger: Ledger, wire: LossyWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not known, or was not found, is told that nobody knows; none works for ever."""
    monkeypatch.setattr(api_keys, "REMEMBER_SECONDS", 0.0)
    _, secret = await ledger.keys.create("shop", Role.PLATFORM)
    digest = key_digest(secret)
    registry = KeyRegistry(ledger, "operator")
    known = await registry(digest)
    assert known is not None
    assert await registry("wrong") is None
    await wire.__aexit__()
    await ledger.database.engine.dispose()
    assert await registry(digest) == known
    for other in ("wrong", "never seen"):
        with pytest.raises(LedgerUnavailable):
            await registry(other)
    monkeypatch.setattr(api_keys, "LEDGERLESS_SECONDS", -1.0)
    with pytest.raises(LedgerUnavailable):
        await registry(digest)
