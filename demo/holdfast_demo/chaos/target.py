"""The service under test as its host sees it: processes, files, the store's socket, readiness.

Everything is looked up at each call, since faults replace processes. Linux only: processes are
found in /proc.
"""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from redis.asyncio import Redis

from holdfast.data_files import LEDGER_FILE, LOCK_FILE
from holdfast_demo.chaos.disk import SmallDisk
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Unreachable
from holdfast_loadtest.processes import children, command_line, is_alive
from holdfast_loadtest.wire import Sale, SeatMap
from holdfast_lua.embedded.files import StoreFiles

POLL_SECONDS: Final = 0.05
ASK_SECONDS: Final = 5.0
STORES: Final = (b"valkey-server", b"redis-server")


@dataclass(frozen=True, slots=True)
class ServiceLocation:
    """Where a `holdfast serve` runs: its address, its data directory, and the disk that this lies
    on, when it is one that can be filled.
    """

    session: aiohttp.ClientSession
    url: str
    data_dir: Path
    disk: SmallDisk | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A running service, and a sale of it as its operator calls it."""

    location: ServiceLocation
    sale: Sale
    operator: ShopCalls

    @property
    def url(self) -> str:
        return self.location.url

    @property
    def data_dir(self) -> Path:
        return self.location.data_dir

    @property
    def ledger_file(self) -> Path:
        return self.data_dir / LEDGER_FILE

    @property
    def store_home(self) -> Path:
        return StoreFiles(self.data_dir).home

    def parent(self) -> int:
        """The process that supervises workers and store."""
        return int((self.data_dir / LOCK_FILE).read_text())

    def workers(self) -> list[int]:
        return [pid for pid in children(self.parent()) if not _is_store(pid)]

    def stores(self) -> list[int]:
        """The store's process; none while it is being replaced."""
        return [pid for pid in children(self.parent()) if _is_store(pid) and is_alive(pid)]

    def store(self) -> "Redis":
        """A connection to the store behind the service's back, to be closed by `async with`."""
        path = str(StoreFiles(self.data_dir).socket)
        return Redis(unix_socket_path=path, socket_timeout=ASK_SECONDS)

    async def epoch(self, seconds: float) -> int:
        """The epoch of the sale's events, which grows with each rebuild; 0 without an answer."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with suppress(Unreachable):
                answer = await self.operator.read("/seats")
                if answer.ok:
                    return int(str(answer.read(SeatMap).version).partition("-")[0])
            await asyncio.sleep(POLL_SECONDS)
        return 0

    async def readiness(self) -> dict[str, Any]:
        """The body of `/readyz`; empty when there is no answer."""
        try:
            limit = aiohttp.ClientTimeout(total=ASK_SECONDS)
            async with self.location.session.get(f"{self.url}/readyz", timeout=limit) as response:
                body: dict[str, Any] = await response.json()
                return body
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return {}

    async def unready(self, part: str, seconds: float) -> str | None:
        """The word for what is wrong with `part` (store, ledger) as soon as there is one."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            state = (await self.readiness()).get("checks", {}).get(part, "ok")
            if state != "ok":
                return str(state)
            await asyncio.sleep(POLL_SECONDS)
        return None


async def happens(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it becomes true within `seconds`; another process cannot be awaited."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


def _is_store(pid: int) -> bool:
    program = (command_line(pid) or [b""])[0]
    return any(name in program for name in STORES)


def can_inject() -> bool:
    """Whether this host has the /proc that injecting faults needs."""
    return os.path.isdir("/proc/self/task")
