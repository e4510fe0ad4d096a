"""kill -9 in the middle of a rush: what was answered 200 stays sold, and nothing is sold twice."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from redis import Redis
from support.service.reconciled import reconciled
from support.service.running import Service, StartService, is_alive, wait_until
from support.service.rush import SALE, Rush, create_rush_sale, finish, until_confirmed

KILLS = pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.torture)])
WORKERS = ("--workers", "2")
SETTINGS = {"HOLDFAST_RECOVERY_MS": "500"}


@asynccontextmanager
async def rush_on(service: Service, http: aiohttp.ClientSession) -> AsyncIterator[Rush]:
    """A rush, which survives what is done meanwhile, sells on, and is audited at its end."""
    rush = await create_rush_sale(service, http)
    running = asyncio.create_task(rush.run())
    yield rush
    await until_confirmed(rush, 30)
    await finish(rush, running)
    await reconciled(service, SALE)


def killed_and_restarted(service: Service, start_service: StartService) -> Service:
    """Parent, workers and store are gone; then all of them are back, on the same port."""
    pids = [*service.workers(), service.store_pid()]
    service.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    port = service.url.rpartition(":")[2]
    return start_service(*WORKERS, "--port", port, data_dir=service.data_dir, **SETTINGS)


@KILLS
async def test_killed_service_loses_no_confirmed_order(
    start_service: StartService, http: aiohttp.ClientSession, kills: int
) -> None:
    """Given a rush, when parent, workers and store are gone at once, a restart goes on selling."""
    service = start_service(*WORKERS, **SETTINGS)
    async with rush_on(service, http) as rush:
        for _ in range(kills):
            await until_confirmed(rush, 30)
            service = await asyncio.to_thread(killed_and_restarted, service, start_service)
    assert rush.answers["lost"] > 0


def sync_no_more(service: Service) -> None:
    """From now on the store writes each answer's changes before it: while a sync of its file is
    under way, which takes as long as the disk likes, it would not.
    """
    with Redis(unix_socket_path=str(service.data_dir / "store" / "run.sock")) as store:
        store.config_set("appendfsync", "no")


@KILLS
async def test_killed_store_loses_no_confirmed_order(
    start_service: StartService, http: aiohttp.ClientSession, kills: int
) -> None:
    """Given a rush, when only the embedded store is killed, it comes back with everything that is
    in its file.
    """
    service = start_service(*WORKERS, **SETTINGS)
    async with rush_on(service, http) as rush:
        for _ in range(kills):
            await until_confirmed(rush, 30)
            await asyncio.to_thread(sync_no_more, service)
            os.kill(service.store_pid(), signal.SIGKILL)
    assert "store_behind" not in rush.answers


@KILLS
async def test_killed_workers_lose_no_confirmed_order(
    start_service: StartService, http: aiohttp.ClientSession, kills: int
) -> None:
    service = start_service(*WORKERS, **SETTINGS)
    async with rush_on(service, http) as rush:
        for _ in range(kills):
            await until_confirmed(rush, 30)
            os.kill(service.workers()[0], signal.SIGKILL)
