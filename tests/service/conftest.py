"""Fixtures that run the service for real and talk to it over HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from running_service import STOP_SECONDS, Service, StartService, await_ready, launch


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[StartService]:
    """Start services; whatever still runs at the end of the test is ended."""
    started: list[Service] = []

    def start(*arguments: str, data_dir: Path | None = None, **environ: str) -> Service:
        service = launch(data_dir or tmp_path / "data", *arguments, **environ)
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
