"""Locust's page, extended: its table, its guards, and the options that it shows.

Importing Locust patches the standard library for gevent, so what needs it runs in another process.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = """
import json, sys
sys.argv = ["locust"]
from locust.argument_parser import get_parser, ui_extra_args_dict
from locust.env import Environment
from holdfast_loadtest.locust import locustfile
from holdfast_loadtest.locust.lifecycle import run
from holdfast_loadtest.locust.web_page import sale_rows

options = get_parser().parse_args([])
environment = Environment(events=locustfile.events, user_classes=[locustfile.Arrivals],
                          parsed_options=options)
environment.create_local_runner()
web = environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
environment.events.init.fire(environment=environment, runner=environment.runner, web_ui=web)
client = web.app.test_client()
run.sale = "gala"
page, stats = client.get("/"), client.get("/stats/requests", headers={"Origin": "https://evil.example"})
form = {"user_count": "1", "spawn_rate": "1"}
changes = {
    origin: client.post("/swarm", data=form, headers={"Origin": origin}).status_code
    for origin in ("https://evil.example", "http://localhost.evil.example", "null")
}
environment.runner.quit()
print(json.dumps({
    "headers": dict(page.headers), "page": page.get_data(as_text=True), "stats": stats.get_json(),
    "stats_headers": dict(stats.headers), "changes": changes,
    "report": client.get("/report").status_code, "options": ui_extra_args_dict([]),
    "over": list(sale_rows("gala", json.loads(sys.stdin.read()))),
    "failed": list(sale_rows("", {}, "set a key")),
}))
"""
RESULT = {
    "result": {
        "verdict": {
            "summary": "Verdict: 1 of 3 promises BROKEN",
            "findings": [
                {"check": "no seat is sold twice", "held": False, "evidence": ["A-1 in a and b"]},
                {"check": "no area is oversold", "held": True, "evidence": []},
            ],
            "thresholds": [
                {"name": "failed_share", "limit": 0.01, "measured": None, "held": False}
            ],
        },
        "funnel": {"arrived": 3, "empty_handed": 1},
    }
}


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """What the page answers, and the table of a run that is over."""
    told = subprocess.run(
        [sys.executable, "-c", PAGE],
        input=json.dumps(RESULT),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    answers: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return answers


def test_form_asks_for_scenario_and_sale(page: dict[str, Any]) -> None:
    assert set(page["options"]) == {"scenario", "sale", "shop_url"}
    assert "smoke" in page["options"]["scenario"]["choices"]


def test_page_has_a_tab_for_the_sale(page: dict[str, Any]) -> None:
    assert '"title": "Sale"' in page["page"]
    (table,) = page["stats"]["extended_stats"]
    assert table["key"] == "sale"
    assert {"part": "Sale", "figure": "name", "value": "gala"} in table["data"]


def test_no_other_site_can_start_load_or_read_the_page(page: dict[str, Any]) -> None:
    assert set(page["changes"].values()) == {403}
    assert "Access-Control-Allow-Origin" not in page["stats_headers"]
    policy = page["headers"]["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "http" not in policy


def test_report_is_not_there_before_a_run_is_over(page: dict[str, Any]) -> None:
    assert page["report"] == 404


def test_run_that_could_not_begin_is_told_with_the_reason(page: dict[str, Any]) -> None:
    assert {"part": "Run", "figure": "could not begin", "value": "set a key"} in page["failed"]


def test_broken_promises_and_missed_limits_are_told(page: dict[str, Any]) -> None:
    told = [(row["part"], row["figure"], row["value"]) for row in page["over"]]
    assert ("Verdict", "no seat is sold twice", "BROKEN: A-1 in a and b") in told
    assert ("Threshold", "failed_share", "not measured (limit 0.01): NOT HELD") in told
    assert ("Funnel", "empty handed", "1") in told
    assert not any("oversold" in figure for _, figure, _ in told)
