"""Fixtures for every test that needs a store: a real one, private to this run.

One embedded Valkey serves the session; each test makes sales of its own with a fresh uid, so
nothing is ever flushed. Time is the store's, moved by the `clock` fixture through the test bundle's
clock. The event loop is that of the workers, uvloop.
"""

import asyncio
import gc
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop
from hypothesis import settings

from holdfast.processes.garbage_collector import collection_paused
from holdfast_lua import Bundle, EmbeddedStore, Executor, SaleRef, load_bundle
from holdfast_lua.calls import keys

TEST_LUA = Path(__file__).parent / "lua"
OFFSET_KEY = "hf:test:offset_ms"
STILL_KEY = "hf:test:stopped_ms"

# A process that stands still for a moment says nothing of the code whose example it had just begun.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test runs on the event loop of production: loops differ in what they pass on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keeps the collector of garbage from what is there until the end: modules and tests."""
    with collection_paused():
        collected = yield
    gc.freeze()
    return collected


def pytest_configure() -> None:
    """The collector rests until tests are collected, and what they start has the usual signals.

    It has them also where the shell has these ignored for us, as for a command in the background,
    or under nohup: programs inherit that. A handler they do not inherit.
    """
    gc.disable()
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first: while the others go on elsewhere, not after them."""
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


def pytest_collection_finish() -> None:
    """Modules and tests live to the end: the collector need not look at them again."""
    gc.freeze()
    gc.enable()


@dataclass
class Clock:
    """Store time as the scripts of the test bundle see it."""

    executor: Executor
    stands_still: bool = False

    async def now_ms(self) -> int:
        still = await self.executor.command("GET", STILL_KEY)
        if still is not None:
            return int(still)
        seconds, micros = await self.executor.command("TIME")
        offset = int(await self.executor.command("GET", OFFSET_KEY) or 0)
        return int(seconds) * 1000 + int(micros) // 1000 + offset

    async def advance_ms(self, ms: int) -> None:
        """Moves store time forward; negative moves it back, as a failover can."""
        await self.executor.command("INCRBY", STILL_KEY if self.stands_still else OFFSET_KEY, ms)

    async def stand_still(self) -> None:
        """From now on only `advance` moves store time: for deadlines to the millisecond."""
        await self.executor.command("SET", STILL_KEY, await self.now_ms())
        self.stands_still = True

    async def advance(self, seconds: float) -> None:
        """Moves store time forward by seconds."""
        await self.advance_ms(round(seconds * 1000))


def fresh_uid() -> str:
    """A sale uid that no other test has."""
    return secrets.token_hex(6)


@pytest.fixture(scope="session")
def store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """The embedded store of this test session."""
    with EmbeddedStore(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture(scope="session")
def store_url(store_server: EmbeddedStore) -> str:
    """Where the session's store listens."""
    return store_server.url


@pytest.fixture(scope="session")
def test_bundle() -> Bundle:
    """All scripts, with a clock that tests can drive, and the scripts that only tests have."""
    return load_bundle(extra=TEST_LUA / "scripts", overlay={"clock": TEST_LUA / "clock.lua"})


@pytest.fixture
async def executor(store_url: str, test_bundle: Bundle) -> AsyncIterator[Executor]:
    """An executor of the test's own, running the test bundle."""
    async with Executor(store_url, test_bundle) as running:
        yield running


@pytest.fixture
async def clock(executor: Executor) -> AsyncIterator[Clock]:
    """Drives store time; back to real time afterwards."""
    yield Clock(executor)
    await executor.command("DEL", OFFSET_KEY, STILL_KEY)


async def make_sale_hash(executor: Executor, uid: str, **fields: str | int) -> SaleRef:
    """Writes a live, open sale hash without stock or line; `fields` override."""
    values: dict[str, str | int] = {
        "name": f"sale-{uid}",
        "epoch": 1,
        "revision": 1,
        "clock_ms": 0,
        "seq": 0,
        "event_epoch": 1,
        "lifecycle": "live",
        "prequeue_ms": 0,
        "opens_ms": 0,
        "ends_ms": 0,
        "settings_version": 1,
        "free": 0,
        "held": 0,
        "booked": 0,
        "blocked": 0,
    }
    values.update(fields)
    pairs = [part for pair in values.items() for part in pair]
    await executor.command("HSET", keys.sale(uid), *pairs)
    return SaleRef(uid, int(values["epoch"]), int(values["revision"]))


@pytest.fixture
async def sale_ref(executor: Executor) -> SaleRef:
    """A fresh sale: its hash only, live and open."""
    return await make_sale_hash(executor, fresh_uid())
