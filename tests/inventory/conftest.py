"""Fixtures of the inventory's tests; the harness is in support/inventory/harness.py."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from support.inventory.app import SALE, Client, application
from support.inventory.harness import FLOOR, SETTINGS, Clock, InventoryHarness, Make, plan_json

from holdfast_inventory.settings import InventorySettings
from holdfast_lua import Executor

HALL = (["AAAAAAAAAA", "AAAAAAAAAA", "BBBBBBBBBB"],)


@pytest.fixture
def make_harness(executor: Executor) -> Make:
    """Installs a sale on zones drawn in text; other keywords are fields of InventorySettings."""

    async def make(
        *zones: list[str], install: dict[str, object] | None = None, **terms: object
    ) -> InventoryHarness:
        settings = InventorySettings(
            prices=SETTINGS.prices,
            **{"areas": (FLOOR,), **terms},  # type: ignore[arg-type]  # as the test wrote them
        )
        text = plan_json(*(zones or HALL))
        return await InventoryHarness.install(executor, text, settings, **(install or {}))  # type: ignore[arg-type]

    return make


@pytest.fixture
async def harness(make_harness: Make) -> InventoryHarness:
    """One zone, two rows of ten A seats and one of B, and a floor of ten."""
    return await make_harness()


@pytest.fixture
async def overdue_harness(make_harness: Make, clock: Clock) -> InventoryHarness:
    """Forty seats, each in a hold of its own that is overdue: more than one call sweeps."""
    harness = await make_harness(["A" * 40], areas=())
    for _ in range(40):
        await harness.held(harness.choice(1), hold_ms=60_000)
    await clock.advance_ms(60_000)
    return harness


@pytest.fixture
async def ask(harness: InventoryHarness) -> AsyncIterator[Client]:
    """Asks the inventory; `token` is a key's name or `pass.<buyer>.x`, `key` for idempotency."""
    async with TestClient(TestServer(application(harness))) as client:

        async def call(method: str, path: str, **how: Any) -> ClientResponse:
            headers = dict(how.pop("headers", {}))
            token, key = how.pop("token", None), how.pop("key", None)
            if token:
                headers["Authorization"] = f"Bearer {token}"
            if key:
                headers["Idempotency-Key"] = key
            return await client.request(method, SALE + path, headers=headers, **how)

        yield call
