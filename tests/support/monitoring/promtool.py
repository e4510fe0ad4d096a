"""What `promtool test rules` reads, made of cases."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from support.monitoring.alert_figures import Case

from holdfast_monitoring.alerts import ALERTS
from holdfast_monitoring.files import ROOT, RULE_DIRECTORY
from holdfast_monitoring.prometheus import RATIOS

RUNBOOKS: Final = "https://runbooks.example/operations.html"
STEPS_AFTER: Final = 10
BY_CODE: Final = {alert.code: alert for alert in ALERTS}


def write_test_files(directory: Path, cases: Sequence[Case]) -> list[str]:
    """Writes a file for each alert and step, with the alert's rule alone: it is sooner computed."""
    groups: dict[tuple[str, int], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.code, case.step), []).append(case)
    return [_write(directory, code, step, some) for (code, step), some in groups.items()]


def _write(directory: Path, code: str, step: int, cases: Sequence[Case]) -> str:
    """JSON is YAML."""
    rule = _committed()[BY_CODE[code].name]
    file = directory / f"{code}.rule.json"
    file.write_text(json.dumps({"groups": [{"name": "alert", "rules": [rule]}]}))
    ratios = ":holdfast_" in rule["expr"]
    recorded = [str(ROOT / RULE_DIRECTORY / "recording.yml")] if ratios else []
    made = {
        "rule_files": [*recorded, str(file)],
        "evaluation_interval": f"{step}m",
        # Else groups are evaluated in any order, and alerts read ratios of one step before.
        "group_eval_order": [RATIOS, "alert"] if ratios else ["alert"],
        "tests": [_test(case) for case in cases],
    }
    path = directory / f"{code}.{step}.test.json"
    path.write_text(json.dumps(made))
    return str(path)


@cache
def _committed() -> dict[str, Any]:
    """The rules of the alerts by name, as their file has them."""
    text = (ROOT / RULE_DIRECTORY / "alerts.yml").read_text("utf-8")
    groups = yaml.safe_load(text)["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def _test(case: Case) -> dict[str, Any]:
    alert = BY_CODE[case.code]
    series = [
        {"series": name, "values": " ".join(f"{value:g}" for value in values)}
        for name, values in case.series.items()
    ]
    made: dict[str, Any] = {"name": case.code, "interval": f"{case.step}m", "input_series": series}
    made["external_labels"] = {"runbooks": RUNBOOKS}
    made["promql_expr_test"] = [_state(case, minute) for minute in _minutes(case)]
    if case.summary:
        told = {"summary": case.summary, "runbook_url": f"{RUNBOOKS}#{alert.anchor}"}
        expected = {"exp_labels": _labels(case), "exp_annotations": told}
        shown = {
            "eval_time": f"{case.fires[0]}m",
            "alertname": alert.name,
            "exp_alerts": [expected],
        }
        made["alert_rule_test"] = [shown]
    return made


def _minutes(case: Case) -> range:
    """The minutes that are looked at: from the beginning until a while after the alert is over."""
    end = case.step * max(map(len, case.series.values()))
    clears = case.fires[1]
    over = clears + STEPS_AFTER * case.step if clears else end
    return range(0, min(over, end), case.step)


def _state(case: Case, minute: int) -> dict[str, Any]:
    """The alert fires at this minute, for one series, or it does not fire."""
    name = BY_CODE[case.code].name
    labels = _labels(case) | {"alertname": name, "alertstate": "firing"}
    sample = {"labels": f"ALERTS{{{_text(labels)}}}", "value": 1}
    firing = minute in range(*case.fires)
    return {
        "expr": f'ALERTS{{alertname="{name}", alertstate="firing"}}',
        "eval_time": f"{minute}m",
        "exp_samples": [sample] if firing else [],
    }


def _labels(case: Case) -> dict[str, str]:
    return {**case.labels, "severity": BY_CODE[case.code].severity.value}


def _text(labels: Mapping[str, str]) -> str:
    return ", ".join(f'{label}="{value}"' for label, value in labels.items())
