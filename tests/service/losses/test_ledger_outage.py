"""The ledger goes away under a whole service while a crowd buys, and comes back.

Meanwhile nobody is told a thing that is not so: a confirm is answered 503 with `Retry-After`, the
line and the holds go on, and when the ledger is back everything goes on by itself. What was
answered 200 is in the ledger, no seat is there twice, and `holdfast reconcile` finds no difference.
"""

import asyncio
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass

import aiohttp
import pytest
from support.api_client import Answer
from support.service.reconciled import reconciled
from support.service.running import Service, StartService, children, wait_until
from support.service.rush import SALE, Rush, create_rush_sale, finish, until_confirmed
from support.services import (
    Server,
    create_postgres_database,
    postgresql,
    run_postgres,
    until_postgres_answers,
)

from holdfast_ledger.database.database import TRANSACTION_SECONDS

WORKERS = ("--workers", "2")
SETTINGS = {"HOLDFAST_RECOVERY_MS": "500", "HOLDFAST_CHECKPOINT_MS": "200"}
LOCKED_SECONDS = TRANSACTION_SECONDS + 1
"""longer than anybody waits for SQLite's lock"""
ANSWER_SECONDS = 15.0
"""within which a client is told that the ledger does not answer, however that is"""


@dataclass
class Postgres:
    """A PostgreSQL that can be ended and started again over the same files."""

    server: Server

    def __post_init__(self) -> None:
        self.process = self.server.process

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, number: signal.Signals) -> None:
        self.send(number)
        self.process.wait(30)

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.server.process.args,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )

    def close(self) -> None:
        if self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.stop(signal.SIGINT)


@pytest.fixture(scope="module")
def postgres_files() -> Iterator[Server]:
    with postgresql() as server:
        yield server


@pytest.fixture
def postgres(postgres_files: Server) -> Iterator[Postgres]:
    """Running at the beginning of each test."""
    with closing(Postgres(postgres_files)) as server:
        if server.process.poll() is not None:
            server.start()
        until_postgres_answers(postgres_files)
        yield server


@asynccontextmanager
async def rushing(service: Service, http: aiohttp.ClientSession) -> AsyncIterator[Rush]:
    """A crowd that buys; at the end what it was told is compared with everything."""
    rush = await create_rush_sale(service, http)
    running = asyncio.create_task(rush.run())
    try:
        # So that every worker has numbers that the ledger has promised.
        await asyncio.gather(*(rush.api.as_(None).join(SALE) for _ in range(40)))
        await until_confirmed(rush, 30)
        yield rush
        await until_confirmed(rush, 50)
        await finish(rush, running)
    finally:
        running.cancel()
    assert "internal_error" not in rush.answers
    assert "store_behind" not in rush.answers
    await reconciled(service, SALE)


async def refused(rush: Rush, hold: dict[str, object]) -> float:
    """A confirm meanwhile: how long it took until it was answered as it must be."""
    started = time.monotonic()
    answer = await rush.api.confirm(SALE, hold)
    assert (answer.status, answer.code) == (503, "ledger_unavailable"), answer
    assert int(answer.headers["Retry-After"]) >= 1
    return time.monotonic() - started


async def going_on(rush: Rush) -> dict[str, object]:
    """What does not need the ledger: the status, a place in the line, a hold; the hold."""
    visitor = rush.api.as_(None)
    assert (await visitor.get(f"/v1/sales/{SALE}/status")).status == 200
    buyer = await visitor.admitted(SALE)
    body = {"areas": [{"id": "floor", "quantity": 1}]}
    held = await buyer.hold(SALE, body)
    assert held.status == 201, held
    by_key = await rush.api.hold(SALE, {**body, "buyer": "by-key"})
    assert by_key.status == 201, by_key
    hold: dict[str, object] = held.body
    return hold


async def told(rush: Rush, hold: dict[str, object]) -> Answer:
    """The same confirm, repeated until the ledger is back."""
    for _ in range(600):
        answer = await rush.api.confirm(SALE, hold)
        if answer.status != 503:
            rush.unanswered.add(str(hold["id"]))
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError("the ledger never came back")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
async def test_postgres_that_is_stopped_and_started_costs_no_order(
    start_service: StartService,
    http: aiohttp.ClientSession,
    postgres: Postgres,
    number: signal.Signals,
) -> None:
    """SIGINT ends its sessions in order, SIGQUIT leaves everything to its recovery."""
    url = create_postgres_database(postgres.server)
    service = await asyncio.to_thread(start_service, *WORKERS, HOLDFAST_LEDGER_URL=url, **SETTINGS)
    async with rushing(service, http) as rush:
        await asyncio.to_thread(postgres.stop, number)
        hold = await going_on(rush)
        assert await refused(rush, hold) < ANSWER_SECONDS
        confirmed = len(rush.confirmed)
        await refused(rush, hold)
        assert len(rush.confirmed) == confirmed
        postgres.start()
        assert (await told(rush, hold)).status == 200


async def test_postgres_that_stands_still_is_not_waited_for(
    start_service: StartService, http: aiohttp.ClientSession, postgres: Postgres
) -> None:
    """Given a server whose sessions do not answer and do not break, each caller is told in time."""
    url = create_postgres_database(postgres.server)
    service = await asyncio.to_thread(start_service, *WORKERS, HOLDFAST_LEDGER_URL=url, **SETTINGS)
    async with rushing(service, http) as rush:
        with standing_still(postgres):
            hold = await going_on(rush)
            assert await refused(rush, hold) < ANSWER_SECONDS
        assert (await told(rush, hold)).status == 200


def until_read_only(server: Server) -> None:
    """The server hears of new settings when it comes to it, and tells its sessions then."""
    wait_until(lambda: run_postgres(server, "SHOW default_transaction_read_only") == "on")


async def test_postgres_that_turned_read_only_is_told_and_gone_on_with(
    start_service: StartService, http: aiohttp.ClientSession, postgres: Postgres
) -> None:
    """As after a failover: what reads goes on, who must write is told 503, readiness says why."""
    url = create_postgres_database(postgres.server)
    service = await asyncio.to_thread(start_service, *WORKERS, HOLDFAST_LEDGER_URL=url, **SETTINGS)
    async with rushing(service, http) as rush:
        run_postgres(postgres.server, "ALTER SYSTEM SET default_transaction_read_only = on")
        run_postgres(postgres.server, "SELECT pg_reload_conf()")
        await asyncio.to_thread(until_read_only, postgres.server)
        try:
            hold = await going_on(rush)
            assert await refused(rush, hold) < ANSWER_SECONDS
            ready = await rush.api.as_(None).get("/readyz")
            assert (ready.status, ready.body["checks"]["ledger"]) == (503, "read_only")
        finally:
            run_postgres(postgres.server, "ALTER SYSTEM RESET default_transaction_read_only")
            run_postgres(postgres.server, "SELECT pg_reload_conf()")
        assert (await told(rush, hold)).status == 200


@contextmanager
def standing_still(postgres: Postgres) -> Iterator[None]:
    """The server and all of its sessions, stopped in their tracks."""
    pids = [postgres.process.pid, *children(postgres.process.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in [*pids, *children(postgres.process.pid)]:
            with suppress(ProcessLookupError):  # a session ends when its client has gone
                os.kill(pid, signal.SIGCONT)


async def test_sqlite_that_another_process_has_locked_costs_no_order(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = await asyncio.to_thread(start_service, *WORKERS, **SETTINGS)
    async with rushing(service, http) as rush:
        with closing(sqlite3.connect(service.data_dir / "ledger.sqlite3")) as other:
            other.isolation_level = None
            other.execute("PRAGMA busy_timeout = 5000")
            other.execute("BEGIN IMMEDIATE")
            started = time.monotonic()
            hold = await going_on(rush)
            assert await refused(rush, hold) < ANSWER_SECONDS
            await asyncio.sleep(max(0.0, started + LOCKED_SECONDS - time.monotonic()))
            other.execute("ROLLBACK")
        assert (await told(rush, hold)).status == 200
