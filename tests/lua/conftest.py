"""Servers that only the store tests need: on a port, a Cluster, Sentinels."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import uvloop
from support.store.peers import Handler, OpenAgainst, listening
from support.store.servers import MakeServer, Server, form_cluster, servers_in

from holdfast_lua import Bundle, EmbeddedStore, Executor


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A store that the test may set up and hurt."""
    with EmbeddedStore(tmp_path) as store:
        yield store


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Makes started servers; all are gone after the test."""
    with servers_in(tmp_path) as make:
        yield make


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Three masters that share the slots evenly, for tests that leave them alive."""
    with servers_in(tmp_path_factory.mktemp("cluster")) as make:
        yield uvloop.run(form_cluster(make))


@pytest.fixture
async def fragile_cluster(make_server: MakeServer) -> list[Server]:
    """A Cluster that the test may break."""
    return await form_cluster(make_server)


@pytest.fixture
async def open_against(tmp_path: Path, test_bundle: Bundle) -> AsyncIterator[OpenAgainst]:
    """Starts a peer that behaves as the test wants; gives an executor on it."""
    path = tmp_path / "peer.sock"
    async with AsyncExitStack() as stack:

        async def start(handler: Handler, query: str = "") -> Executor:
            peer = listening(handler, lambda talk: asyncio.start_unix_server(talk, path))
            await stack.enter_async_context(peer)
            return await stack.enter_async_context(Executor(f"unix://{path}{query}", test_bundle))

        yield start
