"""Real Locust, a master and two workers: one is killed, or the run interrupted."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import pytest
from support.service.running import wait_until

from holdfast_demo.service import Service, ServiceOptions, free_port
from holdfast_loadtest.observations.intake import COMPLETE
from holdfast_loadtest.observations.record import JOURNAL_FILE
from holdfast_loadtest.report.judge import RESULT_FILE
from holdfast_loadtest.report.result import Finding, RunResult

LOCUSTFILE: Final = Path(__file__).resolve().parents[3] / "loadtest" / "locustfile.py"
HOST: Final = "127.0.0.1"
REPORT: Final = "report"
RUN_SECONDS: Final = 240
SOME_RECEIPTS_BYTES: Final = 2_000


@asynccontextmanager
async def locust(
    service: ServiceOptions, directory: Path, *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of Locust, which does not outlive the test."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--scenario", "smoke"),
        *("--host", service.url, *options),
        env=os.environ | {"HOLDFAST_PLATFORM_KEY": service.operator_key},
        cwd=directory,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def has_receipts(journal: Path) -> bool:
    return journal.exists() and journal.stat().st_size > SOME_RECEIPTS_BYTES


@asynccontextmanager
async def running(
    tmp_path: Path,
) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.subprocess.Process]]:
    """A master and one of its two workers, when visitors have been told something."""
    service = ServiceOptions(tmp_path, HOST, free_port(HOST, 0, 0), 1)
    port, report = str(free_port(HOST, 0, 0)), tmp_path / REPORT
    master = (
        *("--headless", "--only-summary", "--master", "--master-bind-host", HOST),
        *("--master-bind-port", port, "--expect-workers", "2", "--report", str(report)),
    )
    worker = ("--worker", "--master-host", HOST, "--master-port", port)
    async with asyncio.timeout(RUN_SECONDS), AsyncExitStack() as stack:
        await stack.enter_async_context(Service(service))
        leading = await stack.enter_async_context(locust(service, tmp_path, *master))
        first, _ = [
            await stack.enter_async_context(locust(service, tmp_path, *worker)) for _ in range(2)
        ]
        journal = report / JOURNAL_FILE
        await asyncio.to_thread(wait_until, lambda: has_receipts(journal), RUN_SECONDS)
        yield leading, first


def receipts_of(tmp_path: Path) -> tuple[RunResult, Finding]:
    """The result, and what it says of the receipts."""
    text = (tmp_path / REPORT / RESULT_FILE).read_bytes()
    result = msgspec.json.decode(text, type=RunResult)
    return result, next(one for one in result.verdict.findings if one.check == COMPLETE)


@pytest.mark.torture  # its smaller siblings: test_intake.py, test_planted_faults.py
async def test_a_run_whose_worker_vanished_has_no_verdict(tmp_path: Path) -> None:
    async with running(tmp_path) as (master, worker):
        worker.kill()
        assert await master.wait() == 2
    result, receipts = receipts_of(tmp_path)
    assert (result.verdict.outcome, result.workers) == ("unknown", 2)
    (evidence,) = receipts.evidence
    assert re.fullmatch(
        r"worker \S+: no last batch after \d+ receipts: how many are missing is unknown", evidence
    )


@pytest.mark.torture
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_run_that_was_interrupted_says_so_and_has_the_receipts_of_all_workers(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with running(tmp_path) as (master, _):
        master.send_signal(number)
        assert await master.wait() == 2
    result, receipts = receipts_of(tmp_path)
    assert receipts.held, receipts.evidence
    assert (result.verdict.outcome, result.workers) == ("interrupted", 2)
