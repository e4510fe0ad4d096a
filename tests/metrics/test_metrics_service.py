"""What a running service of two workers tells Prometheus, which reads it too."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support import http_servers
from support.api_client import Api, create
from support.service.running import (
    Service,
    await_ready,
    is_alive,
    launch,
    open_files,
    serving,
    wait_until,
)

from holdfast_metrics.definitions.definition import MetricKind
from holdfast_metrics.manifest import MANIFEST

TRIES = 40
PAUSE_SECONDS = 0.25
POLLS = 40
STREAMS_EACH = 5
"""more than the other files that a worker may have opened meanwhile"""
UNIT = {"areas": [{"id": "floor", "quantity": 1}]}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("metrics") / "data", "--workers", "2") as running:
        yield running


@pytest.fixture
async def operator(service: Service) -> AsyncIterator[Api]:
    # Connections are not reused, so that requests reach both workers.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Api(session, service.url, service.operator_key)


async def _scrape(api: Api) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = await api.get("/metrics")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


async def _reaches(api: Api, name: str, value: float, **labels: str) -> None:
    """The series shows exactly `value`, at the latest when the other worker has flushed."""
    key = (name, frozenset(labels.items()))
    shown: float | None = None
    for _ in range(TRIES):
        shown = (await _scrape(api)).get(key)
        if shown == value:
            return
        await asyncio.sleep(PAUSE_SECONDS)
    pytest.fail(f"{name} {labels}: {shown}, not {value}")


async def test_a_sale_shows_in_every_metric(operator: Api) -> None:
    await create(operator, "measured", new_users_per_minute=1200)
    buyer = await operator.admitted("measured")
    hold = (await buyer.hold("measured", UNIT)).body
    second = (await buyer.hold("measured", UNIT)).body
    await buyer.post(f"/v1/sales/measured/holds/{second['id']}/release")
    assert (await operator.confirm("measured", hold)).status == 200

    sale = {"sale": "measured"}
    await _reaches(operator, "holdfast_passes_total", 1, outcome="issued", **sale)
    await _reaches(operator, "holdfast_holds_total", 2, outcome="created", **sale)
    await _reaches(operator, "holdfast_holds_total", 1, outcome="released", **sale)
    await _reaches(operator, "holdfast_orders_total", 1, outcome="confirmed", **sale)
    await _reaches(operator, "holdfast_active", 1, **sale)
    await _reaches(operator, "holdfast_waiting", 0, **sale)
    await _reaches(operator, "holdfast_admission_rate_set_per_minute", 1200, **sale)
    await _reaches(operator, "holdfast_first_hold_seconds_count", 1, **sale)
    await _reaches(operator, "holdfast_wait_seconds_count", 1, **sale)
    await _reaches(operator, "holdfast_revenue_minor_total", 4500, currency="EUR", **sale)
    await _reaches(operator, "holdfast_operator_changes_total", 1, action="create", **sale)
    for stage in ("joined", "admitted", "held", "paying", "confirmed"):
        await _reaches(operator, "holdfast_funnel_total", 1, stage=stage, **sale)
    for state, units in {"free": 99, "held": 0, "booked": 1, "blocked": 0}.items():
        await _reaches(operator, "holdfast_units", units, state=state, **sale)
    shown = await _scrape(operator)
    joins = [value for (name, labels), value in shown.items() if name == "holdfast_joins_total"]
    assert sum(joins) == 1
    names = {name for name, _ in shown}
    assert "holdfast_admission_rate_realised_per_minute" in names
    assert "holdfast_script_batch_size_count" in names
    route = "/v1/sales/{sale}/holds"
    await _reaches(operator, "holdfast_requests_total", 2, route=route, method="POST", code="201")
    await _reaches(operator, "holdfast_request_seconds_count", 2, route=route)
    await _reaches(operator, "holdfast_script_seconds_count", 2, script="hold_seats")
    # one transaction about one order: the confirm's
    await _reaches(operator, "holdfast_ledger_seconds_count", 1, outcome="committed")
    await _reaches(operator, "holdfast_ledger_batch_size_sum", 1)

    refund = f"/v1/sales/measured/orders/{hold['id']}/refund"
    assert (await operator.post(refund)).status == 200
    assert (await operator.post(refund)).status == 200  # a repeat gives nothing back
    await _reaches(operator, "holdfast_refunds_minor_total", 4500, currency="EUR", **sale)


async def test_open_streams_are_those_of_all_workers(operator: Api, service: Service) -> None:
    await create(operator, "streamed")
    after = (await operator.get("/v1/sales/streamed/seats")).body["version"]
    address = f"{operator.url}/v1/sales/streamed/changes?after={after}"
    headers = {"Accept": "text/event-stream"}
    wanted = {pid: len(open_files(pid)) + STREAMS_EACH for pid in service.workers()}
    streams = 0
    async with AsyncExitStack() as stack:
        # Each worker has some, so one alone shows too few.
        while any(len(open_files(pid)) < count for pid, count in wanted.items()):
            response = await stack.enter_async_context(operator.http.get(address, headers=headers))
            assert response.status == 200
            streams += 1
        await _reaches(operator, "holdfast_open_streams", streams)
    await _reaches(operator, "holdfast_open_streams", 0)


async def test_holds_that_run_out_are_counted(operator: Api) -> None:
    await create(operator, "lapsing", hold_seconds=3)
    buyer = await operator.admitted("lapsing")
    await _reaches(operator, "holdfast_holds_expired", 0, sale="lapsing")
    assert (await buyer.hold("lapsing", UNIT)).status == 201
    await _reaches(operator, "holdfast_holds_expired", 1, sale="lapsing")
    await _reaches(operator, "holdfast_units", 100, state="free", sale="lapsing")


async def test_polls_of_both_workers_add_up(operator: Api) -> None:
    await create(operator, "polled")
    before = await _scrape(operator)
    route = {"route": "/v1/sales/{sale}/status", "method": "GET", "code": "200"}
    key = ("holdfast_requests_total", frozenset(route.items()))
    answers = [await operator.get("/v1/sales/polled/status") for _ in range(POLLS)]
    assert {answer.status for answer in answers} == {200}
    await _reaches(operator, key[0], before.get(key, 0.0) + POLLS, **route)


async def test_all_series_of_a_sale_exist_from_its_creation_and_go_with_it(
    operator: Api, service: Service
) -> None:
    """Over two workers, one of which is killed in between."""
    await create(operator, "whole")
    wanted = set(_declared("whole", "EUR"))
    for _ in range(TRIES):
        shown = await _scrape(operator)
        if not (missing := wanted - set(shown)):
            break
        await asyncio.sleep(PAUSE_SECONDS)
    assert not missing
    assert shown["holdfast_sale_state", frozenset({("sale", "whole"), ("state", "open")})] == 1
    counts = [key for key in wanted if key[0].endswith(("_total", "_count"))]
    assert {shown[key] for key in counts if ("action", "create") not in key[1]} == {0.0}

    killed = service.workers()[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(service.workers()) == 2 and killed not in service.workers())
    await _reaches(operator, "holdfast_worker_restarts_total", 1)
    await operator.post("/v1/sales/whole/close")
    assert (await operator.delete("/v1/sales/whole")).status == 204
    for _ in range(TRIES):
        left = [key for key in await _scrape(operator) if ("sale", "whole") in key[1]]
        if not left:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    assert not left


def _declared(sale: str, currency: str) -> Iterator[tuple[str, frozenset[tuple[str, str]]]]:
    for entry in MANIFEST:
        if entry.of_sale:
            name = entry.name + ("_count" if entry.kind is MetricKind.HISTOGRAM else "")
            known = ((currency,),) if "currency" in entry.labels else ((),)
            for values in entry.values or known:
                yield name, frozenset(zip(entry.labels, (sale, *values), strict=True))


async def test_prometheus_reads_it(operator: Api, service: Service) -> None:
    target = service.url.removeprefix("http://")
    config = f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: holdfast
    static_configs: [{{targets: ["{target}"]}}]
"""
    await create(operator, "scraped")
    with http_servers.prometheus(config) as server:
        url = f"http://127.0.0.1:{server.port}/api/v1/query"
        for _ in range(TRIES):
            if values := await _query(operator.http, url):
                break
            await asyncio.sleep(PAUSE_SECONDS * 2)
    assert values == ["600"]


async def _query(session: aiohttp.ClientSession, url: str) -> list[str]:
    query = {"query": 'holdfast_admission_rate_set_per_minute{sale="scraped"}'}
    async with session.get(url, params=query) as answer:
        # 503 until Prometheus has read its own files.
        found = (await answer.json())["data"]["result"] if answer.status == 200 else []
    return [series["value"][1] for series in found]


def test_files_are_in_a_directory_of_the_service_and_gone_with_it(tmp_path: Path) -> None:
    service = launch(tmp_path / "data", "--workers", "2")
    await_ready(service)
    (directory,) = _shared_directories(service)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stem.rpartition("_")[2] for path in directory.glob("*.db")} == {"0", "1"}
    assert service.stop() == 0
    assert not directory.exists()


def test_files_of_a_killed_service_are_gone_when_the_next_one_has_started(tmp_path: Path) -> None:
    killed = launch(tmp_path / "killed")
    await_ready(killed)
    (left,) = _shared_directories(killed)
    workers = killed.workers()
    killed.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in workers))
    started = launch(tmp_path / "next")
    await_ready(started)
    assert not left.exists()
    assert started.stop() == 0


def _shared_directories(service: Service) -> set[Path]:
    """Those that the service's parent keeps open."""
    opened = {Path(link) for link in open_files(service.process.pid)}
    return {path for path in opened if path.name.startswith("holdfast-metrics-")}
