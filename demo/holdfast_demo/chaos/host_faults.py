"""Faults of the host: processes killed, a ledger that takes no writes, a full disk."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from holdfast_demo.chaos.disk import MIB, SmallDisk, no_more_writes
from holdfast_demo.chaos.fault import InjectionFailed
from holdfast_demo.chaos.target import Target, happens
from holdfast_loadtest.processes import is_alive

EFFECT_SECONDS: Final = 30.0
LASTS_SECONDS: Final = 3.0
LOCK_SECONDS: Final = 20.0


@asynccontextmanager
async def kill_workers(target: Target) -> AsyncIterator[str]:
    """Sends SIGKILL to all of them at once."""
    workers = target.workers()
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if not await happens(lambda: not any(map(is_alive, workers)), EFFECT_SECONDS) or not workers:
        raise InjectionFailed(f"workers {workers} outlived SIGKILL")
    yield f"{len(workers)} killed"


@asynccontextmanager
async def lock_ledger(target: Target) -> AsyncIterator[str]:
    """Another process holds SQLite's write lock: what is written can be read, and nothing more can
    be. A mode that forbids writing would not stop a service that runs as root.
    """
    lock = sqlite3.connect(
        target.ledger_file, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        await asyncio.to_thread(lock.execute, "BEGIN IMMEDIATE")
        yield await _while_read_only(target)
    finally:
        lock.close()


@asynccontextmanager
async def fill_disk(target: Target) -> AsyncIterator[str]:
    """Neither store nor ledger nor log get another byte on the disk of the data directory."""
    disk = target.location.disk
    injection = _quota(target) if disk is None else _ballast(disk)
    async with injection as how:
        yield f"{how}; {await _while_unready(target, 'store')}"


@asynccontextmanager
async def _ballast(disk: SmallDisk) -> AsyncIterator[str]:
    try:
        taken = await asyncio.to_thread(disk.fill)
        yield f"{taken / MIB:,.0f} MiB of ballast"
    finally:
        disk.relieve()


@asynccontextmanager
async def _quota(target: Target) -> AsyncIterator[str]:
    with no_more_writes(_processes(target), _processes(target)):
        yield "a quota of no bytes"


def _processes(target: Target) -> Iterator[int]:
    """The parent first: whom it starts inherits what it may do."""
    yield target.parent()
    yield from target.stores()
    yield from target.workers()


async def _while_read_only(target: Target) -> str:
    """Lets it last; readiness does not tell (a file is only read for it), reads and writes do."""
    read = await target.operator.read("/orders?limit=1", "/orders")
    written = await target.operator.write("PATCH", "", {"burst": target.sale.burst})
    if not read.ok or written.status != 503:
        raise InjectionFailed(f"a read was answered {read.status}, a write {written.status}")
    await asyncio.sleep(LASTS_SECONDS)
    return f"orders can be read, a write is 503 {written.problem().code}"


async def _while_unready(target: Target, part: str) -> str:
    """Lets it last for a while once the service has noticed; answers what it says of it."""
    told = await target.unready(part, EFFECT_SECONDS)
    if told is None:
        raise InjectionFailed(f"/readyz still says that the {part} is ok")
    await asyncio.sleep(LASTS_SECONDS)
    return f"/readyz says {part}: {told}"
