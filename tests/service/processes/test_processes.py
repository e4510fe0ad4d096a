"""The service as processes: it starts once, replaces what dies, stops cleanly, outlives nobody."""

import asyncio
import fcntl
import os
import resource
import signal
import subprocess
from pathlib import Path

import aiohttp
import pytest
from support.api_client import Api, create, make_key
from support.service.running import (
    READY,
    UNFORKED,
    StartService,
    await_ready,
    is_alive,
    launch,
    open_files,
    wait_until,
)

from holdfast.data_files import LOCK_FILE
from holdfast.processes import launch as launch_module
from holdfast.processes.launch_error import LaunchError

ESTABLISHED = "01"
"""the state in /proc/net/tcp"""


async def fetch(http: aiohttp.ClientSession, url: str) -> tuple[int, dict[str, object]]:
    async with http.get(url) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_service_starts_answers_and_stops(
    start_service: StartService, http: aiohttp.ClientSession, workers: str, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    service = start_service("--workers", workers, data_dir=empty, wrapper=UNFORKED)
    assert await fetch(http, f"{service.url}/livez") == (200, {"status": "ok"})
    status, ready = await fetch(http, f"{service.url}/readyz")
    assert (status, ready["checks"]) == (200, {"store": "ok", "ledger": "ok"})
    pids = [*service.workers(), service.store_pid()]
    assert len(pids) == int(workers) + 1
    assert service.stop() == 0
    assert not any(is_alive(pid) for pid in pids)


async def test_banner_tells_where_it_listens_beside_what_visitors_use(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service(HOLDFAST_PUBLIC_URL="https://tickets.example")
    assert service.url == "https://tickets.example"
    assert set(service.listeners) == {"room", "sales_floor", "shop", "operator"}
    for address in service.listeners.values():
        assert (await fetch(http, f"http://{address}/livez"))[0] == 200


async def test_operator_key_is_named_but_never_printed(start_service: StartService) -> None:
    service = start_service()
    assert str(service.data_dir / "operator.key") in service.text
    assert service.operator_key not in service.text


def test_second_service_on_the_directory_is_refused(start_service: StartService) -> None:
    first = start_service()
    second = launch(first.data_dir)
    assert second.process.wait(20) != 0
    assert "another service" in second.text
    assert f"process {first.process.pid}" in second.text
    assert first.process.poll() is None


def test_service_waits_for_what_is_left_of_a_killed_one(ended_pid: int, tmp_path: Path) -> None:
    """Given a lock that a worker still keeps, whose service has ended, then it starts after it."""
    data_dir = tmp_path / "left"
    data_dir.mkdir(mode=0o700)
    lock = data_dir / LOCK_FILE
    with lock.open("w") as left:
        fcntl.flock(left, fcntl.LOCK_EX)
        left.write(f"{ended_pid}\n")
        left.flush()
        service = launch(data_dir)
        wait_until(lambda: str(lock) in open_files(service.process.pid) or service.process.poll())
    try:
        await_ready(service)
        assert lock.read_text() == f"{service.process.pid}\n"
    finally:
        service.stop()


def test_lock_that_nobody_gives_back_is_told_after_a_while(
    ended_pid: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_module, "LOCK_WAIT_SECONDS", 0.2)
    lock = tmp_path / LOCK_FILE
    with lock.open("w") as left:
        fcntl.flock(left, fcntl.LOCK_EX)
        left.write(f"{ended_pid}\n")
        left.flush()
        told = pytest.raises(LaunchError, match=rf"process {ended_pid}\) runs")
        with told, launch_module._locked(tmp_path):
            pass


@pytest.fixture
def ended_pid() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid


def test_taken_port_is_refused_before_anything_starts(
    start_service: StartService, tmp_path: Path
) -> None:
    first = start_service()
    port = first.url.rpartition(":")[2]
    second = launch(tmp_path / "other", "--port", port)
    assert second.process.wait(20) != 0
    assert f"cannot listen on 127.0.0.1:{port}" in second.text
    assert not (tmp_path / "other" / "store").exists()


def test_restart_finds_key_and_secret_again(start_service: StartService) -> None:
    first = start_service()
    key, secret = first.operator_key, (first.data_dir / "secret").read_text()
    first.stop()
    second = start_service(data_dir=first.data_dir)
    assert (second.operator_key, (second.data_dir / "secret").read_text()) == (key, secret)


async def test_killed_worker_is_replaced(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given two workers, when one is killed, then a new one comes and nobody is turned away."""
    service = start_service("--workers", "2")
    before = service.workers()
    os.kill(before[0], signal.SIGKILL)
    statuses = [(await fetch(http, f"{service.url}/livez"))[0] for _ in range(50)]
    assert statuses == [200] * 50
    wait_until(lambda: len(set(service.workers()) - set(before)) == 1)
    assert before[1] in service.workers()
    assert "replacing it" in service.text


async def test_killed_worker_loses_no_other_workers_connection(
    start_service: StartService,
) -> None:
    """Given 60 open connections on two workers, killing one leaves those of the other usable."""
    service = start_service("--workers", "2")
    host, port = service.url.removeprefix("http://").split(":")
    links = [await asyncio.open_connection(host, int(port)) for _ in range(60)]
    assert all(await asyncio.gather(*(answers(reader, writer) for reader, writer in links)))
    owners = {pid: connections_of(pid, int(port)) for pid in service.workers()}
    victim = min(owners, key=lambda pid: owners[pid])
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: not is_alive(victim))
    served = await asyncio.gather(*(answers(reader, writer) for reader, writer in links))
    assert sum(served) == len(links) - owners[victim] >= len(links) // 2
    fresh = [await asyncio.open_connection(host, int(port)) for _ in range(60)]
    assert all(await asyncio.gather(*(answers(reader, writer) for reader, writer in fresh)))
    for _, writer in [*links, *fresh]:
        writer.close()


def connections_of(pid: int, port: int) -> int:
    """How many clients of the port a process has; what it talks to itself is not counted."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    accepted = {
        f"socket:[{row[9]}]"
        for row in rows
        if row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED
    }
    return len(accepted & set(open_files(pid)))


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    try:
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        await asyncio.wait_for(reader.readexactly(len(b'{"status":"ok"}')), 10)
    except (OSError, asyncio.IncompleteReadError):
        return False
    return head.startswith(b"HTTP/1.1 200")


def test_nothing_outlives_a_killed_parent(start_service: StartService) -> None:
    service = start_service("--workers", "2")
    pids = [*service.workers(), service.store_pid()]
    service.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    again = start_service(data_dir=service.data_dir)
    assert READY in again.text


async def test_killed_store_is_started_again(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service()
    before = service.store_pid()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: not is_alive(before))

    async def is_ready() -> bool:
        return (await fetch(http, f"{service.url}/readyz"))[0] == 200

    tries = 0
    while not await is_ready():
        tries += 1
        assert tries < 300
        await asyncio.sleep(0.05)
    assert service.store_pid() != before


async def test_admin_port_takes_metrics_off_the_main_port(
    start_service: StartService, http: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    service = start_service("--admin-port", str(unused_tcp_port), "--workers", "2")
    async with http.get(f"{service.url}/metrics") as response:
        assert response.status == 404
    viewer = {"Authorization": f"Bearer {make_key(service, 'viewer')}"}
    async with http.get(f"{service.url}/metrics", headers=viewer) as response:
        assert response.status == 200
    async with http.get(
        f"{service.url}/metrics", headers={"Authorization": "Bearer x"}
    ) as response:
        assert response.status == 401
    async with http.get(f"http://127.0.0.1:{unused_tcp_port}/metrics") as response:
        assert response.status == 200
        assert "holdfast_requests_total" in await response.text()


async def test_unready_store_is_named(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given a service whose store is stopped, then it is alive, not ready, and says why."""
    service = start_service()
    os.kill(service.store_pid(), signal.SIGSTOP)
    status, body = await fetch(http, f"{service.url}/readyz")
    os.kill(service.store_pid(), signal.SIGCONT)
    assert (status, body["checks"]) == (503, {"store": "unavailable", "ledger": "ok"})
    assert (await fetch(http, f"{service.url}/livez"))[0] == 200


def test_service_takes_all_open_files_that_it_may_have(start_service: StartService) -> None:
    """Given a soft limit of 512, then parent, worker and store have the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        service = start_service(wrapper=UNFORKED)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for pid in (service.process.pid, *service.workers(), service.store_pid()):
        assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (hard, hard)


def test_bad_setting_ends_the_start_with_its_name(tmp_path: Path) -> None:
    service = launch(tmp_path / "data", "--workers", "0")
    assert service.process.wait(20) == 1
    assert "setting workers" in service.text


async def test_connection_that_asks_nothing_is_closed(start_service: StartService) -> None:
    """Given connections that send nothing, or drip a head, they are closed after a while."""
    service = start_service(HOLDFAST_HEADER_SECONDS="0.5")
    host, port = service.url.removeprefix("http://").split(":")
    busy, busy_writer = await asyncio.open_connection(host, int(port))
    while not await answers(busy, busy_writer):  # half a second may pass before it has asked
        busy_writer.close()
        busy, busy_writer = await asyncio.open_connection(host, int(port))
    silent, silent_writer = await asyncio.open_connection(host, int(port))
    drip, drip_writer = await asyncio.open_connection(host, int(port))
    drip_writer.write(b"GET /livez HT")
    async with asyncio.timeout(20):
        assert await silent.read() == b""
        assert await drip.read() == b""
    assert await answers(busy, busy_writer)
    for writer in (silent_writer, drip_writer, busy_writer):
        writer.close()


def test_unusable_store_is_refused_at_start(tmp_path: Path) -> None:
    service = launch(tmp_path / "data", HOLDFAST_STORE_URL=f"unix://{tmp_path}/nobody.sock")
    assert service.process.wait(20) == 1
    assert "Traceback" not in service.text
    assert "nobody.sock" in service.text


@pytest.mark.parametrize("url", ["oracle://db/holdfast", "no url"])
def test_unusable_ledger_is_refused_at_start(tmp_path: Path, url: str) -> None:
    service = launch(tmp_path / "data", HOLDFAST_LEDGER_URL=url)
    assert service.process.wait(20) == 1
    assert "Traceback" not in service.text
    assert "setting ledger_url" in service.text


def test_damaged_ledger_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "ledger.sqlite3").write_bytes(b"this is no database of any kind " * 99)
    service = launch(tmp_path / "data")
    assert service.process.wait(30) == 1
    assert "Traceback" not in service.text
    assert "the ledger is damaged" in service.text


async def test_new_ledger_beside_a_store_that_has_sales_is_refused(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given a ledger that is gone, the service does not begin an empty one behind a full store."""
    service = start_service()
    await create(Api(http, service.url, service.operator_key), "gone")
    service.stop()
    ledger, aside = service.data_dir / "ledger.sqlite3", service.data_dir / "aside"
    ledger.rename(aside)
    again = launch(service.data_dir)
    assert await asyncio.to_thread(again.process.wait, 30) == 1
    assert "the ledger is new, but the store carries sales" in again.text
    assert "Traceback" not in again.text
    ledger.unlink()  # the one that was made by trying
    aside.rename(ledger)
    restored = launch(service.data_dir)
    await_ready(restored)
    assert restored.stop() == 0
