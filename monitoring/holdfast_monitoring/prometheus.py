"""Rule files as Prometheus reads them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from holdfast_monitoring import slo
from holdfast_monitoring.alerts import GROUPS
from holdfast_monitoring.rule import Alert

HEADER: Final = "# Written by `make fmt` from monitoring/holdfast_monitoring: change it there.\n"
RATIOS: Final = "holdfast-ratios"
"""the group of what is recorded"""
PAGE: Final = "docs/operations.md"
# An external label `runbooks` of Prometheus says where the page is to be read.
_RUNBOOKS: Final = "{{ with $externalLabels.runbooks }}{{ . }}{{ else }}" + PAGE + "{{ end }}"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and indents lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent)


def rule_files() -> Iterator[tuple[str, str]]:
    """Names and texts of all files of rules."""
    ratios = [{"record": one.name, "expr": one.expression} for one in slo.recordings()]
    yield "recording.yml", _written({RATIOS: ratios})
    yield (
        "alerts.yml",
        _written({name: [_alert(one) for one in alerts] for name, alerts in GROUPS.items()}),
    )


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.lasting,
        "labels": {"severity": alert.severity.value},
        "annotations": {
            "summary": alert.summary,
            "runbook_url": f"{_RUNBOOKS}#{alert.anchor}",
        },
    }


def _written(rules: Mapping[str, list[dict[str, Any]]]) -> str:
    """The text of a file with these rules by their groups."""
    groups = [{"name": name, "rules": of_group} for name, of_group in rules.items()]
    return HEADER + yaml.dump(
        {"groups": groups}, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True
    )
