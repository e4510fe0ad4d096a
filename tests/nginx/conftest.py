"""A real service and a real nginx before it, over TLS."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import aiohttp
import pytest
from support.api_client import Api
from support.ports import free_port
from support.service.nginx import Certificate, Front, make_certificate, service_recipe
from support.service.running import serving

from holdfast_web.roles.service_roles import ServiceRole

_last_numbers = itertools.count(2)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[Front]:
    """Each role has a listener: what nginx sends to another one's is 404."""
    port, shop_port = free_port(), free_port()
    behind = {role.value: free_port() for role in ServiceRole}
    with serving(
        tmp_path_factory.mktemp("nginx") / "data",
        HOLDFAST_PUBLIC_URL=f"https://localhost:{port}",
        HOLDFAST_TRUSTED_PROXIES="127.0.0.1",
        **{f"HOLDFAST_LISTEN_{role.upper()}": f"127.0.0.1:{at}" for role, at in behind.items()},
    ) as service:
        log = tmp_path_factory.mktemp("log") / "holdfast.log"
        with service_recipe(port, certificate, behind, shop_port=shop_port, log=log) as server:
            yield Front(service, server, f"http://127.0.0.1:{behind['room']}", shop_port, log)


@pytest.fixture
def client_address() -> str:
    """An address that no other test comes from: nginx counts what an address may do."""
    return f"127.0.0.{next(_last_numbers)}"


@pytest.fixture
async def http(
    certificate: Certificate, client_address: str
) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that trusts our certificate and keeps no cookies."""
    connector = aiohttp.TCPConnector(
        limit=0, ssl=certificate.trusting, local_addr=(client_address, 0)
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(30),
    ) as session:
        yield session


@pytest.fixture
def operator(http: aiohttp.ClientSession, front: Front) -> Api:
    """Who comes by the address that visitors do not know."""
    return Api(http, front.shop_url, front.service.operator_key)


@pytest.fixture
def visitor(http: aiohttp.ClientSession, front: Front) -> Api:
    return Api(http, front.url)


@pytest.fixture
def name() -> str:
    return f"sale-{uuid4().hex[:10]}"
