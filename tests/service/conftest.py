"""Fixtures that run the service for real and talk to it over HTTP."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from support.api_client import Api, make_key
from support.service.running import (
    STOP_SECONDS,
    Service,
    StartService,
    await_ready,
    launch,
    serving,
)


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[StartService]:
    """Start services; whatever still runs at the end of the test is ended."""
    started: list[Service] = []

    def start(
        *arguments: str,
        data_dir: Path | None = None,
        wrapper: Sequence[str] = (),
        **environ: str,
    ) -> Service:
        directory = data_dir or tmp_path / "data"
        service = launch(directory, *arguments, wrapper=wrapper, **environ)
        started.append(service)
        await_ready(service)
        return service

    yield start
    for service in started:
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait(STOP_SECONDS)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client without connection limits."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(30)
    ) as session:
        yield session


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service with two workers for the tests of a module that only talk to it.

    Not for the session: the sales of many tests run on, and take what others measure time by.
    """
    # The streams of all tests come from one address.
    environ = {"HOLDFAST_CHANGE_STREAMS_PER_ADDRESS": "1000"}
    directory = tmp_path_factory.mktemp("shared") / "data"
    with serving(directory, "--workers", "2", **environ) as service:
        yield service


@pytest.fixture
def operator(http: aiohttp.ClientSession, shared_service: Service) -> Api:
    """The operator of the shared service."""
    return Api(http, shared_service.url, shared_service.operator_key)


@pytest.fixture(scope="module")
def platform_key(shared_service: Service) -> str:
    """A platform key of the shared service."""
    return make_key(shared_service, "platform")


@pytest.fixture
def platform(operator: Api, platform_key: str) -> Api:
    """A shop's server."""
    return operator.as_(platform_key)


@pytest.fixture
def name() -> str:
    """A sale name that no other test has."""
    return f"sale-{uuid4().hex[:10]}"
