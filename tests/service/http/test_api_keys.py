"""API keys as a worker knows them: wrong ones, revoked ones, and while the ledger is away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.ledger.orders import LossyWire, ledger_through, statements

from holdfast import api_keys
from holdfast.api_keys import KeyRegistry
from holdfast_ledger import Ledger, LedgerUnavailable
from holdfast_web.credentials import Role


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
    monkeypatch.setattr(api_keys, "CACHE_SECONDS", 0.0)
    _, secret = await ledger.keys.create("shop", Role.PLATFORM)
    registry = KeyRegistry(ledger, "operator")
    known = await registry(secret)
    assert known is not None
    assert await registry("wrong") is None
    await wire.__aexit__()
    await ledger.database.engine.dispose()
    assert await registry(secret) == known
    for other in ("wrong", "never seen"):
        with pytest.raises(LedgerUnavailable):
            await registry(other)
    monkeypatch.setattr(api_keys, "LEDGERLESS_SECONDS", -1.0)
    with pytest.raises(LedgerUnavailable):
        await registry(secret)


@pytest.fixture
async def near(tmp_path: Path) -> AsyncIterator[Ledger]:
    """A ledger that is never away."""
    opened = await Ledger.open(f"sqlite:///{tmp_path / 'keys.db'}")
    await opened.migrate()
    yield opened
    await opened.close()


async def test_wrong_keys_cost_a_query_a_round_however_many_they_are(near: Ledger) -> None:
    """Given fifty clients that each try five keys, while the shop's own is in use."""
    _, secret = await near.keys.create("shop", Role.PLATFORM)
    registry = KeyRegistry(near, "operator")

    async def client(number: int) -> None:
        for at in range(5):
            assert await registry(f"guess {number} {at}") is None
            assert await registry(secret) is not None

    assert await registry(secret) is not None
    with statements(near) as made:
        await asyncio.gather(*(client(number) for number in range(50)))
    assert 1 <= len(made) <= 6
    assert len(registry._cached) == 1
    await registry.aclose()


async def test_what_has_the_form_of_a_pass_is_refused_at_once(near: Ledger) -> None:
    """Neither the ledger nor a round of lookups is waited for; an operator's key may have dots."""
    registry = KeyRegistry(near, "an.operators.key")
    with statements(near) as made:
        for number in range(50):
            with pytest.raises(StopIteration) as answered:
                registry(f"for.ged.{number}").send(None)
            assert answered.value.value is None
        assert await registry("an.operators.key") is api_keys.OPERATOR
    assert made == []
    await registry.aclose()


async def test_key_in_use_waits_for_no_lookup(
    near: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked up again beside the calls, which are answered at once."""
    monkeypatch.setattr(api_keys, "RENEW_SECONDS", 0.0)
    record, secret = await near.keys.create("shop", Role.PLATFORM)
    registry = KeyRegistry(near, "operator")
    known = await registry(secret)
    assert known is not None
    with statements(near) as made:
        calling = registry(secret)
        with pytest.raises(StopIteration) as answered:
            calling.send(None)
        assert answered.value.value == known
        assert made == []
    assert await near.keys.revoke(record.id)
    for _ in range(100):
        if await registry(secret) is None:
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("a revoked key goes on working")
    await registry.aclose()


async def test_key_that_was_just_made_works_at_once(near: Ledger) -> None:
    """Though it was tried before: what was not found is not remembered."""
    registry = KeyRegistry(near, "operator")
    assert await registry("hf_guess") is None
    _, secret = await near.keys.create("shop", Role.VIEWER)
    assert await registry(secret) is not None
    await registry.aclose()
