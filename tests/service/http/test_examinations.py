"""The health of a node, and a sale's reconciliation, over HTTP."""

import asyncio

import pytest
from support.api_client import Api, create, make_key
from support.service.running import Service

from holdfast.config import Config
from holdfast.doctor import Finding, Level
from holdfast.http import examinations
from holdfast.http.examinations import KeptFindings

CONFIG = Config(
    public_url="http://127.0.0.1:8080",
    store_url="redis://127.0.0.1",
    ledger_url="sqlite://",
    secret="secret-" * 8,
    operator_key="key-" * 8,
)
ONE = {"areas": [{"id": "floor", "quantity": 1}]}


@pytest.fixture(scope="module")
def viewer_key(shared_service: Service) -> str:
    return make_key(shared_service, "viewer")


async def test_health_has_findings_checks_and_the_workers(
    operator: Api, viewer_key: str, shared_service: Service
) -> None:
    viewer = operator.as_(viewer_key)
    health = (await viewer.get("/v1/health")).body
    assert health["checks"] == {"store": "ok", "ledger": "ok"}
    assert health["status"] in ("ok", "warning")
    assert {finding["area"] for finding in health["findings"]} == {"host", "store", "ledger"}
    assert sum(health["counts"].values()) == len(health["findings"])
    assert health["counts"]["problem"] == 0
    assert [group["workers"] for group in health["groups"]] == [2]
    assert len(health["workers"]) == 2  # the embedded store is none
    assert [worker["answers"] for worker in health["workers"]].count(True) == 1
    for worker in health["workers"]:
        assert worker["resident_bytes"] > 1_000_000
        assert 0 <= worker["uptime_seconds"] < 3_600
        assert worker["pid"] != shared_service.process.pid
    text = str(health)
    assert shared_service.operator_key not in text


async def test_health_is_for_keys(operator: Api) -> None:
    assert (await operator.as_(None).get("/v1/health")).code == "unauthorized"
    assert (await operator.get("/v1/health?full=true")).body["field"] == "full"


async def test_sale_that_sells_is_reconciled_without_a_difference(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name)
    hold = (await platform.hold(name, {**ONE, "buyer": "ann"})).body
    await platform.confirm(name, hold)
    for query in ("", "?repair=true"):
        done = await operator.post(f"/v1/sales/{name}/reconcile{query}")
        assert done.status == 200, done
        assert (done.body["sale"], done.body["differences"], done.body["repaired"]) == (
            name,
            [],
            [],
        )
        assert (done.body["compared"]["orders"], done.body["compared"]["holds"]) == (1, 1)


async def test_reconciling_is_for_operators(operator: Api, platform: Api, name: str) -> None:
    await create(operator, name)
    path = f"/v1/sales/{name}/reconcile"
    assert (await platform.post(path)).code == "forbidden"
    assert (await operator.post(f"{path}?repair=yes")).body["field"] == "repair"
    assert (await operator.post("/v1/sales/none/reconcile")).code == "unknown_sale"


async def test_node_is_examined_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    examined: list[Config] = []

    async def examine(config: Config) -> list[Finding]:
        examined.append(config)
        await asyncio.sleep(0)
        return [Finding(Level.OK, "host", "memory", "enough")]

    monkeypatch.setattr(examinations, "examine", examine)
    kept = KeptFindings(CONFIG)
    first, *others = await asyncio.gather(*(kept.read() for _ in range(3)))
    assert [*others, await kept.read()] == [first] * 3
    assert len(examined) == 1
