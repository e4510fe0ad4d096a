"""A real Prometheus reads two workers while people buy: what panels and alerts get from it.

One story for the module: the service starts, people buy, two workers are killed, and Prometheus is
asked until every panel has an answer.
"""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import aiohttp
import pytest
from support import http_servers
from support.api_client import Api
from support.monitoring.crowd import SALE, open_sale, visit
from support.service.running import Service, serving, wait_until
from support.services import Server

from holdfast_monitoring.alerts import ALERTS
from holdfast_monitoring.boards import DASHBOARDS
from holdfast_monitoring.files import ROOT, RULE_DIRECTORY
from holdfast_monitoring.grafana import CHANGES
from holdfast_monitoring.panel import ValueFormat

PATIENCE_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.5
WINDOW: Final = "15s"
TAKES_LONGER: Final = "holdfast_wait_estimate_error_seconds"
"""told waits are compared with real ones every ten seconds, in lines that last longer than this"""
BY_LOAD: Final = re.compile(r"Slow|Lag|Latency|Refused")
"""alerts that a busy machine may raise by itself"""
_SELECTOR: Final = re.compile(r"\b(?:holdfast_\w+|up|\w+:holdfast_\w+:\w+)(?:\{[^}]*\})?(?![\w(:])")


class Watch:
    """Prometheus, as it is asked."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self._http = http
        self._url = f"http://127.0.0.1:{port}/api/v1/query"

    async def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now, but those that are no number.

        A quantile of nothing is none. While Prometheus is not ready there is no answer either.
        """
        text = expression.replace("$sale", SALE)
        text = re.sub(r"\$__(?:rate_)?interval", WINDOW, text)
        async with self._http.get(self._url, params={"query": text}) as answer:
            if answer.status == 503:
                return []
            body = await answer.json()
        assert body["status"] == "success", (text, body)
        return [one for one in body["data"]["result"] if one["value"][1] != "NaN"]

    async def until_answered(self, expressions: set[str]) -> set[str]:
        """Those that have no answer, at the latest when patience is over."""
        open_ones = set(expressions)
        async with asyncio.timeout(PATIENCE_SECONDS * 2):
            for _ in range(int(PATIENCE_SECONDS / PAUSE_SECONDS)):
                open_ones = {one for one in open_ones if not await self.ask(one)}
                if not open_ones:
                    break
                await asyncio.sleep(PAUSE_SECONDS)
        return open_ones


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("watched") / "data", "--workers", "2") as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(service: Service) -> Iterator[Server]:
    config = f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{ROOT / RULE_DIRECTORY}/*.yml"]
scrape_configs:
  - job_name: holdfast
    static_configs: [{{targets: ["{service.url.removeprefix("http://")}"]}}]
"""
    with http_servers.prometheus(config) as server:
        yield server


@pytest.fixture
async def watch(service: Service, prometheus: Server) -> AsyncIterator[Watch]:
    async with aiohttp.ClientSession() as http:
        made = Watch(http, prometheus.port)
        if not await made.ask(f'holdfast_waiting{{sale="{SALE}"}}'):
            operator = Api(http, service.url, service.operator_key)
            await open_sale(operator)
            assert not await made.until_answered({f'holdfast_waiting{{sale="{SALE}"}}'})
            await visit(operator)
        yield made


async def test_every_panel_has_an_answer(watch: Watch) -> None:
    panels = {
        expression: f"{board.title}: {panel.title}, {legend}"
        for board in DASHBOARDS
        for panel in board.panels()
        for legend, expression in panel.queries.items()
        if TAKES_LONGER not in expression
    }
    unanswered = await watch.until_answered(set(panels))
    assert [panels[one] for one in unanswered] == []


async def test_shares_are_between_none_and_all(watch: Watch) -> None:
    expressions = {
        expression
        for board in DASHBOARDS
        for panel in board.panels()
        if panel.unit is ValueFormat.SHARE and panel.from_zero
        for expression in panel.queries.values()
    }
    assert await watch.until_answered(expressions) == set()
    for expression in expressions:
        shown = [float(one["value"][1]) for one in await watch.ask(expression)]
        assert all(0 <= value <= 1 for value in shown), (expression, shown)


async def test_what_alerts_read_is_there(watch: Watch) -> None:
    wanted = {one for alert in ALERTS for one in _SELECTOR.findall(alert.expression)}
    assert len(wanted) > len(ALERTS)
    assert await watch.until_answered(wanted) == set()


async def test_late_payment_is_an_alert_and_nothing_else_is(watch: Watch) -> None:
    """Its series was there at 0 before: an increase that Prometheus sees."""
    assert not await watch.until_answered({'ALERTS{alertname="HoldfastPaymentWithoutSeat"}'})
    raised = {one["metric"]["alertname"] for one in await watch.ask('ALERTS{alertstate="firing"}')}
    assert {name for name in raised if not BY_LOAD.search(name)} == {"HoldfastPaymentWithoutSeat"}


async def test_operators_change_is_a_line(watch: Watch) -> None:
    assert not await watch.until_answered({f"last_over_time(({CHANGES})[5m:1s])"})
    found = await watch.ask(f"last_over_time(({CHANGES})[5m:1s])")
    assert {one["metric"]["action"] for one in found} >= {"patch"}


async def test_killed_workers_are_an_alert(service: Service, watch: Watch) -> None:
    for _ in range(2):
        _kill_worker(service)
    name = "HoldfastWorkerRestarting"
    assert not await watch.until_answered({f'ALERTS{{alertname="{name}", alertstate="firing"}}'})


def _kill_worker(service: Service) -> None:
    """Kills one, and waits for its successor."""
    before = set(service.workers())
    os.kill(min(before), signal.SIGKILL)
    wait_until(lambda: len(service.workers()) == len(before) and set(service.workers()) != before)
