"""A real service for each module of the storefront tests."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import aiohttp
import pytest
from support.api_client import Api
from support.service.running import STOP_SECONDS, Service, await_ready, launch


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`holdfast serve` with two workers."""
    running = launch(tmp_path_factory.mktemp("storefront") / "data", "--workers", "2")
    try:
        await_ready(running)
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(STOP_SECONDS)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps no cookies."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(30)
    ) as session:
        yield session


@pytest.fixture
def operator(http: aiohttp.ClientSession, service: Service) -> Api:
    return Api(http, service.url, service.operator_key)


@pytest.fixture
def name() -> str:
    """A sale name that no other test has."""
    return f"sale-{uuid4().hex[:10]}"
