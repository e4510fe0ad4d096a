"""The commands that other people type, the audit and Locust, against a running service."""

import asyncio
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from support.loadtest.running_service import running_service
from support.service.running import wait_until

from holdfast_demo.service import ServiceOptions, free_port
from holdfast_loadtest.audit.journal import Journal
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import open_session
from holdfast_loadtest.crowd.arrivals import CrowdPlan, run_crowd
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.offer import read_offer
from holdfast_loadtest.crowd.tally import Tally
from holdfast_loadtest.observations.record import JOURNAL_FILE
from holdfast_loadtest.preparing import SalePreparer, Unprepared, sale_body
from holdfast_loadtest.report.result import RunResult
from holdfast_loadtest.scenarios.people import People
from holdfast_loadtest.scenarios.scenario import read_scenario, scenario_names
from holdfast_simulator.world import SaleWorld

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "examples" / "plans" / "sports-hall.json"
HOST = "127.0.0.1"
LOCUST_PORT = 5557
SALE = "rehearsal"
RUN_SECONDS = 120


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[ServiceOptions]:
    options = ServiceOptions(tmp_path / "data", HOST, free_port(HOST, 0, 0), 1)
    async with running_service(options):
        yield options


@pytest.fixture
async def service_with_roles(tmp_path: Path) -> AsyncIterator[ServiceOptions]:
    """Whose shop's server has a listener of its own."""
    ports = [free_port(HOST, 0, 0) for _ in range(2)]
    options = ServiceOptions(tmp_path / "data", HOST, ports[0], 1, ports[1])
    async with running_service(options):
        yield options


async def run(service: ServiceOptions, *command: str) -> tuple[int | None, str]:
    """A command as in a shell, with the key in its environment; its status and all it printed."""
    return await ended(await started(*command, HOLDFAST_PLATFORM_KEY=service.operator_key))


async def started(*command: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env=os.environ | environment,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Status and output of a process, which does not outlive the test."""
    try:
        output, _ = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return process.returncode, output.decode()


SCENARIO = """
about = "As small as a run can be that has everybody in it, and a line."
seed = 25
duration_seconds = {duration}

[users]
buyer = 3
visitor = 1
refresher = 1
abandoner = 1
bot = 1
storefront = 2
watcher = 1
net_watcher = 1

[arrivals]
shape = "flash"
visitors = {visitors}
seconds = 2

[sale]
seats = {{ Stalls = 40 }}
areas = {{ floor = 20 }}
new_users_per_minute = 240
burst = 2
claim_window_seconds = 5
first_hold_seconds = 10
hold_seconds = 3

[buyers]
patience_seconds = 6
look_seconds = {{ mean = 0.2 }}
pay_seconds = {{ mean = 0.2 }}
"""


@pytest.mark.early
@pytest.mark.parametrize(
    ("visitors", "duration"), [(24, 12), pytest.param(120, 45, marks=pytest.mark.torture)]
)
async def test_make_loadtest_sends_everybody_once_and_judges_once(
    visitors: int, duration: int, tmp_path: Path
) -> None:
    """With a service of its own, and Locust in two processes, beside another run's master."""
    scenario, report = tmp_path / "small.toml", tmp_path / "report"
    scenario.write_text(SCENARIO.format(visitors=visitors, duration=duration), encoding="utf-8")
    options = ("--scenario", str(scenario), "--report", str(report), "--processes", "2")
    with socket.socket() as other:
        with suppress(OSError):  # somebody else has it: as good
            other.bind((HOST, LOCUST_PORT))
        other.listen()
        status, output = await ended(await started("scripts/loadtest.py", *options))
    assert status == 0, output
    assert "promises held" in output
    result = msgspec.json.decode((report / "report.json").read_bytes())
    people = People(read_scenario(str(scenario)))
    kinds = Counter(people.kind(person) for person in range(visitors))
    watchers = kinds["watcher"], kinds["net_watcher"]
    assert result["funnel"]["arrived"] == visitors - sum(watchers), output
    compared = result["steps"]["compare"]
    assert compared["failures"] == 0
    assert compared["count"] > max(watchers), "both kinds hold their map against one read anew"
    assert result["funnel"]["left"], "visitors and bots buy nothing"
    assert result["workers"] == 2
    assert "no test sale" not in str(result["notes"]), "a run marks the sale that it makes"
    assert output.rstrip().endswith("report.html"), "the verdict stands below Locust's tables"
    assert {"join", "poll", "claim", "hold", "forgery", "exchange"} <= set(result["steps"])
    assert result["refusals"]["unauthorized"], "the bots' forgeries"
    assert result["refusals"]["handoff_used"], "the storefront's replays"


async def test_run_that_is_interrupted_says_so_and_has_its_report(tmp_path: Path) -> None:
    """Given SIGTERM as soon as somebody has joined."""
    scenario, report = tmp_path / "small.toml", tmp_path / "report"
    scenario.write_text(SCENARIO.format(visitors=300, duration=120), encoding="utf-8")
    process = await started(
        "scripts/loadtest.py", "--scenario", str(scenario), "--report", str(report)
    )
    journal = report / JOURNAL_FILE
    await asyncio.to_thread(
        wait_until, lambda: journal.exists() and journal.stat().st_size > 0, RUN_SECONDS
    )
    process.send_signal(signal.SIGTERM)
    status, output = await ended(process)
    assert status == 2, output
    result = msgspec.json.decode((report / "report.json").read_bytes(), type=RunResult)
    assert result.verdict.outcome == "interrupted", output
    assert result.verdict.summary in output
    assert all(one.held for one in result.verdict.findings), "people were sent home in good order"


async def test_run_with_an_unknown_scenario_says_so(tmp_path: Path) -> None:
    """Before it asks the service for anything."""
    nowhere = ServiceOptions(tmp_path, HOST, free_port(HOST, 0, 0), 1)
    command = ("-m", "locust", "-f", "loadtest/locustfile.py", "--headless")
    status, output = await run(
        nowhere, *command, "--host", nowhere.url, "--scenario", str(tmp_path / "none.toml")
    )
    assert status == 2, output
    assert "cannot be read" in output
    status, output = await run(nowhere, *command, "--scenario", "smok")
    assert status == 2, output
    assert "smok" in output


async def test_service_takes_the_sale_of_each_scenario(service: ServiceOptions) -> None:
    for name in scenario_names():
        preparer = SalePreparer(service.url, f"sale-{name}", service.operator_key)
        scenario = read_scenario(name)
        await asyncio.to_thread(preparer.make, scenario.sale)
        offer = await asyncio.to_thread(preparer.offer)
        assert set(offer.categories.values()) | set(offer.areas) == set(scenario.sale.stock())
        assert offer.seats == sum(scenario.sale.seats.values())
        assert sale_body(name, scenario.sale)["test"], "nothing of it is really sold"
    with pytest.raises(Unprepared, match="already"):
        await asyncio.to_thread(preparer.make, scenario.sale)


@pytest.mark.parametrize(
    ("visitors", "minutes"), [(15, 0.1), pytest.param(40, 0.4, marks=pytest.mark.torture)]
)
async def test_crowd_and_audit_run_against_any_service(
    visitors: int, minutes: float, service_with_roles: ServiceOptions, tmp_path: Path
) -> None:
    service = service_with_roles
    preparer = SalePreparer(service.url, SALE, service.operator_key)
    await asyncio.to_thread(preparer.make, SaleWorld(plan=str(PLAN), areas={"floor": 5_000}))
    journal = tmp_path / "journal.jsonl"
    async with open_session() as session:
        client = service.client(session, SALE)
        offer = await read_offer(ShopCalls(client, service.operator_key))
        with journal.open("w", encoding="utf-8") as file:
            told = Journal(file)
            crowd = CrowdContext(client, service.operator_key, offer, Tally(visitors), told)
            await run_crowd(CrowdPlan(visitors, time_limit_s=minutes * 60), crowd)
    assert told.joined
    target = ("--url", service.url, "--shop-url", service.key_url, "--sale", SALE)
    status, output = await run(
        service, "-m", "holdfast_loadtest.audit", *target, "--journal", str(journal)
    )
    assert status == 0, output
    assert f"{len(told.joined):,} joins seen by visitors" in output
    assert "promises held" in output
    status, output = await run(
        service, "-m", "holdfast_loadtest.audit", "--url", service.url, "--sale", "absent"
    )
    assert status == 2, output
    assert "unknown_sale" in output
