"""The store loses what it had acknowledged, in the middle of a rush on a real service.

Whatever it lost: nothing is sold twice, every confirm that was answered 200 is in the ledger, no
number is issued twice, no pass is given to another, and meanwhile clients are told to come again.
In the end `holdfast reconcile` finds store, ledger and events agreed.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from support.api_client import Answer
from support.service.reconciled import reconciled
from support.service.running import Service, StartService, is_alive, wait_until
from support.service.rush import SALE, Line, Rush, audit, create_rush_sale, until_confirmed

WORKERS = ("--workers", "2")
SETTINGS = {"HOLDFAST_RECOVERY_MS": "500", "HOLDFAST_CHECKPOINT_MS": "200"}


@asynccontextmanager
async def rushing(
    service: Service, http: aiohttp.ClientSession
) -> AsyncIterator[tuple[Rush, Line]]:
    """Buyers and visitors at once; at the end both are audited."""
    rush = await create_rush_sale(service, http)
    line = Line(rush.api.as_(None))
    running = [asyncio.create_task(work) for work in (rush.run(), line.run())]
    await until_confirmed(rush, 30)
    await until_admitted(line)
    yield rush, line
    rush.stopped = line.stopped = True
    await asyncio.gather(*running)
    await audit(rush)
    await line.audit()
    await reconciled(service, SALE)
    assert "internal_error" not in rush.answers


async def until_admitted(line: Line) -> None:
    for _ in range(1500):
        if line.tokens:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"nobody gets in: {line.answers}")


async def answered(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """The first answer that is not 503: each worker notices a loss for itself."""
    async with asyncio.timeout(10):
        while True:
            answer = await call()
            if answer.status != 503:
                return answer
            await asyncio.sleep(0.05)


async def epoch_of(rush: Rush) -> int:
    """The epoch of the events that the seat map goes on with, once this worker has noticed."""
    shown = await answered(lambda: rush.api.get(f"/v1/sales/{SALE}/seats"))
    return int(shown.body["version"].partition("-")[0])


def flush(service: Service) -> None:
    """FLUSHALL by somebody who got at the socket."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(service.data_dir / "store" / "run.sock"))
        link.sendall(b"FLUSHALL\r\n")
        assert link.recv(10) == b"+OK\r\n"


def files_of(service: Service) -> Path:
    return service.data_dir / "store" / "appendonlydir"


def go_back(service: Service, snapshot: Path) -> None:
    """The store's files are those of the snapshot again; it must not be running."""
    shutil.rmtree(files_of(service))
    shutil.copytree(snapshot, files_of(service))


async def test_flushed_store_is_rebuilt_and_everybody_keeps_what_was_promised(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service(*WORKERS, **SETTINGS)
    async with rushing(service, http) as (rush, line):
        guids = await blocked_seats(service, rush)
        old_pass = line.tokens[0]
        flush(service)
        await until_confirmed(rush, 50)
        assert await epoch_of(rush) == 2
        shown = await answered(lambda: rush.api.get(f"/v1/sales/{SALE}/seats?seats=guids"))
        assert set(guids) == set(shown.body["seats"]["blocked"])
        buyer, body = rush.api.as_(old_pass), {"best_available": {"quantity": 1}}
        held = await answered(lambda: buyer.hold(SALE, body))
        assert held.status == 201, held


async def blocked_seats(service: Service, rush: Rush) -> list[str]:
    """Two free seats that the operator takes off sale."""
    shown = (await rush.api.get(f"/v1/sales/{SALE}/seats?seats=guids")).body
    guids: list[str] = shown["seats"]["free"][-2:]
    operator = rush.api.as_(service.operator_key)
    done = await operator.post(f"/v1/sales/{SALE}/seats/block", {"seats": guids})
    assert done.body == {"blocked": 2, "unavailable": []}
    return guids


async def test_store_that_went_back_under_living_workers_is_rebuilt(
    start_service: StartService, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Given an older snapshot in the store, the workers that saw more find out at once."""
    service = start_service(*WORKERS, **SETTINGS)
    async with rushing(service, http) as (rush, _):
        shutil.copytree(files_of(service), tmp_path / "snapshot")
        await until_confirmed(rush, 50)
        store = service.store_pid()
        os.kill(service.process.pid, signal.SIGSTOP)
        os.kill(store, signal.SIGKILL)
        wait_until(lambda: not is_alive(store))
        go_back(service, tmp_path / "snapshot")
        os.kill(service.process.pid, signal.SIGCONT)
        await until_confirmed(rush, 50)
        assert await epoch_of(rush) == 2


async def test_store_that_went_back_is_found_out_by_workers_that_have_seen_nothing(
    start_service: StartService, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Given everything restarted on an older snapshot, what the ledger knows gives it away."""
    service = start_service(*WORKERS, **SETTINGS)
    async with rushing(service, http) as (rush, _):
        shutil.copytree(files_of(service), tmp_path / "snapshot")
        await until_confirmed(rush, 50)
        pids = [*service.workers(), service.store_pid()]
        service.kill()
        wait_until(lambda: not any(is_alive(pid) for pid in pids))
        go_back(service, tmp_path / "snapshot")
        port = rush.api.url.rpartition(":")[2]
        await asyncio.to_thread(
            start_service, *WORKERS, "--port", port, data_dir=service.data_dir, **SETTINGS
        )
        await until_confirmed(rush, 50)
        assert await epoch_of(rush) == 2


def break_in_the_middle(service: Service) -> None:
    """What a failing disk does to the store's files; it must not be running."""
    commands = next(files_of(service).glob("*.incr.aof"))
    text = commands.read_bytes()
    start = text.index(b"\r\n*", len(text) // 2)
    commands.write_bytes(text[:start] + b"\x00" * 64 + text[start + 64 :])


@pytest.mark.parametrize("whole", [False, True], ids=["store", "everything"])
async def test_unreadable_files_are_set_aside_and_the_sale_is_rebuilt(
    start_service: StartService, http: aiohttp.ClientSession, whole: bool
) -> None:
    """Whether the store alone is started again on them, or the service with it."""
    service = start_service(*WORKERS, **SETTINGS)
    async with rushing(service, http) as (rush, _):
        port, store, workers = rush.api.url.rpartition(":")[2], service.store_pid(), []
        os.kill(service.process.pid, signal.SIGSTOP)
        if whole:
            workers = service.workers()
            service.kill()
        with suppress(ProcessLookupError):  # it has ended with its service
            os.kill(store, signal.SIGKILL)
        wait_until(lambda: not any(is_alive(pid) for pid in (store, *workers)))
        break_in_the_middle(service)
        if whole:
            again = await asyncio.to_thread(
                start_service, *WORKERS, "--port", port, data_dir=service.data_dir, **SETTINGS
            )
        else:
            again = service
            os.kill(service.process.pid, signal.SIGCONT)
        await until_confirmed(rush, 50)
        assert await epoch_of(rush) == 2
        assert "its files cannot be read and are set aside in" in again.text


async def test_plain_restart_rebuilds_nothing(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service(*WORKERS, **SETTINGS)
    async with rushing(service, http) as (rush, _):
        port = rush.api.url.rpartition(":")[2]
        assert await asyncio.to_thread(service.stop) == 0
        again = await asyncio.to_thread(
            start_service, *WORKERS, "--port", port, data_dir=service.data_dir, **SETTINGS
        )
        await until_confirmed(rush, 30)
        assert await epoch_of(rush) == 1
        assert "rebuilding" not in again.text


async def test_lost_answers_are_asked_for_again(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given clients who are gone before the answer, the same request comes to the same end."""
    service = start_service()
    rush = await create_rush_sale(service, http)
    body = {"best_available": {"quantity": 2}, "buyer": "ann"}
    path = f"/v1/sales/{SALE}/holds"
    await send_and_hang_up(rush, path, body, "Idempotency-Key: the-key")
    held = await rush.api.hold(SALE, body, "the-key")
    assert held.status == 201, held
    seats = (await rush.api.get(f"/v1/sales/{SALE}/seats")).body
    assert seats["counts"]["held"] == 2
    payment = {"order_ref": "o", "payment_ref": "p", "amount": held.body["total"]}
    await send_and_hang_up(rush, f"{path}/{held.body['id']}/confirm", payment)
    for _ in range(2):
        done = await rush.api.post(f"{path}/{held.body['id']}/confirm", payment)
        assert (done.status, done.body["status"]) == (200, "confirmed")
    other = await rush.api.post(
        f"{path}/{held.body['id']}/confirm", {**payment, "payment_ref": "other"}
    )
    assert (other.status, other.code) == (409, "order_mismatch")
    events = (await rush.api.get(f"/v1/sales/{SALE}/events?limit=100")).body["items"]
    kinds = [event["type"] for event in events]
    assert (kinds.count("hold.created"), kinds.count("order.confirmed")) == (1, 1)


async def send_and_hang_up(rush: Rush, path: str, body: object, *headers: str) -> None:
    """The request arrives whole; nobody is there when its answer comes."""
    text = json.dumps(body).encode()
    host, _, port = rush.api.url.rpartition("/")[2].partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        f"Authorization: Bearer {rush.api.token}",
        f"Content-Length: {len(text)}",
        *headers,
    )
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + text)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
