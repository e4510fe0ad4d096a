"""kill -9 in the middle of a rush: what was answered 200 stays sold, and nothing is sold twice."""

import asyncio
import os
import signal

import aiohttp
from reconcile_kit import reconciled
from running_service import StartService, is_alive, wait_until
from rush_kit import SALE, create_rush_sale, finish, until_confirmed

KILLS = 3
WORKERS = ("--workers", "2")
SETTINGS = {"HOLDFAST_RECOVERY_MS": "500"}


async def test_killed_service_loses_no_confirmed_order(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given a rush, when parent, workers and store are gone at once, a restart goes on selling."""
    service = start_service(*WORKERS, **SETTINGS)
    rush = await create_rush_sale(service, http)
    running = asyncio.create_task(rush.run())
    for _ in range(KILLS):
        await until_confirmed(rush, 30)
        pids = [*service.workers(), service.store_pid()]
        service.kill()
        wait_until(lambda pids=pids: not any(is_alive(pid) for pid in pids))  # type: ignore[misc]
        port = rush.api.url.rpartition(":")[2]
        service = await asyncio.to_thread(
            start_service, *WORKERS, "--port", port, data_dir=service.data_dir, **SETTINGS
        )
    await until_confirmed(rush, 30)
    await finish(rush, running)
    await reconciled(service, SALE)
    assert rush.answers["lost"] > 0


async def test_killed_store_loses_no_confirmed_order(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given a rush, when only the embedded store is killed, it comes back with everything."""
    service = start_service(*WORKERS, **SETTINGS)
    rush = await create_rush_sale(service, http)
    running = asyncio.create_task(rush.run())
    for _ in range(KILLS):
        await until_confirmed(rush, 30)
        os.kill(service.store_pid(), signal.SIGKILL)
    await until_confirmed(rush, 30)
    await finish(rush, running)
    await reconciled(service, SALE)
    assert "store_behind" not in rush.answers


async def test_killed_workers_lose_no_confirmed_order(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service(*WORKERS, **SETTINGS)
    rush = await create_rush_sale(service, http)
    running = asyncio.create_task(rush.run())
    for _ in range(KILLS):
        await until_confirmed(rush, 30)
        os.kill(service.workers()[0], signal.SIGKILL)
    await until_confirmed(rush, 30)
    await finish(rush, running)
    await reconciled(service, SALE)
