"""Faults that miss: each one finds out for itself that it had no effect on the service.

The service runs and is well; what is struck is a decoy beside it.
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from redis import Redis
from support.service.running import Service, serving, wait_until
from support.service.rush import SALE, create_rush_sale

from holdfast.data_files import LEDGER_FILE, LOCK_FILE
from holdfast_demo.chaos import flood as flooding
from holdfast_demo.chaos import host_faults, store_faults
from holdfast_demo.chaos.disk import SmallDisk, no_more_writes
from holdfast_demo.chaos.fault import Injection, InjectionFailed
from holdfast_demo.chaos.target import ServiceLocation, Target
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Client
from holdfast_loadtest.wire import Sale
from holdfast_lua import EmbeddedStore


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("service") / "data") as running:
        yield running


@pytest.fixture
async def target(service: Service, tmp_path: Path) -> AsyncIterator[Target]:
    """The running service's sale, with nothing of the service in its directory: a decoy."""
    async with aiohttp.ClientSession() as session:
        operator = ShopCalls(Client(session, service.url, SALE), service.operator_key)
        if (await operator.read("")).status == 404:
            await create_rush_sale(service, session)
        sale = (await operator.read("")).read(Sale)
        assert sale.uid
        yield Target(ServiceLocation(session, service.url, tmp_path), sale, operator)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (flooding, host_faults, store_faults):
        monkeypatch.setattr(module, "EFFECT_SECONDS", 1.0)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[int]:
    """A process that is no service, named as one by the lock file of the decoy."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (tmp_path / LOCK_FILE).write_text(str(process.pid))
    yield process.pid
    process.kill()
    process.communicate()


@pytest.fixture
def decoy_store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path) as store:
        with Redis(unix_socket_path=store.url.removeprefix("unix://")) as asking:
            asking.set("a", "b")
        yield store


async def missed(inject: Injection, target: Target) -> str:
    """Why the fault says that it failed."""
    with pytest.raises(InjectionFailed) as failure:
        async with inject(target):
            pass
    return str(failure.value)


@pytest.mark.usefixtures("decoy_store")
async def test_wipe_of_another_store_is_noticed(target: Target) -> None:
    assert "not rebuilt" in await missed(store_faults.wipe, target)


@pytest.mark.usefixtures("decoy_store")
async def test_wipe_of_an_empty_store_is_noticed(target: Target) -> None:
    async with target.store() as store:
        await store.flushall()
    assert "had 0 keys" in await missed(store_faults.wipe, target)


@pytest.mark.usefixtures("decoy_store")
async def test_clock_of_a_store_without_the_sale_is_noticed(target: Target) -> None:
    assert "did not have the sale" in await missed(store_faults.set_clock_ahead, target)


@pytest.mark.usefixtures("sleeper")
async def test_missing_store_is_noticed(target: Target) -> None:
    assert "no store to kill" in await missed(store_faults.break_files, target)


@pytest.mark.usefixtures("sleeper")
async def test_missing_workers_are_noticed(target: Target) -> None:
    assert "workers []" in await missed(host_faults.kill_workers, target)


async def test_lock_of_another_ledger_is_noticed(target: Target) -> None:
    sqlite3.connect(target.data_dir / LEDGER_FILE).close()
    assert "a write 200" in await missed(host_faults.lock_ledger, target)


@pytest.mark.usefixtures("sleeper")
async def test_disk_that_is_not_the_services_is_noticed(target: Target) -> None:
    assert "still says that the store is ok" in await missed(host_faults.fill_disk, target)


async def test_ballast_is_taken_away_whatever_happens(target: Target, tmp_path: Path) -> None:
    class Full(SmallDisk):
        def fill(self) -> int:
            (self.path / "ballast").write_bytes(b"x")
            return 1

    wrong = replace(target, location=replace(target.location, disk=Full(tmp_path)))
    assert "still says" in await missed(host_faults.fill_disk, wrong)
    assert not (tmp_path / "ballast").exists()


async def test_flood_that_is_taken_is_a_breach(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a server that says yes to everything."""
    monkeypatch.setattr(flooding, "EFFECT_SECONDS", 60.0)

    async def agree(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(await asyncio.start_server(agree, "127.0.0.1", 0))
        port = server.sockets[0].getsockname()[1]
        location = replace(target.location, url=f"http://127.0.0.1:{port}")
        wrong = replace(target, location=location)
        assert "answered {200:" in await missed(flooding.flood, wrong)


async def test_flood_that_nobody_answers_is_noticed(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flooding, "EFFECT_REQUESTS", 10**9)
    assert "requests had an end" in await missed(flooding.flood, target)


def test_quota_refuses_every_byte_and_is_lifted(tmp_path: Path, sleeper: int) -> None:
    written, code = tmp_path / "written", "while True:\n try: open(PATH, 'ab', 0).write(b'x')"
    text = f"PATH = {str(written)!r}\n{code}\n except OSError: pass"
    process = subprocess.Popen([sys.executable, "-c", text])
    try:
        wait_until(lambda: written.exists() and written.stat().st_size > 0)
        with no_more_writes([process.pid], iter([process.pid, sleeper])):
            full = written.stat().st_size
            wait_until(_is_still(written))
            full = written.stat().st_size
        wait_until(lambda: written.stat().st_size > full)
    finally:
        process.kill()
        process.wait()


def _is_still(path: Path) -> Callable[[], bool]:
    """Whether nothing has been added since it was last asked."""
    sizes = [-1]

    def still() -> bool:
        sizes.append(path.stat().st_size)
        return sizes[-1] == sizes[-2]

    return still


def test_small_disk_is_full_for_its_own_processes_alone(tmp_path: Path) -> None:
    """In a process of its own, for it is mounted for the process that asks, and for ever."""
    code = f"""
import os, pathlib
from holdfast_demo.chaos.disk import SmallDisk
path = pathlib.Path({str(tmp_path)!r})
disk = SmallDisk.mount(path, 4)
if disk is None:
    print("not allowed")
    raise SystemExit
assert 3 << 20 < disk.fill() <= 4 << 20
try:
    (path / "more").write_bytes(b"x" * 8192)
except OSError as error:
    print(os.strerror(error.errno))
disk.relieve()
(path / "more").write_bytes(b"x" * 8192)
disk.unmount()
assert not os.path.ismount(path)
"""
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 0, ran.stderr
    if ran.stdout.strip() == "not allowed":
        pytest.skip("no mount namespace is allowed here")
    assert ran.stdout.strip() == "No space left on device"
    assert not os.listdir(tmp_path)
