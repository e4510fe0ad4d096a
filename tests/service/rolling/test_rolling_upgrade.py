"""Nodes of the last release are replaced one by one by nodes of this one, under load.

Both work on one store and one ledger for a while: what one has begun the other goes on with.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from support.api_client import Api
from support.service.balanced_nodes import NO_SHEDDING, OPERATOR_KEY, Nodes, Urls, balanced_nodes
from support.service.last_release import environment_of, installed_last_release
from support.service.running import StartService
from support.service.steady_load import OPEN_SALE, SALE, SteadyLoad

from holdfast_ledger import Ledger
from holdfast_ledger.database.migrating import schema_state
from holdfast_lua import EmbeddedStore

VISITS_PER_SECOND = 20.0
EACH = 50
"""answers that each node gives before the next one is replaced"""


@pytest.fixture(scope="module")
def last_release(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which Python runs the last release."""
    installed = installed_last_release(tmp_path_factory.mktemp("release"))
    environment = environment_of(installed)
    command = [sys.executable, "-c", "import holdfast_ledger; print(holdfast_ledger.__file__)"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(installed))
    return environment


@pytest.fixture
def nodes(
    start_service: StartService, tmp_path: Path, postgres_url: str, last_release: dict[str, str]
) -> Iterator[Nodes]:
    """Two nodes of the last release."""
    with EmbeddedStore(tmp_path / "store") as store:
        urls = Urls(store.url, postgres_url)
        with balanced_nodes(
            start_service, tmp_path, urls, last_release, client_seconds=0
        ) as running:
            yield running


async def is_migrated(ledger_url: str) -> bool:
    ledger = await Ledger.open(ledger_url)
    state = await schema_state(ledger.database)
    await ledger.close()
    return state.is_current


async def test_rolling_upgrade_fails_no_request_and_loses_nothing(
    nodes: Nodes, http: aiohttp.ClientSession, postgres_url: str
) -> None:
    operator = Api(http, nodes.url, OPERATOR_KEY)
    assert (await operator.put(f"/v1/sales/{SALE}", OPEN_SALE)).status == 201
    assert not await is_migrated(postgres_url)
    load = SteadyLoad(operator)
    async with load.coming(VISITS_PER_SECOND):
        await load.until_answered_by_all(nodes.running, EACH)
        for port in list(nodes.running):
            # The last release cuts requests off when it is stopped.
            await nodes.replace(port, NO_SHEDDING, drained=True)
            assert await is_migrated(postgres_url)
            await load.until_answered_by_all(nodes.running, EACH)
            assert (
                await operator.patch(f"/v1/sales/{SALE}", {"burst": 500 + port % 100})
            ).status == 200
    assert load.failures == [], nodes.log()
    await load.check_against_ledger()
