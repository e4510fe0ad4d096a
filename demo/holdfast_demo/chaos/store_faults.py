"""Faults of the store: its files broken, its contents wiped, its clock ahead."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

from holdfast_demo.chaos.fault import InjectionFailed
from holdfast_demo.chaos.target import POLL_SECONDS, Target, happens
from holdfast_loadtest.processes import is_alive
from holdfast_lua.calls import keys

EFFECT_SECONDS: Final = 30.0
GARBAGE: Final = b"\x00" * 64
JUMP_MS: Final = 5_000
AHEAD: Final = """
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('EXISTS', KEYS[1]) == 0 then return {0, 0} end
redis.call('HSET', KEYS[1], 'clock_ms', now_ms + ARGV[1])
return {now_ms, tonumber(redis.call('HGET', KEYS[1], 'clock_ms'))}
"""


@asynccontextmanager
async def break_files(target: Target) -> AsyncIterator[str]:
    """Kills the store and overwrites a piece in the middle of its append-only file.

    The supervisor stands still meanwhile, so that the store is not started again on good files.
    """
    before, epoch = set(_set_aside(target)), await target.epoch(EFFECT_SECONDS)
    parent, stores = target.parent(), target.stores()
    if not stores:
        raise InjectionFailed("there was no store to kill")
    os.kill(parent, signal.SIGSTOP)
    try:
        os.kill(stores[0], signal.SIGKILL)
        if not await happens(lambda: not is_alive(stores[0]), EFFECT_SECONDS):
            raise InjectionFailed("the store outlived SIGKILL")
        broken, size = await asyncio.to_thread(_overwrite_middle, target.store_home)
    finally:
        os.kill(parent, signal.SIGCONT)
    if not await happens(lambda: bool(set(_set_aside(target)) - before), EFFECT_SECONDS):
        raise InjectionFailed("the broken file was read as if it were whole")
    yield f"{broken} of {size:,} bytes overwritten in the middle, file set aside, sale rebuilt"
    await _see_rebuilt(target, epoch)


@asynccontextmanager
async def wipe(target: Target) -> AsyncIterator[str]:
    """Deletes all keys by FLUSHALL, as anybody with access to the socket can."""
    epoch = await target.epoch(EFFECT_SECONDS)
    async with target.store() as store:
        before = await store.dbsize()
        async with store.pipeline(transaction=True) as transaction:
            transaction.flushall()
            transaction.dbsize()
            _, left = await transaction.execute()
    if not before or left:
        raise InjectionFailed(f"the store had {before} keys, and {left} after the wipe")
    yield f"{before:,} keys wiped, sale rebuilt"
    await _see_rebuilt(target, epoch)


@asynccontextmanager
async def set_clock_ahead(target: Target) -> AsyncIterator[str]:
    """What a jump of the store's clock leaves behind: the sale's time stands ahead of real time.

    The clock of the host is everybody's, so the sale's own record of it is moved, through the
    store. That time never goes back: it stands still until real time has caught up.
    """
    async with target.store() as store:
        asked = store.eval(AHEAD, 1, keys.sale(target.sale.uid), str(JUMP_MS))
        now_ms, clock_ms = await cast("Any", asked)
    if clock_ms - now_ms != JUMP_MS:
        raise InjectionFailed("the store did not have the sale")
    told = await _clock_told(target)
    yield f"the sale's time stands {JUMP_MS / 1000:g} s ahead; /readyz says its clock is {told}"


async def _clock_told(target: Target) -> str:
    """What readiness makes of the clock, while there is something to tell."""
    state = "ok"
    for _ in range(round(JUMP_MS / 1000 / 2 / POLL_SECONDS)):
        state = str((await target.readiness()).get("clock", {}).get("state", "not answered"))
        if state == "ahead":
            break
        await asyncio.sleep(POLL_SECONDS)
    return state


async def _see_rebuilt(target: Target, epoch: int) -> None:
    """Whether the sale goes on in a later epoch than before its store was lost."""
    now = await target.epoch(EFFECT_SECONDS)
    if now <= epoch:
        raise InjectionFailed(f"the sale was not rebuilt: epoch {epoch} before, {now} after")


def _set_aside(target: Target) -> list[Path]:
    return list(target.store_home.glob("set-aside-*"))


def _overwrite_middle(home: Path) -> tuple[int, int]:
    """Bytes written over the beginning of a command; the file's size. Not inside a value, where
    nobody could tell.
    """
    path = max(home.glob("appendonlydir/*.incr.aof"), key=lambda path: path.stat().st_size)
    text = path.read_bytes()
    start = text.find(b"\r\n*", len(text) // 2)
    if start < 0:
        start = text.rfind(b"\r\n*")
    if start < 0:
        raise InjectionFailed("the append-only file was still empty")
    with path.open("r+b") as file:
        file.seek(start)
        file.write(GARBAGE)
    return len(GARBAGE), len(text)
