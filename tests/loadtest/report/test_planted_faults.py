"""The judge finds what is really there: faults planted in a real service, each with its finding.

One service, two crowds: what one fault needs is undone before the next, or leaves its own trace.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis
from support.loadtest.observed_crowd import QUICK, RATE_PER_MINUTE, ObservedCrowd
from support.loadtest.running_service import running_service

from holdfast.config import Config
from holdfast.data_files import LEDGER_FILE
from holdfast.keyfiles import master_secret
from holdfast_connector.contract import EDDSA
from holdfast_demo.service import ServiceOptions, free_port
from holdfast_loadtest.audit import verdict as audit_verdict
from holdfast_loadtest.audit.journal import Admitted, digest
from holdfast_loadtest.client import Credentials, open_session
from holdfast_loadtest.crowd.arrivals import CrowdPlan
from holdfast_loadtest.locust.scraping import EventWriter
from holdfast_loadtest.observations.intake import COMPLETE
from holdfast_loadtest.observations.record import EVENTS_FILE
from holdfast_loadtest.report.judge import PAGE_FILE, judge, lines, main
from holdfast_loadtest.report.result import RunResult
from holdfast_loadtest.report.thresholds import Thresholds
from holdfast_lua.calls import keys
from holdfast_lua.embedded.files import StoreFiles
from holdfast_queue.tokens.passes import Pass, make_pass_issuer
from holdfast_web.keyring import Keyring

ROOT = Path(__file__).resolve().parents[3]
PLAN = ROOT / "examples" / "plans" / "sports-hall.json"
HOST = "127.0.0.1"
SALE = "planted"
UNCALLED = 9_999
VISITORS = 24


@pytest.fixture
async def crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ObservedCrowd]:
    # What is broken here stays broken: there is nothing to wait for.
    monkeypatch.setattr(audit_verdict, "MAX_SETTLING_READINGS", 0)
    options = ServiceOptions(tmp_path / "service", HOST, free_port(HOST, 0, 0), 1)
    monkeypatch.setenv("HOLDFAST_PLATFORM_KEY", options.operator_key)
    async with running_service(options):
        crowd = ObservedCrowd(options, SALE, tmp_path)
        await crowd.make_sale(json.loads(PLAN.read_bytes()))
        yield crowd


async def judged(crowd: ObservedCrowd, directory: Path) -> RunResult:
    return await judge(directory, crowd.service.operator_key)


def broken(result: RunResult) -> dict[str, list[str]]:
    """What was not held, with its evidence."""
    return {one.check: list(one.evidence) for one in result.verdict.findings if not one.held}


def sell_twice(data_dir: Path) -> tuple[list[str], str, str]:
    """A second order for the units of a first, in the ledger; their seats and both ids."""
    with sqlite3.connect(data_dir / LEDGER_FILE) as ledger:
        order, items = ledger.execute(
            "SELECT id, items FROM orders WHERE status = 'confirmed' LIMIT 1"
        ).fetchone()
        columns = [row[1] for row in ledger.execute("PRAGMA table_info(orders)")]
        copied = ["'twin-' || id" if c == "id" else "'eve'" if c == "buyer" else c for c in columns]
        ledger.execute(
            f"INSERT INTO orders ({', '.join(columns)}) "  # noqa: S608
            f"SELECT {', '.join(copied)} FROM orders WHERE id = ?",
            (order,),
        )
    return [item["seat"] for item in json.loads(items)], order, f"twin-{order}"


def undo_sale(data_dir: Path, order: str) -> None:
    with sqlite3.connect(data_dir / LEDGER_FILE) as ledger:
        ledger.execute("DELETE FROM orders WHERE id = ?", (order,))


async def jump_the_queue(crowd: ObservedCrowd, uid: str) -> tuple[str, str]:
    """A pass with the real key for somebody whom nobody has called: token and pass id."""
    keyring = Keyring(master_secret(Config(data_dir=crowd.service.data_dir)))
    issuer = make_pass_issuer(crowd.service.url, keyring, EDDSA)
    admitted = Pass(SALE, uid, 1, "jumped", "eve", int((time.time() + 600) * 1000))
    token = issuer.issue(admitted, int(time.time() * 1000))
    async with open_session() as session:
        client = crowd.service.client(session, SALE)
        answer = await client.call(
            "POST",
            "/holds",
            credentials=Credentials(bearer=token, idempotency_key="jump"),
            body={"best_available": {"quantity": 1}},
        )
    assert answer.status in {401, 403, 409}, answer  # signed, and still not admitted
    return token, admitted.pass_id


def lose_event(data_dir: Path, uid: str, kind: str) -> str:
    """Takes one event out of the stream in the store; its cursor."""
    stream = keys.events(uid)
    with redis.Redis(unix_socket_path=str(StoreFiles(data_dir).socket)) as store:
        entries: Any = store.xrange(stream)
        cursor = next(entry for entry, fields in entries if fields[b"type"] == kind.encode())
        assert store.xdel(stream, cursor) == 1
    return str(cursor.decode())


def uid_of(data_dir: Path) -> str:
    with sqlite3.connect(data_dir / LEDGER_FILE) as ledger:
        return str(ledger.execute("SELECT uid FROM sales").fetchone()[0])


async def run_without_faults(crowd: ObservedCrowd) -> Path:
    """The files of a run in which nothing goes wrong, and nothing is found."""
    limits = Thresholds(waited_share=0.5, goodput_per_s=0.5)
    plan = CrowdPlan(VISITORS, 1, QUICK, time_limit_s=4.0)
    directory = await crowd.run("honest", plan, thresholds=limits)
    result = await judged(crowd, directory)
    assert result.verdict.outcome == "ok", "\n".join(lines(result))
    assert result.funnel.arrived == VISITORS
    assert await asyncio.to_thread(main, [str(directory)]) == 0
    assert "Every promise was held" in (directory / PAGE_FILE).read_text()
    return directory


async def check_seats_sold_twice(crowd: ObservedCrowd, honest: Path) -> None:
    """Sells seats twice, which is found, and takes it back, after which nothing is."""
    data_dir = crowd.service.data_dir
    seats, order, twin = sell_twice(data_dir)
    found = broken(await judged(crowd, honest))
    assert set(found["no seat is sold twice"]) == {
        f"seat {seat} is in orders {order}, {twin}" for seat in seats
    }
    assert found["orders in the stream = orders in the ledger"] == [
        f"order {twin} was never announced"
    ]
    undo_sale(data_dir, twin)
    assert (await judged(crowd, honest)).verdict.outcome == "ok"


async def run_with_faults(crowd: ObservedCrowd, admitted: Admitted) -> Path:
    """The files of a run in which somebody was let in whom nobody had called, the batch with the
    receipts of orders was lost, and the rate was raised and set back before anybody looked.
    """

    async def raise_rate() -> None:
        await crowd.change(new_users_per_minute=100 * RATE_PER_MINUTE, burst=1_000)

    async def restore_rate() -> None:
        await crowd.change(new_users_per_minute=RATE_PER_MINUTE, burst=3)

    return await crowd.run(
        "spoilt",
        CrowdPlan(VISITORS, 2, QUICK, time_limit_s=2.5),
        gets_through=lambda number, message: number != 1,
        meanwhile=(raise_rate, restore_rate),
        at_the_end=lambda observer: observer.record(admitted),
    )


async def check_run_with_faults(crowd: ObservedCrowd, spoilt: Path, pass_id: str) -> None:
    """Each of its faults is found, and nothing else."""
    found = broken(await judged(crowd, spoilt))
    assert await asyncio.to_thread(main, [str(spoilt)]) == 1
    (overrun, *_) = found.pop("passes never above burst + rate x time, over any span")
    assert re.fullmatch(r"\d+ passes within \d+ ms, allowed \d+\.\d\d", overrun)
    (jump,) = found.pop("numbers are called in order")
    assert jump.startswith(f"number {UNCALLED} was given pass {pass_id}, and only ")
    (unknown,) = found.pop("each ticket is admitted at most once")
    assert unknown == f"pass {pass_id} was given to a visitor and is not in the stream"
    (missing,) = found.pop(COMPLETE)
    assert re.fullmatch(r"worker w1: batch 1 of 2 never arrived: \d+ receipts unknown", missing)
    assert found == {}


async def check_lost_event(crowd: ObservedCrowd, honest: Path, uid: str) -> None:
    """Takes an event out of the stream, which is found."""
    cursor = lose_event(crowd.service.data_dir, uid, "hold.created")
    found = broken(await judged(crowd, honest))
    epoch, _, seq = cursor.partition("-")
    due = f"event {epoch}-{int(seq) + 1} where {cursor} was due"
    assert found["the event stream has no gap and no repetition"] == [due]


async def test_each_planted_fault_is_found(crowd: ObservedCrowd) -> None:
    honest = await run_without_faults(crowd)
    uid = uid_of(crowd.service.data_dir)
    await check_seats_sold_twice(crowd, honest)
    token, pass_id = await jump_the_queue(crowd, uid)
    admitted = Admitted(digest(token), pass_id, UNCALLED)
    spoilt = await run_with_faults(crowd, admitted)
    await check_run_with_faults(crowd, spoilt, pass_id)
    await check_lost_event(crowd, honest, uid)


async def test_events_that_the_service_has_dropped_are_those_kept_during_the_run(
    crowd: ObservedCrowd,
) -> None:
    """Given a run with more events than the store keeps."""
    service = crowd.service
    plan = CrowdPlan(12, 1, QUICK, time_limit_s=4.0)
    directory = await crowd.run("long", plan, thresholds=Thresholds())
    kept = directory / EVENTS_FILE
    keeper = EventWriter(service.url, service.operator_key, SALE, kept)
    await asyncio.to_thread(keeper.keep)
    whole = await judged(crowd, directory)
    assert whole.verdict.outcome == "ok", "\n".join(lines(whole))
    with redis.Redis(unix_socket_path=str(StoreFiles(service.data_dir).socket)) as store:
        store.xtrim(keys.events(uid_of(service.data_dir)), maxlen=5, approximate=False)
    again = await judged(crowd, directory)
    assert again.verdict == whole.verdict
    kept.unlink()
    result = await judged(crowd, directory)
    assert result.verdict.outcome == "unknown", "nothing is broken: it cannot be seen"
    assert "the service keeps none before 1-" in result.verdict.summary
