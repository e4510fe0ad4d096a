import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from holdfast_monitoring.boards import DASHBOARDS
from holdfast_monitoring.files import (
    DASHBOARD_DIRECTORY,
    ROOT,
    RULE_DIRECTORY,
    files,
    stale,
    write,
)

WIDTH: Final = 24
"""columns of Grafana's grid"""
BEYOND_THE_SCHEMA: Final = {"titleFormat", "tagKeys", "step"}
"""what annotations by the Prometheus data source have, which Grafana's common schema leaves open"""


def _committed(name: str) -> dict[str, Any]:
    text = (ROOT / DASHBOARD_DIRECTORY / f"{name}.json").read_text("utf-8")
    made: dict[str, Any] = json.loads(text)
    return made


def test_files_are_current() -> None:
    assert stale() == []


def test_file_that_is_missing_or_changed_is_found(tmp_path: Path) -> None:
    write(tmp_path)
    assert stale(tmp_path) == []
    paths = [path for path, _ in files()]
    (tmp_path / paths[0]).write_text("{}")
    (tmp_path / paths[-1]).unlink()
    assert stale(tmp_path) == [paths[0], paths[-1]]


def test_no_other_files_lie_there() -> None:
    there = {
        path.relative_to(ROOT)
        for folder in (DASHBOARD_DIRECTORY, RULE_DIRECTORY)
        for path in (ROOT / folder).iterdir()
    }
    assert there == {path for path, _ in files()}


@pytest.mark.parametrize("name", [one.name for one in DASHBOARDS])
def test_grafana_knows_every_field(name: str) -> None:
    """Read by Grafana's types and written again nothing is missing."""
    made = _committed(name)
    for annotation in made.get("annotations", {}).get("list", ()):
        for field in BEYOND_THE_SCHEMA:
            annotation.pop(field)
    read = Dashboard.from_json(made)
    assert json.loads(JSONEncoder().encode(read)) == made


@pytest.mark.parametrize("name", [one.name for one in DASHBOARDS])
def test_panels_fill_the_grid_without_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in _committed(name)["panels"]:
        grid = panel["gridPos"]
        rows = range(grid["y"], grid["y"] + grid["h"])
        cells = {(x, y) for y in rows for x in range(grid["x"], grid["x"] + grid["w"])}
        assert grid["x"] + grid["w"] <= WIDTH, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", [one.name for one in DASHBOARDS])
def test_dashboard_can_be_imported_as_it_is(name: str) -> None:
    """It has no id of another Grafana, and asks which Prometheus to read."""
    made = _committed(name)
    assert made.get("id") is None
    assert made["uid"] == f"holdfast-{name}"
    identities = [panel["id"] for panel in made["panels"]]
    assert len(set(identities)) == len(identities)
    names = [variable["name"] for variable in made["templating"]["list"]]
    assert names[0] == "datasource"
    sources = {panel["datasource"]["uid"] for panel in made["panels"] if panel["type"] != "row"}
    assert sources == {"${datasource}"}


def test_panels_say_what_they_show_and_what_is_healthy() -> None:
    for dashboard in DASHBOARDS:
        for row in dashboard.rows:
            titles = [panel.title for panel in row.panels]
            assert len(set(titles)) == len(titles)
            for panel in row.panels:
                assert panel.meaning.endswith("."), panel.title
                assert panel.healthy.endswith("."), panel.title


def test_operators_changes_are_annotations_of_each_dashboard_of_sales() -> None:
    for dashboard in DASHBOARDS:
        expressions = [
            one["expr"] for one in _committed(dashboard.name).get("annotations", {}).get("list", ())
        ]
        changes = [text for text in expressions if "holdfast_operator_changes_total" in text]
        assert len(changes) == dashboard.by_sale


def test_prometheus_and_grafana_of_the_compose_file_read_them() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    assert f"./{DASHBOARD_DIRECTORY}:/etc/grafana/dashboards:ro" in services["grafana"]["volumes"]
    assert f"./{RULE_DIRECTORY}:/etc/holdfast-rules:ro" in services["prometheus"]["volumes"]
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
    assert config["rule_files"] == ["/etc/holdfast-rules/*.yml"]
    job, *others = config["scrape_configs"]
    assert (job["job_name"], others) == ("holdfast", []), "the rules name the job"
