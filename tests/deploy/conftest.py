"""Secrets as compose.yaml and the units have them, and a client that trusts the certificate."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from support.deploy.compose import MAKE_SECRETS
from support.services import program


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("made") / "secrets"
    program("openssl", "openssl")
    subprocess.run(["sh", str(MAKE_SECRETS), str(directory)], check=True)
    return directory


@pytest.fixture
async def http(secrets: Path) -> AsyncIterator[aiohttp.ClientSession]:
    trusting = ssl.create_default_context(cafile=str(secrets / "tls_certificate"))
    trusting.check_hostname = False  # asked by address
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trusting),
        timeout=aiohttp.ClientTimeout(30),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield session
