"""Servers that only the store tests need: on a port, a Cluster, Sentinels."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_servers import MakeServer, Server, form_cluster, servers_in


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Makes started servers; all are gone after the test."""
    with servers_in(tmp_path) as make:
        yield make


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Three masters that share the slots evenly, for tests that leave them alive."""
    with servers_in(tmp_path_factory.mktemp("cluster")) as make:
        yield asyncio.run(form_cluster(make))


@pytest.fixture
async def fragile_cluster(make_server: MakeServer) -> list[Server]:
    """A Cluster that the test may break."""
    return await form_cluster(make_server)
