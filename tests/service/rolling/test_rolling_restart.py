"""Two nodes behind nginx are restarted one after the other under load: no request fails.

nginx keeps connections to the nodes and repeats no POST of which anything was sent, so a connection
that is closed at the wrong moment is a request that has failed.
"""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from support.api_client import Api
from support.service.balanced_nodes import NO_SHEDDING, OPERATOR_KEY, Nodes, Urls, balanced_nodes
from support.service.running import StartService
from support.service.steady_load import OPEN_SALE, SALE, SteadyLoad

from holdfast_lua import EmbeddedStore


@pytest.fixture
def nodes(start_service: StartService, tmp_path: Path, postgres_url: str) -> Iterator[Nodes]:
    with (
        EmbeddedStore(tmp_path / "store") as store,
        balanced_nodes(
            start_service, tmp_path, Urls(store.url, postgres_url), NO_SHEDDING
        ) as running,
    ):
        yield running


@pytest.mark.parametrize(
    ("restarts", "visits_per_second"),
    [(3, 20.0), pytest.param(20, 60.0, marks=pytest.mark.torture)],
)
async def test_rolling_restart_fails_no_request(
    nodes: Nodes, http: aiohttp.ClientSession, restarts: int, visits_per_second: float
) -> None:
    operator = Api(http, nodes.url, OPERATOR_KEY)
    assert (await operator.put(f"/v1/sales/{SALE}", OPEN_SALE)).status == 201
    load = SteadyLoad(operator)
    ports = list(nodes.running)
    async with load.coming(visits_per_second):
        for restart in range(restarts):
            await load.until_answered_by_all(ports)
            await nodes.replace(ports[restart % 2], NO_SHEDDING)
    assert load.failures == [], nodes.log()
    await load.check_against_ledger()
