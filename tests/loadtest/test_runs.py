"""The commands that other people type: a crowd, the audit and Locust against a running service."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast_demo.service import Service, ServiceOptions, free_port
from holdfast_loadtest.rehearsal import Rehearsal

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "examples" / "plans" / "sports-hall.json"
HOST = "127.0.0.1"
SALE = "rehearsal"
RUN_SECONDS = 120


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[ServiceOptions]:
    options = ServiceOptions(tmp_path, HOST, free_port(HOST, 0, 0), 1)
    async with Service(options):
        yield options


async def run(service: ServiceOptions, *command: str) -> tuple[int | None, str]:
    """A command as in a shell, with the key in its environment; its status and all it printed."""
    environment = os.environ | {
        "HOLDFAST_PLATFORM_KEY": service.operator_key,
        "HOLDFAST_SALE": SALE,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env=environment,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, output.decode()


async def test_locust_makes_its_sale_buys_and_is_audited(service: ServiceOptions) -> None:
    status, output = await run(
        service,
        *("-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--host", service.url),
        *("-u", "30", "-r", "30", "-t", "12s", "--only-summary"),
    )
    assert status == 0, output
    assert "promises held" in output
    assert "(0 receipts)" not in output


@pytest.mark.parametrize(
    ("visitors", "minutes"), [(15, 0.1), pytest.param(40, 0.4, marks=pytest.mark.torture)]
)
async def test_crowd_and_audit_run_against_any_service(
    visitors: int, minutes: float, service: ServiceOptions, tmp_path: Path
) -> None:
    await asyncio.to_thread(Rehearsal(service.url, SALE, service.operator_key).prepare, PLAN)
    target = ("--url", service.url, "--sale", SALE)
    journal = str(tmp_path / "journal.jsonl")
    status, output = await run(
        service,
        *("-m", "holdfast_loadtest", *target, "--journal", journal),
        *("--visitors", str(visitors), "--minutes", str(minutes)),
    )
    assert status == 0, output
    status, output = await run(
        service, "-m", "holdfast_loadtest.audit", *target, "--journal", journal
    )
    assert status == 0, output
    assert "promises held" in output


async def test_audit_of_a_sale_that_is_not_there_says_so(service: ServiceOptions) -> None:
    status, output = await run(
        service, "-m", "holdfast_loadtest.audit", "--url", service.url, "--sale", "absent"
    )
    assert status == 2, output
    assert "unknown_sale" in output
