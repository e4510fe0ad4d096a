"""A real service for each module of the storefront tests."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import aiohttp
import pytest
from support.api_client import Api
from support.service.running import Service, serving


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`holdfast serve` with two workers."""
    with serving(tmp_path_factory.mktemp("storefront") / "data", "--workers", "2") as running:
        yield running


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
