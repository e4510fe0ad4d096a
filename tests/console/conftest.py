"""A service for each module, and browsers without scripts that are signed in to its console."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from support.api_client import Api
from support.console_browser import ConsoleBrowser
from support.service.running import Service, serving


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    # A proxy of this machine is trusted, so that tests can come from many addresses.
    environ = {"HOLDFAST_TRUSTED_PROXIES": "127.0.0.0/8"}
    with serving(tmp_path_factory.mktemp("console") / "data", **environ) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(30)) as session:
        yield session


@pytest.fixture
def operator(service: Service, http: aiohttp.ClientSession) -> Api:
    return Api(http, service.url, service.operator_key)


@pytest.fixture
def stranger(service: Service, http: aiohttp.ClientSession) -> ConsoleBrowser:
    """Nobody who is signed in."""
    return ConsoleBrowser(http, service.url)


@pytest.fixture
async def browser(service: Service, stranger: ConsoleBrowser) -> ConsoleBrowser:
    """The operator, signed in."""
    assert (await stranger.sign_in(service.operator_key)).status == 303
    assert (await stranger.get()).status == 200
    return stranger
