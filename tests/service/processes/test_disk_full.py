"""A full disk: what it held is refused and named, workers live, and room heals everything."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from support.api_client import Answer, Api, create
from support.service.running import Service, await_ready, is_alive, launch, wait_until
from support.service.small_disk import fill, seen_by, wrapper_with_disks

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - of the service's own namespace
UNIT = {"areas": [{"id": "floor", "quantity": 1}]}
TRIES = 200
Start = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a service of two workers that has a small disk at a place."""
    started: list[Service] = []

    def start_with(place: Path, size: str, **environ: str) -> Service:
        place.mkdir(mode=0o700, exist_ok=True)
        wrapper = wrapper_with_disks({place: size})
        service = launch(tmp_path / "data", "--workers", "2", wrapper=wrapper, **environ)
        started.append(service)
        await_ready(service)
        return service

    yield start_with
    for service in started:
        service.kill()


async def _buys(api: Api, sale: str) -> Answer:
    """One visitor goes all the way; the answer to the confirm."""
    buyer = await api.as_(None).admitted(sale)
    held = await buyer.hold(sale, UNIT)
    assert held.status == 201, held
    return await api.confirm(sale, held.body)


async def _until(answers: Callable[[], Awaitable[Answer]], status: int) -> Answer:
    for _ in range(TRIES):
        answer = await answers()
        if answer.status == status:
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(f"{answer}, not {status}")


async def test_full_shared_memory_costs_metrics_and_nothing_else(
    start: Start, http: aiohttp.ClientSession
) -> None:
    """Given no room for metrics, sales are made and sold, and a killed worker is replaced."""
    service = start(SHARED_MEMORY, "256k")
    api = Api(http, service.url, service.operator_key)
    before = service.workers()
    ballast = fill(seen_by(service.process.pid, SHARED_MEMORY))
    for number in range(8):
        await create(api, f"night-{number}")
        assert (await _buys(api, f"night-{number}")).status == 200
    assert service.workers() == before
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: not is_alive(before[0]) and len(service.workers()) == 2)
    for _ in range(20):
        assert (await api.get("/livez")).status == 200
        assert (await _buys(api, "night-0")).status == 200
    assert (await api.get("/metrics")).status == 200
    assert "cannot write metrics until there is room: No space left" in service.text
    ballast.unlink()
    for _ in range(TRIES):
        await api.get("/livez")
        await _buys(api, "night-1")
        shown = (await api.get("/metrics")).body.decode()
        if 'holdfast_orders_total{outcome="confirmed",sale="night-1"}' in shown:
            break
    else:
        pytest.fail("metrics did not come back")
    assert "holdfast_metrics_dropped_samples_total 0.0" not in shown
    assert before[1] in service.workers()


async def test_full_disk_of_the_store_is_named_and_503_until_there_is_room(
    start: Start, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Given no room in the data directory, what was held before is sold when there is room."""
    data = tmp_path / "data"
    service = start(data, "24m")
    disk = seen_by(service.process.pid, data)
    api = Api(http, service.url, (disk / "operator.key").read_text().strip())
    await create(api, "night")
    buyers = [await api.as_(None).admitted("night") for _ in range(3)]
    holds = [(await buyer.hold("night", UNIT)).body for buyer in buyers]
    before = service.workers()
    ballast = fill(disk)
    joined = await _until(lambda: api.as_(None).post("/v1/sales/night/tickets"), 503)
    assert joined.code == "store_unavailable"
    refused = [await api.confirm("night", hold) for hold in holds]
    assert {answer.code for answer in refused} == {"store_unavailable"}
    assert all(answer.headers["Retry-After"] for answer in refused)
    ready = await _until(lambda: api.get("/readyz"), 503)
    assert ready.body["checks"]["store"] == "cannot_save"
    assert [(await api.get("/livez")).status for _ in range(20)] == [200] * 20
    assert (await api.get("/v1/sales/night/status")).status == 200
    assert service.workers() == before
    ballast.unlink()
    await _until(lambda: api.get("/readyz"), 200)
    for hold in holds:
        assert (await api.confirm("night", hold)).status == 200
    assert (await _buys(api, "night")).status == 200
    assert service.workers() == before


async def test_full_disk_of_the_ledger_refuses_confirms_until_there_is_room(
    start: Start, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Given no room for a SQLite ledger, what was held before is sold when there is room."""
    disk = tmp_path / "ledger"
    service = start(disk, "4m", HOLDFAST_LEDGER_URL=f"sqlite:///{disk}/ledger.sqlite3")
    api = Api(http, service.url, service.operator_key)
    await create(api, "night")
    buyer = await api.as_(None).admitted("night")
    before = service.workers()
    ballast = fill(seen_by(service.process.pid, disk))
    for _ in range(TRIES):  # what has room in the files' last blocks is still written
        held = (await buyer.hold("night", UNIT)).body
        refused = await api.confirm("night", held)
        if refused.status != 200:
            break
    assert (refused.status, refused.code) == (503, "ledger_unavailable")
    assert refused.headers["Retry-After"]
    assert (await api.get("/livez")).status == 200
    assert service.workers() == before
    ballast.unlink()
    assert (await api.confirm("night", held)).status == 200
    assert (await _buys(api, "night")).status == 200
    assert service.workers() == before
