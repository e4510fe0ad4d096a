"""The files that are made of the declarations: dashboards for Grafana, rules for Prometheus."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from holdfast_monitoring import grafana
from holdfast_monitoring.boards import DASHBOARDS
from holdfast_monitoring.prometheus import rule_files

ROOT: Final = Path(__file__).resolve().parents[2]
DASHBOARD_DIRECTORY: Final = Path("metrics/dashboards")
RULE_DIRECTORY: Final = Path("metrics/rules")


def files() -> Iterator[tuple[Path, str]]:
    """Each file's path below the root of the repository, and what it has to contain."""
    for dashboard in DASHBOARDS:
        yield DASHBOARD_DIRECTORY / f"{dashboard.name}.json", grafana.written(dashboard)
    for name, text in rule_files():
        yield RULE_DIRECTORY / name, text


def stale(root: Path = ROOT) -> list[Path]:
    """The files that are missing or out of date."""
    there = ((path, text, root / path) for path, text in files())
    return [
        path for path, text, file in there if not file.is_file() or file.read_text("utf-8") != text
    ]


def write(root: Path = ROOT) -> None:
    """Writes every file."""
    for path, text in files():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
