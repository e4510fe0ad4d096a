"""What the host asks by signals: reload, nothing, stop; at every phase, and as process 1."""

import asyncio
import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from support.service.running import (
    STOP_SECONDS,
    Service,
    StartService,
    await_ready,
    children,
    is_alive,
    is_store,
    launch,
    wait_until,
)
from support.services import directory_for, program

KEYS = ("first-operator-key", "second-operator-key")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "holdfast.toml"
    _set_key(path, KEYS[0])
    return path


def _set_key(config: Path, key: str) -> None:
    config.write_text(f'operator_key = "{key}"\n')


@pytest.fixture
def launched() -> Iterator[Callable[[Service], Service]]:
    """Ends what was launched and still runs at the end of the test."""
    services: list[Service] = []

    def note(service: Service) -> Service:
        services.append(service)
        return service

    yield note
    for service in services:
        if service.process.poll() is None:
            service.kill()


async def _status(http: aiohttp.ClientSession, service: Service, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}", "Connection": "close"}
    async with http.get(f"{service.url}/v1/sales", headers=headers) as response:
        return response.status


async def test_sighup_takes_settings_over_and_turns_nobody_away(
    start_service: StartService, http: aiohttp.ClientSession, config: Path
) -> None:
    service = start_service("--workers", "2", "--config", str(config))
    before = set(service.workers())
    assert [await _status(http, service, key) for key in KEYS] == [200, 401]
    _set_key(config, KEYS[1])
    service.process.send_signal(signal.SIGHUP)
    seen = []
    while before & set(service.workers()):
        async with http.get(f"{service.url}/livez", headers={"Connection": "close"}) as response:
            seen.append(response.status)
        assert len(service.workers()) <= 3
        assert len(seen) < 5000, service.text
    assert set(seen) == {200}
    wait_until(lambda: len(service.workers()) == 2)
    assert {await _status(http, service, KEYS[0]) for _ in range(10)} == {401}
    assert {await _status(http, service, KEYS[1]) for _ in range(10)} == {200}
    assert service.stop() == 0


def test_sighup_with_settings_of_no_use_changes_nothing(
    start_service: StartService, config: Path
) -> None:
    service = start_service("--config", str(config))
    before = service.workers()
    config.write_text("workers = 0\n")
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "the settings were not reloaded: setting workers" in service.text)
    assert service.workers() == before


def test_sighup_changes_the_number_of_workers_and_not_the_port(
    start_service: StartService, config: Path
) -> None:
    service = start_service("--config", str(config))
    config.write_text('workers = 3\nhost = "127.0.0.9"\n')
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(service.workers()) == 3)
    assert "changed settings that need a restart: host" in service.text
    config.write_text("workers = 1\n")
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(service.workers()) == 1)
    assert service.stop() == 0


async def test_workers_that_do_not_come_to_serve_replace_nobody(
    start_service: StartService, http: aiohttp.ClientSession, config: Path
) -> None:
    """Given a ledger that was moved away, then SIGHUP's new worker fails and the old one stays."""
    service = start_service("--config", str(config))
    before = service.workers()
    (service.data_dir / "ledger.sqlite3").rename(service.data_dir / "away")
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "before it served: the settings stay" in service.text)
    assert service.workers() == before
    async with http.get(f"{service.url}/livez") as response:
        assert response.status == 200


async def test_other_signals_do_no_harm(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service("--workers", "2")
    before = [*service.workers(), service.store_pid()]
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        for pid in (service.process.pid, *before):
            os.kill(pid, number)
    for pid in service.workers():
        os.kill(pid, signal.SIGHUP)
    for _ in range(20):
        async with http.get(f"{service.url}/readyz", headers={"Connection": "close"}) as response:
            assert response.status == 200
    assert [*service.workers(), service.store_pid()] == before
    assert service.stop() == 0


def test_closed_terminal_stops_the_service(
    tmp_path: Path, launched: Callable[[Service], Service]
) -> None:
    terminal, end = os.openpty()
    output = tmp_path / "output"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "holdfast", "serve"),
                *("--port", "0", "--data-dir", str(tmp_path / "data")),
            ],
            stdin=end,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one thread
        )
    os.close(end)
    service = launched(Service(process, tmp_path / "data", output))
    await_ready(service)
    os.close(terminal)
    assert service.process.wait(STOP_SECONDS) == 0


def _program(pid: int) -> str:
    """The name of the program that the process runs."""
    return Path(f"/proc/{pid}/exe").readlink().name


def _freeze_store(service: Service, *, but: int = 0) -> int:
    """Stops the store's process as soon as there is one, so that it never answers.

    Not its launcher, which has not yet bound itself to the life of the service.
    """
    found: list[int] = []

    def is_there() -> bool:
        stores = (pid for pid in children(service.process.pid) if is_store(pid) and pid != but)
        found[:] = [pid for pid in stores if _program(pid) == "valkey-server"]
        return bool(found)

    wait_until(is_there, seconds=30)
    os.kill(found[0], signal.SIGSTOP)
    return found[0]


def test_sigterm_ends_a_start_that_waits_for_the_store(
    tmp_path: Path, launched: Callable[[Service], Service]
) -> None:
    service = launched(launch(tmp_path / "data"))
    store = _freeze_store(service)
    assert service.stop() == 0
    wait_until(lambda: not is_alive(store))
    assert "Traceback" not in service.text


def test_sigterm_ends_a_start_that_waits_for_the_ledger(
    start_service: StartService, launched: Callable[[Service], Service]
) -> None:
    """Given a ledger that somebody else has locked."""
    data = start_service().data_dir
    start_service(data_dir=data.with_name("other")).stop()
    with closing(sqlite3.connect(data.with_name("other") / "ledger.sqlite3")) as ledger:
        ledger.execute("BEGIN EXCLUSIVE")
        service = launched(launch(data.with_name("other")))
        wait_until(lambda: any(is_store(pid) for pid in children(service.process.pid)), 30)
        assert service.stop() == 0
    assert "Traceback" not in service.text


async def test_parent_looks_after_its_workers_while_it_waits_for_the_store(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given a store that comes back slowly, workers are replaced meanwhile, and SIGTERM heard."""
    service = start_service("--workers", "2")
    store = service.store_pid()
    os.kill(store, signal.SIGKILL)
    frozen = _freeze_store(service, but=store)
    before = service.workers()
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: len(set(service.workers()) - set(before)) == 1)
    async with http.get(f"{service.url}/livez") as response:
        assert response.status == 200
    assert await asyncio.to_thread(service.stop) == 0
    assert not is_alive(frozen)


def test_workers_that_cannot_be_forked_come_later(launched: Callable[[Service], Service]) -> None:
    """Given no more processes for the user, a killed worker is replaced when there are some."""
    if os.geteuid() != 0:
        pytest.skip("only root can run the service as another user, and limit that one")
    daemon = [program("setpriv", "util-linux"), "--reuid", "daemon", "--regid", "daemon"]
    # The interpreter may lie where only root can go.
    daemon += ["--clear-groups", "--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
    with directory_for("daemon") as directory:
        service = launched(launch(directory / "data", wrapper=daemon))
        await_ready(service)
        (worker,) = service.workers()
        limit = [*daemon, program("prlimit", "util-linux"), "--pid", str(service.process.pid)]
        subprocess.run([*limit, "--nproc=1:"], check=True)
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: "no worker can be forked now" in service.text)
        assert service.process.poll() is None
        subprocess.run([*limit, "--nproc=1000:"], check=True)
        wait_until(lambda: len(service.workers()) == 1, seconds=20)
        assert service.stop() == 0


@pytest.fixture
def namespace() -> list[str]:
    """A command that runs another one as process 1."""
    unshare = [program("unshare", "util-linux"), "--pid", "--fork", "--mount-proc", "--kill-child"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    tried = subprocess.run([*unshare, "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no process namespace can be made here: {tried.stderr.decode().strip()}")
    return unshare


def test_process_1_reaps_what_it_inherits_and_hears_signals(
    tmp_path: Path, namespace: list[str], launched: Callable[[Service], Service]
) -> None:
    outer = launched(launch(tmp_path / "data", "--workers", "2", wrapper=namespace))
    await_ready(outer)
    (init,) = children(outer.process.pid)
    before = children(init)
    enter = ["nsenter", "--target", str(init), "--pid", "--mount"]
    if os.geteuid() != 0:
        enter += ["--user", "--preserve-credentials"]
    subprocess.run([*enter, "sh", "-c", "sleep 3600 & sleep 3600 &"], check=True)
    wait_until(lambda: len(children(init)) == len(before) + 2)
    for orphan in set(children(init)) - set(before):
        os.kill(orphan, signal.SIGKILL)
    wait_until(lambda: children(init) == before)
    worker = next(pid for pid in before if not is_store(pid))
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: worker not in children(init) and len(children(init)) == len(before))
    os.kill(init, signal.SIGTERM)
    assert outer.process.wait(STOP_SECONDS) == 0


def test_process_1_hears_sigterm_while_it_starts(
    tmp_path: Path, namespace: list[str], launched: Callable[[Service], Service]
) -> None:
    outer = launched(launch(tmp_path / "data", wrapper=namespace))
    wait_until((tmp_path / "data" / "service.lock").exists, seconds=30)
    (init,) = children(outer.process.pid)
    os.kill(init, signal.SIGTERM)
    assert outer.process.wait(STOP_SECONDS) == 0
